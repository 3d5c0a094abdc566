"""What a text message says, as named fields and rows, still in the device's own characters.

``Fields`` is the neutral tree all codecs of this package give: ``at("id")`` reads a field of the
head, ``at("WBC.value")`` a field of the first row of that name.  Blank fields read as ``None``.
Text is decoded byte for byte (Latin-1), so nothing is lost; a profile says what the bytes mean.
``problems`` are the paths that do not hold what the layout demands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError
from gateway.protocols.events import Integrity


@dataclass(frozen=True, slots=True)
class Fields:
    """One message, or one row of it: ``values`` by name and ``rows`` in the order sent."""

    name: str
    values: Mapping[str, str] = field(repr=False)
    rows: tuple[Fields, ...] = field(default=(), repr=False)
    blobs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    integrity: Integrity = Integrity.UNCHECKED
    problems: tuple[str, ...] = ()

    def at(self, path: str) -> str | None:
        """The text at ``field`` or ``row.field``, without its padding; ``None`` when blank."""
        row, dot, name = path.rpartition(".")
        place = self.row(row) if dot else self
        text = place.values.get(name, "").strip() if place is not None else ""
        return text or None

    def row(self, name: str) -> Fields | None:
        """The first row of that name."""
        return next(self.named(name), None)

    def named(self, name: str) -> Iterator[Fields]:
        """Every row of that name: some devices repeat a test."""
        return (row for row in self.rows if row.name == name)


def put(values: dict[str, str], name: str, value: str, problems: list[str]) -> None:
    """Adds a value.  A name already there is kept too, numbered, and is a problem."""
    if name in values:
        problems.append(name)
        name = f"{name}#{len(values) + 1}"
    values[name] = value


def text_of(raw: bytes) -> str:
    """One character for each byte, reversible."""
    return raw.decode("latin-1")


def bytes_of(text: str) -> bytes:
    """Back to the wire.  Text from elsewhere that does not fit is refused, never replaced."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"character {error.start} does not fit a byte") from None


def body_of(raw: bytes, start: bytes, end: bytes) -> bytes:
    """What stands between the marks of a message."""
    if not (raw.startswith(start) and raw.endswith(end) and len(raw) >= len(start) + len(end)):
        raise RemoteProtocolError("not one whole message of this device")
    return raw[len(start) : len(raw) - len(end)]
