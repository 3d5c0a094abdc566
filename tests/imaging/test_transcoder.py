"""What goes out of the archive: bytes as stored, or a plain copy made by another process."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from services_site import Site, site

from gateway.archive import Instance
from gateway.drivers.dicom.services.transcoder import Prepared, Transcoder
from gateway.errors import Refused
from gateway.imaging.outgoing import Outgoing
from gateway.imaging.transcoding import little_endian
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, RLE_LOSSLESS
from gateway.rendering.process import Renderer


async def kept(clinic: Site, cut: int | None = None) -> tuple[Instance, bytes]:
    """An RLE image in the archive, and its data set."""
    source = get_testdata_file("SC_rgb_rle_2frame.dcm")
    assert isinstance(source, str)
    head = dcmread(source, stop_before_pixels=True)
    start = 144 + head.file_meta.FileMetaInformationGroupLength
    data = Path(source).read_bytes()[start:cut]
    uid, sop_class = str(head.SOPInstanceUID), str(head.SOPClassUID)
    await clinic.keep(data, uid, sop_class=sop_class, transfer_syntax=RLE_LOSSLESS)
    instance = await clinic.archive.index.instance(uid)
    assert instance is not None
    return instance, data


def transcoder(clinic: Site, seconds: float = 60.0) -> Transcoder:
    outgoing = Outgoing(clinic.archive, clinic.store.engine, Renderer())
    return Transcoder(clinic.archive, outgoing, seconds=seconds)


def content(prepared: Prepared) -> bytes:
    assert prepared.correction is None
    payload = prepared.payload
    with payload.open() as file:
        file.seek(payload.offset)
        return file.read(payload.length)


async def test_as_stored_and_made_plain(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        instance, data = await kept(clinic)
        made = transcoder(clinic)
        assert content(await made.prepared(instance, RLE_LOSSLESS)) == data
        path = clinic.archive.shelves.path(instance.path)
        plain = await made.prepared(instance, EXPLICIT_LE)
        assert content(plain) == little_endian(path, RLE_LOSSLESS)
        assert not list(clinic.archive.shelves.incoming.iterdir())


async def test_what_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        instance, _ = await kept(clinic, -400)
        with pytest.raises(Refused, match="its pixels are incomplete"):
            await transcoder(clinic).prepared(instance, EXPLICIT_LE)


async def test_a_decoder_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        instance, _ = await kept(clinic)
        with pytest.raises(Refused, match="too long"):
            await transcoder(clinic, 0.05).prepared(instance, EXPLICIT_LE)
        assert not list(clinic.archive.shelves.incoming.iterdir())
