"""The head of our Part 10 files (PS3.10 7.1): zero preamble, prefix, file meta group.

Written before the data set arrives, from the command and the presentation context; the bytes of
the data set follow it unaltered.
"""

from __future__ import annotations

from typing import Final

from gateway.protocols.dicom.settings import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION

PREAMBLE: Final = bytes(128) + b"DICM"


def file_meta(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str, source_ae: str
) -> bytes:
    """Preamble, prefix and group 2, Explicit VR Little Endian."""
    group = b"".join(
        (
            b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01",
            _element(0x0002, b"UI", sop_class_uid, b"\0"),
            _element(0x0003, b"UI", sop_instance_uid, b"\0"),
            _element(0x0010, b"UI", transfer_syntax, b"\0"),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, b"\0"),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION, b" "),
            _element(0x0016, b"AE", source_ae, b" ") if source_ae else b"",
        )
    )
    length = b"\x02\x00\x00\x00UL\x04\x00" + len(group).to_bytes(4, "little")
    return PREAMBLE + length + group


def read_file_meta(head: bytes) -> tuple[dict[int, str], int]:
    """Elements of group 2 as text, and where the data set begins.  ValueError for no such file."""
    if head[:132] != PREAMBLE or head[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        raise ValueError("not a file of this archive")
    end = 144 + int.from_bytes(head[140:144], "little")
    if end > len(head):
        raise ValueError("file meta cut off")
    return dict(_values(head[144:end])), end


def _values(group: bytes) -> list[tuple[int, str]]:
    found, at = [], 0
    while at + 8 <= len(group):
        element, vr = int.from_bytes(group[at + 2 : at + 4], "little"), group[at + 4 : at + 6]
        if vr == b"OB":
            at += 12 + int.from_bytes(group[at + 8 : at + 12], "little")
            continue
        length = int.from_bytes(group[at + 6 : at + 8], "little")
        value = group[at + 8 : at + 8 + length]
        found.append((element, value.strip(b"\0 ").decode("latin-1")))
        at += 8 + length
    return found


def _element(number: int, vr: bytes, text: str, padding: bytes) -> bytes:
    value = text.encode("latin-1", "replace")
    value += padding * (len(value) % 2)
    tag = b"\x02\x00" + number.to_bytes(2, "little")
    return tag + vr + len(value).to_bytes(2, "little") + value
