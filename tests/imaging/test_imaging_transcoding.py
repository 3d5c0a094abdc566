"""Stored images made plain for a peer that takes nothing else."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.filereader import read_dataset

from gateway.imaging.transcoding import MISTAKE, Untranslatable, little_endian
from gateway.protocols.dicom.transfer_syntaxes import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    RLE_LOSSLESS,
)


def path_of(name: str) -> Path:
    found = get_testdata_file(name)
    assert isinstance(found, str)
    return Path(found)


@pytest.mark.parametrize("wanted", [EXPLICIT_LE, IMPLICIT_LE])
@pytest.mark.parametrize(
    "name", ["ExplVR_BigEnd.dcm", "examples_rgb_color.dcm", "SC_rgb_rle_2frame.dcm"]
)
def test_no_pixel_changes(name: str, wanted: str) -> None:
    path = path_of(name)
    before = dcmread(path)
    stored = str(before.file_meta.TransferSyntaxUID)
    made = little_endian(path, stored, wanted)
    after = read_dataset(BytesIO(made), wanted == IMPLICIT_LE, is_little_endian=True)
    after.ensure_file_meta()
    after.file_meta.TransferSyntaxUID = wanted
    assert np.array_equal(before.pixel_array, after.pixel_array)
    assert after.SOPInstanceUID == before.SOPInstanceUID
    assert stored in (EXPLICIT_BE, EXPLICIT_LE, RLE_LOSSLESS)


def test_a_jpeg_cine_is_decoded_as_a_viewer_would() -> None:
    path = path_of("examples_ybr_color.dcm")
    made = little_endian(path, JPEG_BASELINE)
    after = read_dataset(BytesIO(made), False, is_little_endian=True)
    size = after.NumberOfFrames * after.Rows * after.Columns * 3
    assert len(after.PixelData) == size
    assert after.PhotometricInterpretation == "RGB"
    assert after.SOPInstanceUID == dcmread(path, stop_before_pixels=True).SOPInstanceUID


def test_what_nobody_decodes_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "broken.dcm"
    raw = path_of("SC_rgb_rle_2frame.dcm").read_bytes()
    path.write_bytes(raw[:-400])
    with pytest.warns(UserWarning, match="End of file"), pytest.raises(Untranslatable):
        little_endian(path, RLE_LOSSLESS)


def said_by(*arguments: str | Path) -> tuple[int, bytes, str]:
    """The program: its exit status, the data set and what it says."""
    command = [sys.executable, "-W", "ignore", "-m", "gateway.imaging.transcoding", *arguments]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return ended.returncode, ended.stdout, ended.stderr.decode()


def test_the_program_makes_the_same(tmp_path: Path) -> None:
    path = path_of("SC_rgb_rle_2frame.dcm")
    status, made, said = said_by(path, RLE_LOSSLESS, EXPLICIT_LE)
    assert (status, said) == (0, "")
    assert made == little_endian(path, RLE_LOSSLESS)
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(path.read_bytes()[:-400])
    status, made, said = said_by(broken, RLE_LOSSLESS, EXPLICIT_LE)
    assert (status, made) == (MISTAKE, b"")
    assert said == "its pixels are incomplete\n"
