"""The results of an ORU or OUL, each under its own order, specimen and patient.

Read by position, not by the structures of the standard: analyzers add SPM where none is allowed,
send several OBRs, leave OBX-1 empty, put the whole answer into OBX-8.  An SPM before the first OBR
begins a specimen (OUL^R22); one behind OBX belongs to the OBR above it, and to all OBRs when it is
the only one of a message with one patient.  ED values are named as attachments and not decoded.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.protocols.hl7 import Message, Segment, decode
from gateway.protocols.hl7device.header import Header, read_header

_ADDRESS = re.compile(
    r"([A-Z][A-Z0-9]{2})[.-](\d{1,3})(?:\((\d{1,3})\))?(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?"
)
_ATTACHED: Final = ("ED", "RP")


@dataclass(frozen=True, slots=True)
class Scope:
    """One point of a message: the segments around it, the nearest first."""

    segments: tuple[Segment, ...] = field(repr=False)
    header: Header = field(repr=False)

    def at(self, address: str) -> str | None:
        """``OBX.5.1``, ``PID-3(2).4``; the first repetition and component unless said otherwise."""
        parsed = self._parse(address)
        if parsed is None:
            return None
        line, number, repetition, component, subcomponent = parsed
        return line.at(number, component, subcomponent, repetition=repetition)

    def field(self, address: str) -> str:
        """A whole field as sent, every repetition and escape of it."""
        parsed = self._parse(address)
        return parsed[0].field(parsed[1]) if parsed else ""

    def parts(self, address: str) -> tuple[str, ...]:
        """The components of one repetition; none when it is empty."""
        parsed = self._parse(address)
        return parsed[0].components(parsed[1], repetition=parsed[2]) if parsed else ()

    def every(self, address: str) -> tuple[str, ...]:
        """The values of all repetitions, none empty."""
        parsed = self._parse(address)
        if parsed is None:
            return ()
        line, number, _, component, subcomponent = parsed
        count = len(line.repetitions(number))
        values = (line.at(number, component, subcomponent, repetition=n + 1) for n in range(count))
        return tuple(text for text in values if text)

    def _parse(self, address: str) -> tuple[Segment, int, int, int, int] | None:
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise ValueError("not an address like OBX.5.1")
        name, *rest = match.groups()
        number, repetition, component, subcomponent = (int(text or 1) for text in rest)
        if name == "MSH":
            number = self.header.position(number)
            return self.header.segment, number, repetition, component, subcomponent
        line = next((line for line in self.segments if line.name == name), None)
        return None if line is None else (line, number, repetition, component, subcomponent)


@dataclass(frozen=True, slots=True)
class Observation:
    """``index`` counts the OBX of the message from 1; ``notes`` are its NTEs, ``more`` what else
    hangs on it (TCD, SID, INV)."""

    index: int
    obx: Segment
    notes: tuple[Segment, ...]
    more: tuple[Segment, ...]
    scope: Scope

    @property
    def attachment(self) -> int | None:
        """Bytes of an ED or RP value, which is no measurement; None for all others."""
        return len(self.obx.field(5)) if self.obx.at(2) in _ATTACHED else None

    def attached(self) -> bytes | None:
        """The decoded Base64 data of an ED value; None when it is none or cannot be decoded."""
        if self.obx.at(2) != "ED" or (self.obx.at(5, 4) or "").lower() != "base64":
            return None
        try:
            return b64decode(self.obx.at(5, 5) or "", validate=True)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Order:
    """One OBR and what it found.  ``obr`` is None for OBX that stand under none."""

    obr: Segment | None
    notes: tuple[Segment, ...]
    observations: tuple[Observation, ...]
    scope: Scope


@dataclass(frozen=True, slots=True)
class Results:
    """``doubtful``: the character set was guessed."""

    header: Header
    message: Message
    orders: tuple[Order, ...]
    doubtful: bool = False


def read_results(raw: bytes, codec: str | None = None) -> Results:
    """Raises ``Unreadable``.  ``codec`` overrides MSH-18."""
    decoded = decode(raw, codec=codec)
    header = Header(decoded.message.header, read_header(raw).shift)
    orders = tuple(_orders(decoded.message, header))
    return Results(header, decoded.message, orders, decoded.doubtful)


@dataclass(slots=True)
class _Draft:
    """An order being read."""

    obr: Segment | None
    around: list[Segment]
    notes: list[Segment] = field(default_factory=list)
    found: list[tuple[int, Segment, list[Segment], list[Segment]]] = field(default_factory=list)
    specimens: list[Segment] = field(default_factory=list)

    def note(self, line: Segment) -> None:
        (self.found[-1][2] if self.found else self.notes).append(line)

    def add(self, line: Segment) -> None:
        (self.found[-1][3] if self.found else self.around).append(line)

    def finish(self, header: Header) -> Order:
        own = [self.obr] if self.obr is not None else []
        around = (*own, *self.specimens, *self.around)
        observations = tuple(
            Observation(index, obx, tuple(notes), tuple(more), Scope((obx, *more, *around), header))
            for index, obx, notes, more in self.found
        )
        return Order(self.obr, tuple(self.notes), observations, Scope(around, header))


class _Reader:
    """Goes through the segments once."""

    def __init__(self, message: Message) -> None:
        names = [line.name for line in message.segments]
        first = names.index("OBR") if "OBR" in names else len(names)
        self._leading = "SPM" in names[:first]
        self._order_follows = "ORC" not in names[:first]  # OUL^R22: OBR, then its ORC
        self._patient: list[Segment] = []
        self._specimen: list[Segment] = []
        self._before: list[Segment] = []  # ORC and others that belong to the next OBR
        self._current: _Draft | None = None
        self._count = 0
        self.drafts: list[_Draft] = []

    def take(self, line: Segment) -> None:
        match line.name:
            case "PID":
                self._patient, self._specimen, self._current = [line], [], None
            case "PV1" | "PD1" | "NK1":
                self._patient.append(line)
            case "ORC" if self._order_follows and self._current is not None:
                self._current.add(line)
            case "ORC":
                self._before, self._current = [line], None
            case "OBR":
                self._open(line)
            case "SPM":
                self._take_specimen(line)
            case "OBX":
                self._count += 1
                (self._current or self._open(None)).found.append((self._count, line, [], []))
            case "NTE" if self._current is not None:
                self._current.note(line)
            case "SAC" if self._leading and self._current is None:
                self._specimen.append(line)
            case _ if self._current is not None:
                self._current.add(line)
            case _:
                self._before.append(line)

    def _open(self, obr: Segment | None) -> _Draft:
        draft = _Draft(obr, [*self._before, *self._patient], specimens=list(self._specimen))
        self._before = []
        self._current = draft
        self.drafts.append(draft)
        return draft

    def _take_specimen(self, line: Segment) -> None:
        if self._leading:
            self._specimen, self._current = [line], None
        elif self.drafts:
            self.drafts[-1].specimens.append(line)
        else:
            self._before.append(line)


def _orders(message: Message, header: Header) -> Iterator[Order]:
    reader = _Reader(message)
    for line in message.segments[1:]:
        reader.take(line)
    specimens = list(message.all("SPM"))
    only = len(specimens) == 1 and len(message.all("PID")) < 2
    for draft in reader.drafts:
        if only and not draft.specimens:
            draft.specimens = specimens
        yield draft.finish(header)
