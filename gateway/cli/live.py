"""The demonstration's terminal view: devices, results as they arrive, queues, what the EHR took.

Fed by notices and by what the simulated EHR and an MQTT listener say they got; draws with rich on
a terminal and prints one line an event elsewhere.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.notices import (
    Delivered,
    DeliveryParked,
    DeliveryPostponed,
    DuplicateSeen,
    FrameRefused,
    LinkChanged,
    LinkState,
    Posted,
    ReportFiled,
    StudyChanged,
    TransmissionLost,
)

_LAMPS = {
    LinkState.UP: ("●", "green"),
    LinkState.WAITING: ("○", "cyan"),
    LinkState.RETRYING: ("◐", "yellow"),
    LinkState.FAILED: ("✖", "red"),
    LinkState.CLOSED: ("○", "dim"),
}


@dataclass(slots=True)
class DeviceRow:
    name: str
    what: str
    link: LinkState = LinkState.CLOSED
    detail: str = ""
    reports: int = 0
    refused: int = 0
    last: str = ""


@dataclass(slots=True)
class Board:
    """Everything on the screen; ``see`` takes notices, the other verbs what peers report."""

    devices: dict[str, DeviceRow]
    destinations: dict[str, str]
    header: str
    lines: deque[Text] = field(default_factory=lambda: deque(maxlen=14))
    delivered: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    held: int = 0
    printer: Console | None = None
    clock: Callable[[], datetime] | None = None

    def see(self, posted: Posted) -> None:
        at, notice = posted.at, posted.notice
        match notice:
            case LinkChanged(device, state, detail) if device in self.devices:
                self.devices[device].link = state
                self.devices[device].detail = detail
            case FrameRefused(device, reason) if device in self.devices:
                self.devices[device].refused += 1
                self._say(at, device, f"frame refused ({reason}), sent again", "yellow")
            case ReportFiled(device, _, kind, observations, held):
                self._filed(at, device, kind, observations, held)
            case DuplicateSeen(device):
                self._say(at, device, "sent again, already here: kept, not delivered twice", "dim")
            case TransmissionLost(device, _, reason):
                self._say(at, device, f"cut off ({reason}): kept as evidence", "yellow")
            case Delivered(destination, _, _, answer, seconds):
                self.delivered[destination] += 1
                if not self.destinations.get(destination, "").startswith("mqtt"):
                    self._say(at, destination, f"{answer} after {seconds * 1000:.1f} ms", "green")
            case DeliveryPostponed(destination, _, reason, _):
                self._say(at, destination, f"waits: {reason}", "yellow")
            case DeliveryParked(destination, _, _, reason):
                self._say(at, destination, f"needs a person: {reason}", "red")
            case StudyChanged(device, _, instances, state):
                self._say(at, device, f"study of {instances} images, {state}", "magenta")
            case _:
                pass

    def ehr_answered(self, answer: str, placer: str = "") -> None:
        """``placer`` is the EHR's own number of the order a result came for."""
        self.answers[answer] += 1
        if placer and self.clock is not None:
            self._say(self.clock(), "ehr", f"result of order {placer} is here", "green")

    def ehr_ordered(self, placer: str, specimen: str, tests: int) -> None:
        noun = "test" if tests == 1 else "tests"
        if self.clock is not None:
            what = f"order {placer}: {tests} {noun} of tube {specimen}"
            self._say(self.clock(), "ehr", what, "blue")

    def ehr_scheduled(self, placer: str) -> None:
        if self.clock is not None:
            self._say(self.clock(), "ehr", f"order {placer}: an ultrasound guided biopsy", "blue")

    def device_told(self, device: str, specimens: str) -> None:
        if self.clock is not None:
            self._say(self.clock(), device, f"asked what to do, was told: {specimens}", "blue")

    def mqtt_heard(self, topic: str) -> None:
        """Counts by the topic's last level; the first of each kind is worth a line."""
        kind = topic.rsplit("/", 1)[-1]
        self.topics[kind] += 1
        if self.topics[kind] == 1 and self.clock is not None:
            self._say(self.clock(), "mqtt", f"{kind}: heard on {topic}", "cyan")

    def draw(self) -> Group:
        return Group(
            Text(self.header, style="bold"),
            self._device_table(),
            Panel(Group(*self.lines), title="as it happens", height=16, border_style="dim"),
            self._destination_table(),
        )

    def _filed(
        self, at: datetime, device: str, kind: str, observations: int, held: tuple[str, ...]
    ) -> None:
        row = self.devices.get(device)
        if row is not None:
            row.reports += 1
            row.last = f"{at:%H:%M:%S}"
        if held:
            self.held += 1
            self._say(at, device, f"HELD: {', '.join(held)}; see 'gateway held list'", "red")
        else:
            noun = "result" if observations == 1 else "results"
            self._say(at, device, f"{kind}: {observations} {noun} on disk", "white")

    def _say(self, at: datetime, who: str, what: str, style: str) -> None:
        line = Text.assemble((f"{at:%H:%M:%S}  ", "dim"), (f"{who:<14}", "bold"), (what, style))
        self.lines.append(line)
        if self.printer is not None:
            self.printer.print(line)

    def _device_table(self) -> Table:
        table = Table(expand=True, box=None, padding=(0, 1))
        for heading in ("", "device", "what it is", "link", "reports", "refused", "last"):
            table.add_column(
                heading, justify="right" if heading in {"reports", "refused"} else "left"
            )
        for row in self.devices.values():
            lamp, colour = _LAMPS[row.link]
            table.add_row(
                Text(lamp, style=colour),
                row.name,
                row.what,
                f"{row.link} {row.detail}",
                str(row.reports),
                str(row.refused),
                row.last,
            )
        return table

    def _destination_table(self) -> Table:
        table = Table(expand=True, box=None, padding=(0, 1))
        for heading in ("destination", "where", "delivered"):
            table.add_column(heading)
        for name, where in self.destinations.items():
            table.add_row(name, where, str(self.delivered[name]))
        said = ", ".join(f"{n} x {a}" for a, n in sorted(self.answers.items())) or "nothing yet"
        heard = ", ".join(f"{t} {n}" for t, n in sorted(self.topics.items())) or "nothing yet"
        table.add_row("", Text(f"the EHR answered: {said}", style="green"), "")
        table.add_row("", Text(f"a listener on MQTT heard: {heard}", style="cyan"), "")
        table.add_row("", Text(f"held for a person: {self.held}", style="red"), "")
        return table


def screen(board: Board) -> Live:
    """A live view on a terminal; elsewhere the board prints its lines and this shows nothing."""
    console = Console()
    if not console.is_terminal:
        board.printer = console
        console.print(board.header)
    return Live(
        get_renderable=board.draw,
        console=console if console.is_terminal else Console(quiet=True),
        refresh_per_second=4,
        transient=False,
    )
