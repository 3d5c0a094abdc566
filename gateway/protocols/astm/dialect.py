"""How a device bends LIS01-A2: a closed list of choices, each of them tested.

A profile names a ``Dialect``; it cannot invent one.  The only choices that weaken integrity
(``Checksum.NONE``, ``Framing.BARE``, ``Framing.ENVELOPE``) show in what the receiver reports as
``checked=False``.  Times are seconds, sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """Which end of the line we are.  After a collision the instrument may go first."""

    HOST = "host"
    INSTRUMENT = "instrument"


class Framing(StrEnum):
    """What lies around the records on the wire."""

    FRAMED = "framed"  # ENQ, numbered frames with checksums, EOT
    BARE = "bare"  # records ended by CR, nothing else
    ENVELOPE = "envelope"  # SOH records EOT
    AUTO = "auto"  # the first bytes of a connection decide


class Numbering(StrEnum):
    """``LOOSE`` takes any digit; a repeat is still the same digit *and* the same bytes.

    A frame that is lost as a whole then goes unnoticed here; ``Message.gaps()`` may tell.
    """

    STRICT = "strict"
    LOOSE = "loose"


class Checksum(StrEnum):
    """``LOWER`` also takes lower-case digits (and sends them); ``NONE`` checks nothing."""

    REQUIRED = "required"
    LOWER = "lower"
    NONE = "none"


class Ack(StrEnum):
    """What a device without frames wants acknowledged.  A chunk is what one read brought."""

    PER_MESSAGE = "per_message"
    PER_CHUNK = "per_chunk"
    NEVER = "never"


class Endings(StrEnum):
    """Where a sender puts ETX: after each record, or only after the message's last frame."""

    RECORD = "record"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Timers:
    """LIS01-A2 section 6; ``garbled`` is how long an unreadable answer may still be followed by
    the real one before it counts as NAK."""

    reply: float = 15.0
    frame: float = 30.0
    busy: float = 10.0
    contention_instrument: float = 1.0
    contention_host: float = 20.0
    garbled: float = 1.0

    def scaled(self, factor: float) -> Timers:
        """The same proportions on another clock, for tests and demonstrations."""
        return Timers(
            self.reply * factor,
            self.frame * factor,
            self.busy * factor,
            self.contention_instrument * factor,
            self.contention_host * factor,
            self.garbled * factor,
        )


@dataclass(frozen=True, slots=True)
class Dialect:
    """``max_frame`` limits a received frame STX to ETX; ``max_text`` a sent frame's text."""

    framing: Framing = Framing.FRAMED
    numbering: Numbering = Numbering.STRICT
    checksum: Checksum = Checksum.REQUIRED
    ack: Ack = Ack.PER_MESSAGE
    endings: Endings = Endings.RECORD
    max_frame: int = 65_536
    max_text: int = 240
    max_transmission: int = 16 * 1024 * 1024
    tries: int = 6
    timers: Timers = field(default_factory=Timers)

    def __post_init__(self) -> None:
        if not 8 <= self.max_frame <= self.max_transmission:
            raise ValueError("max_frame must lie between 8 and max_transmission")
        if not 1 <= self.max_text <= 63_993:
            raise ValueError("max_text must lie between 1 and 63993")
        if self.tries < 1:
            raise ValueError("tries must be at least 1")
