"""The seven protocol data units of the DICOM upper layer (PS3.8 9.3).

``decode`` takes the body behind the six-byte header and raises ``Violation`` for what cannot be
one; ``encode`` gives the whole unit.  P-DATA-TF is here for tests and small senders: the
association reads and writes it in pieces (``reader``, ``fragments``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from gateway.protocols.dicom.associate import AssociateAC, AssociateRQ
from gateway.protocols.dicom.errors import AbortReason, AbortSource, Violation
from gateway.protocols.dicom.framing import COMMAND, HEADER, LAST, PDV_HEADER, PduType, unit
from gateway.protocols.dicom.rejection import Rejection


def _four(name: str, body: bytes) -> None:
    if len(body) != 4:
        raise Violation(f"{name} of {len(body)} bytes")


@dataclass(frozen=True, slots=True)
class AssociateRJ:
    """A-ASSOCIATE-RJ."""

    kind: ClassVar[PduType] = PduType.ASSOCIATE_RJ
    rejection: Rejection

    def encode(self) -> bytes:
        """The whole unit."""
        no = self.rejection
        return unit(self.kind, bytes((0, no.result, no.source, no.reason)))

    @classmethod
    def decode(cls, body: bytes) -> AssociateRJ:
        """Reads the body; codes outside the tables are kept."""
        _four("A-ASSOCIATE-RJ", body)
        return cls(Rejection(body[1], body[2], body[3]))


@dataclass(frozen=True, slots=True)
class Pdv:
    """A presentation data value: one fragment of a command or data set."""

    context_id: int
    command: bool
    last: bool
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PDataTF:
    """P-DATA-TF."""

    kind: ClassVar[PduType] = PduType.P_DATA_TF
    values: tuple[Pdv, ...]

    def encode(self) -> bytes:
        """The whole unit."""
        parts = []
        for value in self.values:
            control = COMMAND * value.command | LAST * value.last
            parts += [PDV_HEADER.pack(len(value.data) + 2, value.context_id, control), value.data]
        return unit(self.kind, b"".join(parts))

    @classmethod
    def decode(cls, body: bytes) -> PDataTF:
        """Reads the body; there is at least one value."""
        values: list[Pdv] = []
        position = 0
        while position < len(body) or not values:
            if len(body) - position < PDV_HEADER.size:
                raise Violation("P-DATA-TF ends within a header")
            length, context_id, control = PDV_HEADER.unpack_from(body, position)
            start, position = position + PDV_HEADER.size, position + 4 + length
            if length < 2 or position > len(body):
                raise Violation(f"presentation data value of {length} bytes")
            data = bytes(body[start:position])
            values.append(Pdv(context_id, bool(control & COMMAND), bool(control & LAST), data))
        return cls(tuple(values))


@dataclass(frozen=True, slots=True)
class ReleaseRQ:
    """A-RELEASE-RQ."""

    kind: ClassVar[PduType] = PduType.RELEASE_RQ

    def encode(self) -> bytes:
        """The whole unit."""
        return unit(self.kind, bytes(4))

    @classmethod
    def decode(cls, body: bytes) -> ReleaseRQ:
        """Reads the body, which says nothing."""
        _four("A-RELEASE-RQ", body)
        return cls()


@dataclass(frozen=True, slots=True)
class ReleaseRP:
    """A-RELEASE-RP."""

    kind: ClassVar[PduType] = PduType.RELEASE_RP

    def encode(self) -> bytes:
        """The whole unit."""
        return unit(self.kind, bytes(4))

    @classmethod
    def decode(cls, body: bytes) -> ReleaseRP:
        """Reads the body, which says nothing."""
        _four("A-RELEASE-RP", body)
        return cls()


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT.  ``reason`` counts only when the provider initiated it."""

    kind: ClassVar[PduType] = PduType.ABORT
    source: AbortSource = AbortSource.SERVICE_USER
    reason: AbortReason = AbortReason.NOT_SPECIFIED

    def encode(self) -> bytes:
        """The whole unit."""
        return unit(self.kind, bytes((0, 0, self.source, self.reason)))

    @classmethod
    def decode(cls, body: bytes) -> Abort:
        """Reads the body; codes outside the tables read as reserved."""
        _four("A-ABORT", body)
        source = body[2] if body[2] <= AbortSource.SERVICE_PROVIDER else AbortSource.RESERVED
        reason = body[3] if body[3] <= max(AbortReason) else AbortReason.RESERVED
        return cls(AbortSource(source), AbortReason(reason))


Pdu = AssociateRQ | AssociateAC | AssociateRJ | PDataTF | ReleaseRQ | ReleaseRP | Abort

_DECODERS: Final[Mapping[PduType, Callable[[bytes], Pdu]]] = {
    PduType.ASSOCIATE_RQ: AssociateRQ.decode,
    PduType.ASSOCIATE_AC: AssociateAC.decode,
    PduType.ASSOCIATE_RJ: AssociateRJ.decode,
    PduType.P_DATA_TF: PDataTF.decode,
    PduType.RELEASE_RQ: ReleaseRQ.decode,
    PduType.RELEASE_RP: ReleaseRP.decode,
    PduType.ABORT: Abort.decode,
}


def decode_body(kind: PduType, body: bytes) -> Pdu:
    """The unit whose header said ``kind``."""
    return _DECODERS[kind](body)


def decode_pdu(data: bytes) -> Pdu:
    """Exactly one whole unit, header included."""
    if len(data) < HEADER.size:
        raise Violation("PDU shorter than its header", AbortReason.UNRECOGNIZED_PDU)
    kind, length = HEADER.unpack_from(data)
    if not PduType.ASSOCIATE_RQ <= kind <= PduType.ABORT:
        raise Violation(f"PDU of unknown type {kind:02X}H", AbortReason.UNRECOGNIZED_PDU)
    if length != len(data) - HEADER.size:
        raise Violation(f"PDU announces {length} bytes, {len(data) - HEADER.size} follow")
    return decode_body(PduType(kind), data[HEADER.size :])
