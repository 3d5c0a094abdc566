"""Files of pydicom's own test set, as their data set bytes; and made-up ones of any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.data import get_testdata_file
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

ULTRASOUND = (
    "examples_ybr_color.dcm",
    "examples_rgb_color.dcm",
    "examples_palette.dcm",
    "examples_jpeg2k.dcm",
    "ExplVR_BigEnd.dcm",
    "test-SR.dcm",
    "reportsi.dcm",
    "reportsi_with_empty_number_tags.dcm",
    "SC_rgb_rle_2frame.dcm",
)


@dataclass(frozen=True, slots=True)
class Sample:
    path: Path
    sop_class: str
    uid: str
    transfer_syntax: str
    start: int

    @property
    def size(self) -> int:
        return self.path.stat().st_size - self.start

    @property
    def data_set(self) -> bytes:
        return self.path.read_bytes()[self.start :]


def sample(name: str) -> Sample:
    found = get_testdata_file(name)
    assert isinstance(found, str)
    path = Path(found)
    with path.open("rb") as file:
        head = read_partial(file, stop_when=_behind_meta)
    meta = head.file_meta
    raw = path.read_bytes()[:4096]
    at = raw.index(b"\x02\x00\x00\x00UL\x04\x00") + 8
    start = at + 4 + int.from_bytes(raw[at : at + 4], "little")
    return Sample(
        path,
        str(meta.MediaStorageSOPClassUID),
        str(meta.MediaStorageSOPInstanceUID),
        str(meta.TransferSyntaxUID),
        start,
    )


def _behind_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group > 2


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    """Explicit VR Little Endian."""
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    tag = group.to_bytes(2, "little") + number.to_bytes(2, "little")
    if vr in (b"OB", b"OW", b"SQ", b"UN"):
        return tag + vr + b"\0\0" + len(value).to_bytes(4, "little") + value
    return tag + vr + len(value).to_bytes(2, "little") + value


def data_set(
    uid: str,
    *,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.6.1",
    study: str = "1.2.3.4",
    series: str = "1.2.3.4.5",
    patient: str = "TEST-1",
    pixels: bytes = b"\x80" * 64,
) -> bytes:
    """The least that can be filed."""
    return b"".join(
        (
            element(0x0008, 0x0016, b"UI", sop_class.encode()),
            element(0x0008, 0x0018, b"UI", uid.encode()),
            element(0x0008, 0x0060, b"CS", b"US"),
            element(0x0010, 0x0010, b"PN", b"DOE^JANE"),
            element(0x0010, 0x0020, b"LO", patient.encode()),
            element(0x0020, 0x000D, b"UI", study.encode()),
            element(0x0020, 0x000E, b"UI", series.encode()),
            element(0x7FE0, 0x0010, b"OB", pixels),
        )
    )
