"""What reading a recording yields: transmissions, their outcome, and what was odd about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.protocols.astm.events import Damage, Foreign, Incomplete


class Outcome(StrEnum):
    """Only ``COMPLETE`` may become results."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    DAMAGED = "damaged"
    HEARTBEAT = "heartbeat"


class Remark(StrEnum):
    """Oddities that are neither a damaged frame nor a reason to be incomplete."""

    TRAILER = "trailer"  # right behind a checksum stands neither CR LF, CR, LF nor a control
    JUNK = "junk"  # bytes between frames or transmissions
    REPEATED = "repeated"  # a frame sent twice, taken once
    REPAIRED = "repaired"  # a damaged frame that was sent again whole
    ENQUIRED_AGAIN = "enquired-again"  # ENQ repeated before anything was sent
    NO_ENQUIRY = "no-enquiry"  # begins with a first frame, without its ENQ
    NO_END = "no-end"  # ends without EOT (bare records: without CR)
    UNCHECKED = "unchecked"  # nothing vouches for these bytes


Kind = Remark | Damage | Incomplete | Foreign

_SAYS: Final[dict[Kind, str]] = {
    Remark.TRAILER: "bytes behind a checksum that are no end of a frame",
    Remark.JUNK: "bytes that belong to nothing",
    Remark.REPEATED: "frame repeated, taken once",
    Remark.REPAIRED: "damaged frame, sent again whole",
    Remark.ENQUIRED_AGAIN: "enquiry repeated",
    Remark.NO_ENQUIRY: "frames without an enquiry",
    Remark.NO_END: "no end of transmission",
    Remark.UNCHECKED: "no checksums: integrity unchecked",
    Damage.CHECKSUM: "frame damaged: checksum",
    Damage.NUMBER: "frame out of sequence",
    Damage.DIFFERENT: "frame repeated with other bytes",
    Damage.MALFORMED: "frame malformed",
    Damage.CONTROL: "frame broken off by a control character",
    Damage.RESTART: "frame does not resume the one broken off before it",
    Damage.OVERSIZE: "frame too long",
    Damage.LIMIT: "transmission too long",
    Incomplete.RESTARTED: "incomplete: started anew before its end",
    Incomplete.EARLY_END: "incomplete: ended before an L record",
    Incomplete.INTERMEDIATE: "incomplete: ended after a frame that announced more",
    Incomplete.TRUNCATED: "incomplete: a frame seemed to end before its end",
    Incomplete.NO_HEADER: "incomplete: no header record",
    Incomplete.NO_FRAME: "no whole frame between enquiry and end",
    Incomplete.TIMEOUT: "incomplete: the sender fell silent",
    Incomplete.LOST: "incomplete: the recording ends",
    Incomplete.OVERSIZE: "incomplete: too long",
    Incomplete.FRAMING: "incomplete: frame characters among bare records",
    Foreign.MLLP: "not ASTM: an MLLP block",
    Foreign.XML: "not ASTM: XML",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """``offset`` and ``length`` in bytes of the recording; ``spoils`` when the outcome suffers."""

    kind: Kind
    offset: int
    length: int = 0
    spoils: bool = False

    def __str__(self) -> str:
        return f"byte {self.offset}: {_SAYS[self.kind]}"


@dataclass(frozen=True, slots=True, repr=False)
class Transmission:
    """One transmission of a recording.

    ``text`` is what was accepted, joined (evidence unless ``COMPLETE``); ``frames`` are the raw
    bytes of every frame taken, ``raw`` everything from the first byte to the last.
    """

    offset: int
    outcome: Outcome
    text: bytes = b""
    frames: tuple[bytes, ...] = ()
    findings: tuple[Finding, ...] = ()
    checked: bool = True
    raw: bytes = field(default=b"", repr=False)

    def __repr__(self) -> str:
        return (
            f"Transmission({self.outcome}, offset={self.offset}, frames={len(self.frames)}, "
            f"length={len(self.text)}, findings={len(self.findings)})"
        )

    @property
    def complete(self) -> bool:
        return self.outcome is Outcome.COMPLETE
