"""What ``gateway decode`` makes of recordings in the forms that are about: a report, or words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.decode import decode_file
from gateway.errors import GatewayError
from gateway.protocols.astm import encode_frame

RECORDS = (
    r"H|\^&|||DCA VANTAGE^04.04^S123456|||||||P|1|20260105101200",
    "P|1|MRN0001",
    "O|1||1234^0541234|^^^HbA1c",
    "R|1|^^^HbA1c|5.4|%|4.0 to 6.0|N||F||OP1||20260105100500",
    "L|1|N",
)
FRAMES = [encode_frame(n, f"{record}\r".encode()) for n, record in enumerate(RECORDS, 1)]
ACKED = b"\x05\x06" + b"".join(frame + b"\x06" for frame in FRAMES) + b"\x04"
HL7 = (
    b"MSH|^~\\&|BC-5150|Mindray|||20260105101200||ORU^R01|1|P|2.3.1||||||UNICODE\r"
    b"OBR|1||26S0042|00001^Automated Count^99MRC\r"
    b"OBX|1|NM|6690-2^WBC^LN||5.43|10*9/L||N|||F\r"
)
BLOCK = (
    b"\x02D1U202501020000000000012345" + b"0000000" + b"00660" * 19 + b"\x03"
)  # KX-21N: 129 characters between STX and ETX


def lines(end: bytes) -> bytes:
    return b"".join(record.encode() + end for record in RECORDS)


def decoded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, profile: str
) -> tuple[int, list[Any], list[str]]:
    path = tmp_path / "capture.bin"
    path.write_bytes(data)
    status = decode_file(str(path), profile, "json", "Europe/Berlin")
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err.splitlines()


@pytest.mark.parametrize(
    ("data", "count", "checked"),
    [
        (b"\x05" + b"".join(FRAMES) + b"\x04", 1, True),
        (ACKED, 1, True),
        (b"".join(FRAMES), 1, True),
        (b"".join(FRAMES) * 2, 2, True),
        (b"".join(frame[:-2] for frame in FRAMES), 1, True),
        (b"".join(frame[:-4] + frame[-4:].lower() for frame in FRAMES), 1, True),
        (lines(b"\r"), 1, False),
        (lines(b"\n"), 1, False),
        (lines(b"\r\n"), 1, False),
        (lines(b"\r\n") + b"\r\n" + lines(b"\r\n"), 2, False),
        (lines(b"\r").rstrip(), 1, False),
        (b"\x01" + lines(b"\r") + b"\x04", 1, False),
    ],
)
def test_frames_or_the_records_alone(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    data: bytes,
    count: int,
    checked: bool,
) -> None:
    status, reports, err = decoded(tmp_path, capsys, data, "siemens-dca-vantage")
    assert (status, err, len(reports)) == (0, [], count)
    for report in reports:
        assert report["patient"]["ids"] == [{"value": "MRN0001", "from": "P.3"}]
        codes = {problem["code"] for problem in report["problems"]}
        assert ("integrity-unchecked" in codes) is not checked
        assert not any(problem["hold"] for problem in report["problems"])


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
@pytest.mark.parametrize("count", [1, 2])
def test_segments_in_mllp_or_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], end: bytes, count: int
) -> None:
    message = HL7.replace(b"\r", end)
    for data in (
        message * count,
        (message * count).rstrip(),
        (b"\x0b" + message + b"\x1c\r\x02") * count,
    ):
        status, reports, err = decoded(tmp_path, capsys, data, "mindray-bc5")
        assert (status, err, len(reports)) == (0, [], count)


@pytest.mark.parametrize(
    ("data", "profile", "reports"),
    [
        (lines(b"\r")[:-8], "siemens-dca-vantage", 0),
        (b"\x05" + b"".join(FRAMES) + b"\x04" + lines(b"\r"), "siemens-dca-vantage", 1),
        (HL7 + b"OBX|2|NM|789-8^RBC", "mindray-bc5", 0),
        (HL7 + b"OBX|2|NM|789-8^RBC^LN||4.5|10*12/L||N||", "mindray-bc5", 0),
        (HL7 + b"NTE|1||the count was repe", "mindray-bc5", 0),
        (HL7 + b"\x0b" + HL7 + b"\x1c\r", "mindray-bc5", 2),
        (b"OBX|1|NM|789-8^RBC^LN||4\r\x0b" + HL7 + b"\x1c\r", "mindray-bc5", 1),
        (BLOCK[1:] + BLOCK, "sysmex-kx21n-poch", 1),
        (BLOCK[1:-1], "sysmex-kx21n-poch", 0),
        (b"", "sysmex-kx21n-poch", 0),
        (b"", "siemens-dca-vantage", 0),
        (b"\r\n", "siemens-dca-vantage-poct1a", 0),
    ],
)
def test_what_belongs_to_nothing_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    data: bytes,
    profile: str,
    reports: int,
) -> None:
    status, found, err = decoded(tmp_path, capsys, data, profile)
    assert (status, len(found)) == (0 if len(found) == 2 else 1, reports)
    assert len(err) == (0 if len(found) == 2 else 1), err


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "network"),
        (b"05 02 31 48 7c 5c 5e 26 7c 7c\n", "hex dump"),
        (b"00000000: 05 02 31 48 7c 5c 5e 26\n", "hex dump"),
        (b"<ENQ>\n<STX>1H|\\^&<CR><ETX>A0<CR><LF>\n<EOT>\n", "spelled out"),
        (b"[STX]1H|\\^&[CR][ETX]A0\n", "spelled out"),
        (b"\\x021H|\\^&\\x0d\\x03A0\n", "spelled out"),
    ],
)
def test_what_a_line_never_carried_is_named(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "capture.txt"
    path.write_bytes(data)
    with pytest.raises(GatewayError, match=word):
        decode_file(str(path), "erba-xl", "json", "UTC")


def test_a_transcript_with_times_is_one_under_any_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "+0.5 > " + BLOCK.decode().replace("\x02", "<STX>").replace("\x03", "<ETX>") + "\n"
    status, found, err = decoded(tmp_path, capsys, text.encode(), "sysmex-kx21n-poch")
    assert (status, len(found), err) == (0, 1, [])
