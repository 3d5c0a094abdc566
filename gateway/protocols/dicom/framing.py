"""The six-byte header of every unit of the upper layer (PS3.8 9.3.1), and that of a PDV."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

HEADER: Final = struct.Struct(">BxL")
PDV_HEADER: Final = struct.Struct(">LBB")
UNIT_HEADER: Final = struct.Struct(">BxLLBB")
"""Both at once: of a P-DATA-TF and the first value in it."""
PDV_OVERHEAD: Final = PDV_HEADER.size  # bytes of a P-DATA-TF that are not the fragment
COMMAND: Final = 0x01  # message control header: command, else data set
LAST: Final = 0x02  # message control header: last fragment


class PduType(IntEnum):
    """First byte of a unit."""

    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07


def unit(kind: PduType, body: bytes) -> bytes:
    """A whole unit."""
    return HEADER.pack(kind, len(body)) + body
