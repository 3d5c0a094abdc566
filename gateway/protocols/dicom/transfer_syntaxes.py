"""Transfer syntaxes the gateway knows by name, and which of them may carry which content.

A data set is stored as it came, so whatever holds its bytes in itself is storable.  JPIP (the
pixels are behind a URL) and SMPTE ST 2110 (the pixels are another stream) do not, and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.protocols.dicom.uid import shown_uid

IMPLICIT_LE: Final = "1.2.840.10008.1.2"
EXPLICIT_LE: Final = "1.2.840.10008.1.2.1"
DEFLATED_LE: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE: Final = "1.2.840.10008.1.2.2"
JPEG_BASELINE: Final = "1.2.840.10008.1.2.4.50"
RLE_LOSSLESS: Final = "1.2.840.10008.1.2.5"


class Encoding(StrEnum):
    """How a transfer syntax carries the pixels."""

    UNCOMPRESSED = "uncompressed"
    DEFLATED = "deflated"
    ENCAPSULATED = "encapsulated"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """``name`` is short, for log lines; ``priority`` 0 is a must, 1 should."""

    uid: str
    name: str
    encoding: Encoding
    priority: int = 0


def _encapsulated(suffix: str, name: str, priority: int = 0) -> TransferSyntax:
    return TransferSyntax(f"1.2.840.10008.1.2.{suffix}", name, Encoding.ENCAPSULATED, priority)


def _elsewhere(suffix: str, name: str) -> TransferSyntax:
    return TransferSyntax(f"1.2.840.10008.1.2.{suffix}", name, Encoding.ELSEWHERE)


_TABLE: Final = (
    TransferSyntax(IMPLICIT_LE, "Implicit LE", Encoding.UNCOMPRESSED),
    TransferSyntax(EXPLICIT_LE, "Explicit LE", Encoding.UNCOMPRESSED),
    TransferSyntax(EXPLICIT_BE, "Explicit BE", Encoding.UNCOMPRESSED),
    TransferSyntax(DEFLATED_LE, "Deflated LE", Encoding.DEFLATED),
    _encapsulated("4.50", "JPEG Baseline"),
    _encapsulated("4.51", "JPEG Extended"),
    _encapsulated("4.57", "JPEG Lossless"),
    _encapsulated("4.70", "JPEG Lossless SV1"),
    _encapsulated("4.80", "JPEG-LS Lossless"),
    _encapsulated("4.81", "JPEG-LS Near-lossless"),
    _encapsulated("4.90", "JPEG 2000 Lossless"),
    _encapsulated("4.91", "JPEG 2000"),
    _encapsulated("5", "RLE"),
    _encapsulated("4.100", "MPEG2 Main"),
    _encapsulated("4.100.1", "MPEG2 Main fragmentable"),
    _encapsulated("4.101", "MPEG2 High"),
    _encapsulated("4.101.1", "MPEG2 High fragmentable"),
    _encapsulated("4.102", "H.264 4.1"),
    _encapsulated("4.102.1", "H.264 4.1 fragmentable"),
    _encapsulated("4.103", "H.264 BD 4.1"),
    _encapsulated("4.103.1", "H.264 BD 4.1 fragmentable"),
    _encapsulated("4.104", "H.264 4.2 2D"),
    _encapsulated("4.104.1", "H.264 4.2 2D fragmentable"),
    _encapsulated("4.107", "HEVC Main"),
    _encapsulated("4.108", "HEVC Main 10"),
    _encapsulated("4.201", "HTJ2K Lossless", 1),
    _encapsulated("4.202", "HTJ2K Lossless RPCL", 1),
    _encapsulated("4.203", "HTJ2K", 1),
    _elsewhere("4.94", "JPIP Referenced"),
    _elsewhere("4.95", "JPIP Referenced Deflate"),
    _elsewhere("4.204", "JPIP HTJ2K Referenced"),
    _elsewhere("4.205", "JPIP HTJ2K Referenced Deflate"),
    _elsewhere("7.1", "SMPTE ST 2110-20 Progressive"),
    _elsewhere("7.2", "SMPTE ST 2110-20 Interlaced"),
    _elsewhere("7.3", "SMPTE ST 2110-30 Audio"),
)

TRANSFER_SYNTAXES: Final[Mapping[str, TransferSyntax]] = MappingProxyType(
    {syntax.uid: syntax for syntax in _TABLE}
)


def _of(*encodings: Encoding) -> frozenset[str]:
    return frozenset(syntax.uid for syntax in _TABLE if syntax.encoding in encodings)


LITTLE_ENDIAN: Final = frozenset({IMPLICIT_LE, EXPLICIT_LE})
"""What worklist, procedure step, commitment and query identifiers travel in."""
UNCOMPRESSED: Final = _of(Encoding.UNCOMPRESSED)
WITHOUT_PIXELS: Final = _of(Encoding.UNCOMPRESSED, Encoding.DEFLATED)
"""For structured reports, key objects, presentation states and documents."""
STORABLE: Final = _of(Encoding.UNCOMPRESSED, Encoding.DEFLATED, Encoding.ENCAPSULATED)


def syntax_name(uid: str) -> str:
    """The short name, or the UID where there is none."""
    known = TRANSFER_SYNTAXES.get(uid)
    return known.name if known else shown_uid(uid)
