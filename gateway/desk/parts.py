"""What the desk works with: the parts of a gateway, running or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from gateway.desk.links import LinkBoard
from gateway.intake import Intake, Router
from gateway.store import Store
from gateway.transports.tape import Tape


class Lane(Protocol):
    """A destination's courier, as far as a person is concerned."""

    def pause(self, reason: str) -> None: ...

    def resume(self) -> None: ...

    @property
    def state(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the status says of a device beside its line."""

    profile: str
    stream: str


@dataclass(frozen=True, slots=True)
class UnknownCaller:
    """A DICOM caller in no section, as our node saw it."""

    ae_title: str
    address: str
    called: str
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What the desk works with.  ``lanes`` is empty when no gateway runs.

    ``imaging``: whether the site has a DICOM side; ``four_eyes``: whether studies are decided about
    by two people; ``strangers`` called it and were turned away.
    ``tapes`` have the last of what was said on each device's line.
    """

    store: Store
    intake: Intake
    router: Router
    lanes: Mapping[str, Lane]
    links: LinkBoard
    devices: Mapping[str, DeviceFacts]
    destinations: Mapping[str, str]
    site: str
    timezone: ZoneInfo
    clock: Callable[[], datetime]
    running: bool
    imaging: bool = False
    four_eyes: bool = False
    strangers: Callable[[], Sequence[UnknownCaller]] = tuple
    tapes: Mapping[str, Tape] = field(default_factory=dict)

    def not_running(self, what: str, name: str, known: Iterable[str]) -> str:
        """Why there is no such part to ask."""
        if not self.running:
            return "the gateway does not run; start it with 'gateway run'"
        return f"no running {what} '{name}'; known: {', '.join(sorted(known)) or 'none'}"
