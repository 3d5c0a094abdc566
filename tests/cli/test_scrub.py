"""A scrubbed capture names nobody and still is the capture it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.commands import app
from gateway.protocols.astm import Direction, encode_frame, read_capture, read_wire, said

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "transcripts").glob("*/*.wire"))
RECORDS = (
    r"H|\^&|||H-500^1||||||||LIS2-A2|20260105101200",
    "P|1|MRN0001|LAB77|DOEBASE1|DOE^JANE^^|SMITHSON|19700131|F",
    "O|1|26S0042^3^4|26S0042|^^^GLU",
    "R|1|^^^GLU|5.50|mg/dL||N||F||OPERATOR7||20260105101130",
    "R|2|^^^IMG|PATH/26S0042/DOE.PNG|||N||F",
    "O|2|QC01||^^^GLU",
    "L|1|N",
)


def scrub(data: bytes, folder: Path, profile: str = "generic-astm", key: str = "k") -> bytes:
    source, target = folder / "in.bin", folder / "out.bin"
    target.unlink(missing_ok=True)
    source.write_bytes(data)
    arguments = ["scrub", str(source), "-o", str(target), "--profile", profile, "--key", key]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return target.read_bytes()


def framed(*records: str, size: int = 240) -> bytes:
    text = "".join(f"{record}\r" for record in records).encode("latin-1")
    cuts = [text[start : start + size] for start in range(0, len(text), size)]
    frames = [
        encode_frame(n % 8, piece, last=n == len(cuts)) for n, piece in enumerate(cuts, start=1)
    ]
    return b"\x05" + b"".join(frames) + b"\x04"


@pytest.mark.parametrize("size", [240, 64, 17, 5])
def test_nobody_is_named_and_everything_else_stays(tmp_path: Path, size: int) -> None:
    data = framed(*RECORDS, size=size)
    cleaned = scrub(data, tmp_path)
    assert len(cleaned) == len(data)
    (before,), (after,) = read_capture(data), read_capture(cleaned)
    assert after.complete
    assert after.checked
    for word in (b"MRN0001", b"LAB77", b"JANE", b"SMITHSON", b"19700131", b"26S0042", b"OPERATOR7"):
        assert word in before.text
        assert word not in after.text
    for word in (b"QC01", b"5.50", b"mg/dL", b"20260105101130", b"H-500^1", b"^^^GLU", b"|F"):
        assert after.text.count(word) == before.text.count(word)


def test_the_same_text_becomes_the_same(tmp_path: Path) -> None:
    (after,) = read_capture(scrub(framed(*RECORDS), tmp_path))
    order = next(r for r in after.text.split(b"\r") if r.startswith(b"O|1"))
    fields = order.split(b"|")
    assert fields[2].split(b"^")[0] == fields[3]
    assert scrub(framed(*RECORDS), tmp_path) == scrub(framed(*RECORDS), tmp_path)
    assert scrub(framed(*RECORDS), tmp_path, key="other") != scrub(framed(*RECORDS), tmp_path)


def test_damage_stays_damage(tmp_path: Path) -> None:
    data = bytearray(framed(*RECORDS))
    data[-6] ^= 1
    assert not read_capture(scrub(bytes(data), tmp_path))[0].complete


def test_bare_records(tmp_path: Path) -> None:
    cleaned = scrub("".join(f"{r}\r" for r in RECORDS).encode(), tmp_path)
    assert b"JANE" not in cleaned
    assert b"R|1|^^^GLU|5.50" in cleaned


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_transcript_reads_the_same_but_for_who(path: Path, tmp_path: Path) -> None:
    from gateway.profiles import Protocol, catalogue

    profile = catalogue()[path.parent.name]
    if profile.link.protocol is not Protocol.ASTM:
        return
    target = tmp_path / "out.wire"
    arguments = ["scrub", str(path), "-o", str(target), "--profile", profile.name]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    texts = [
        [
            (one.outcome, one.checked, len(one.text))
            for one in read_capture(said(read_wire(text), Direction.DEVICE), profile.link.dialect)
        ]
        for text in (path.read_text(encoding="utf-8"), target.read_text(encoding="utf-8"))
    ]
    assert texts[0] == texts[1]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    source = tmp_path / "in.bin"
    source.write_bytes(framed(*RECORDS))
    done = CliRunner().invoke(app, ["scrub", str(source), "-o", str(source)])
    assert done.exit_code != 0
    assert source.read_bytes() == framed(*RECORDS)
