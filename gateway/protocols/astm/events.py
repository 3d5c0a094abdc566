"""What a receiver and a sender tell their caller.

Events marked *answer* stop the receiver until ``accept()``, ``refuse()`` or ``interrupt()`` was
called.  Every accepted ``Enquiry`` is followed by exactly one of ``TransmissionEnded``,
``TransmissionIncomplete`` or ``Heartbeat``.  No event shows text in its ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.protocols.astm.frame import Frame


class Damage(StrEnum):
    """Why bytes that began like a frame are not one."""

    CHECKSUM = "checksum"
    NUMBER = "number"  # neither the next frame nor the last one again
    DIFFERENT = "different"  # the last number again, but other bytes
    MALFORMED = "malformed"  # no frame number; an envelope without a header or an end
    CONTROL = "control"  # STX, ENQ or EOT before the frame's end, SYN, a NUL
    RESTART = "restart"  # follows a broken-off frame at once but does not begin like it
    OVERSIZE = "oversize"
    LIMIT = "limit"  # the transmission grows beyond its limit


class Incomplete(StrEnum):
    """Why a transmission is evidence and not a result."""

    RESTARTED = "restarted"  # ENQ (or a new header) in the middle
    EARLY_END = "early-end"  # EOT before an L record
    INTERMEDIATE = "intermediate"  # EOT after a frame that announced more (ETB)
    TRUNCATED = "truncated"  # an accepted frame was only the beginning of one
    NO_HEADER = "no-header"
    NO_FRAME = "no-frame"  # ENQ and EOT with only noise or damaged frames between
    TIMEOUT = "timeout"
    LOST = "lost"  # the connection ended
    OVERSIZE = "oversize"
    FRAMING = "framing"  # frame characters in a dialect that has none


class Ending(StrEnum):
    """How a complete transmission ended.  Behind the last three the peer vanished after its L
    record was accepted."""

    EOT = "eot"
    TERMINATOR = "terminator"  # bare and envelope dialects: the L record itself
    ENQUIRY = "enquiry"
    TIMEOUT = "timeout"
    LOST = "lost"


class Foreign(StrEnum):
    """Protocols that are recognised only to say that they are not ASTM."""

    MLLP = "mllp"
    XML = "xml"


class Failure(StrEnum):
    """Why a sender gave up.  The message was not delivered and must be sent again in full."""

    BUSY = "busy"  # every ENQ was answered by NAK
    NO_REPLY = "no-reply"
    REFUSED = "refused"  # one frame sent ``tries`` times without acceptance
    CONTENTION = "contention"  # the peer goes first
    INTERRUPTED = "interrupted"  # the receiver asked for the line and got it
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Enquiry:
    """*Answer.*  The peer wants to send."""


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """*Answer.*  The next frame, whole."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class FrameRepeated:
    """*Answer.*  The last accepted frame again: our ACK was lost.  Not to be appended."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class FrameDamaged:
    """*Answer*, by ``refuse()`` only.  ``raw`` is what was consumed, at most ``max_frame``."""

    reason: Damage
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """*Answer.*  Bare and envelope dialects: one whole message; nothing vouches for its bytes.

    Accepted, it is followed by its ``TransmissionEnded``.
    """

    raw: bytes = field(repr=False)
    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChunkReceived:
    """*Answer.*  ``Ack.PER_CHUNK`` only: what one read brought; comes again inside its message."""

    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TransmissionEnded:
    """The joined text is whole: it starts with an H record and ends with an L record.

    ``junk`` counts bytes between the frames, ``damaged`` frames that were refused on the way.
    """

    frames: int
    ending: Ending = Ending.EOT
    checked: bool = True
    junk: int = 0
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class TransmissionIncomplete:
    """Keep as evidence, never deliver.  ``raw`` holds bytes no earlier event has shown."""

    reason: Incomplete
    frames: int
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """ENQ and EOT with nothing between."""


@dataclass(frozen=True, slots=True)
class NotAstm:
    """``Framing.AUTO`` met another protocol.  Further bytes of this connection are ignored."""

    protocol: Foreign


Event = (
    Enquiry
    | FrameReceived
    | FrameRepeated
    | FrameDamaged
    | MessageReceived
    | ChunkReceived
    | TransmissionEnded
    | TransmissionIncomplete
    | Heartbeat
    | NotAstm
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver took the enquiry (``frames == 0``) or one more frame."""

    frames: int


@dataclass(frozen=True, slots=True)
class Busy:
    """The enquiry was answered by NAK; it is repeated after ``Timers.busy``."""

    tries: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The receiver took the frame and asks for the line (EOT instead of ACK)."""

    frames: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """Every frame was acknowledged."""

    frames: int


@dataclass(frozen=True, slots=True)
class Failed:
    reason: Failure
    frames: int


SenderEvent = Accepted | Busy | Interrupted | Delivered | Failed
