"""Scrubbed captures of HL7, POCT1-A and text devices: nobody named, every result as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from gateway.cli.commands import app
from gateway.profiles import AnalyzerProfile, Context, Protocol, catalogue, read_transmission
from gateway.profiles.recording import device_pieces, read_recording
from gateway.protocols.astm import read_wire
from gateway.report import Kind, Report

FOLDER = Path(__file__).parents[1] / "transcripts"
OTHERS = [
    path
    for path in sorted(FOLDER.glob("*/*.wire"))
    if catalogue()[path.parent.name].link.protocol not in (Protocol.ASTM, Protocol.RECORDING)
]
BROKEN = ("horiba-micros60/damaged",)
LOOSE = ("fuji-drichem/electrolytes", "spotchem-el/unknown-bytes", "generic-hl7/bare-latin-1")
NOW = datetime(2026, 1, 5, 10, 15, tzinfo=UTC)
HL7 = (
    b"\x0bMSH|^~\\&|X|L|||20260105||ORU^R01|7|P|2.5.1\r"
    b"PID|1||MRN0001^^^A~SSN12345||DOE^JANE^Q||19700131|F|||1 MAIN ST^^TOWN||555 0100\r"
    b"PV1|1||WARD 7|||||DR12^HOUSE\rOBR|1|PL0001|26S0042|GLU\r"
    b"OBX|1|NM|GLU||5.4|mmol/L|||||F|||||OPER99\r"
    b"OBX|2|ED|IMG||X^IM^BMP^Base64^QUJDREVGR0g=||||||F\r"
    b"NTE|1||Jane Doe called back\r\x1c\r"
)


def scrub(source: Path, target: Path, profile: str) -> tuple[int, str]:
    arguments = ["scrub", str(source), "-o", str(target), "--profile", profile, "--key", "k"]
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, str(done.exception or "")


def reports(path: Path, profile: AnalyzerProfile) -> list[Report | str]:
    context = Context(
        profile.name, ZoneInfo("UTC"), NOW, "1", codes=dict.fromkeys(profile.menu, "8061-4")
    )
    found: list[Report | str] = []
    pieces = device_pieces(read_wire(path.read_text(encoding="utf-8")))
    for one in read_recording(pieces, profile.link):
        if one.complete:
            found += read_transmission(one.payload, profile, context, checked=one.checked).reports
        else:
            found.append(one.reason)
    return found


def facts(report: Report | str) -> object:
    if isinstance(report, str):
        return report
    results = [(o.code.device, o.raw, o.flags, o.status) for o in report.observations]
    return report.kind, results, len(report.problems)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_transcript(path: Path, tmp_path: Path) -> None:
    profile, target = catalogue()[path.parent.name], tmp_path / "out.wire"
    name = f"{path.parent.name}/{path.stem}"
    status, why = scrub(path, target, profile.name)
    if name in BROKEN:
        assert status != 0
        assert "may name people" in why
        assert not target.exists()
        return
    assert (status, why) == (0, "")
    before, after = reports(path, profile), reports(target, profile)
    if name not in LOOSE:
        assert [facts(one) for one in after] == [facts(one) for one in before]
    for one, other in zip(before, after, strict=True):
        if isinstance(one, str) or isinstance(other, str) or one.kind is not Kind.PATIENT:
            continue
        ids = {one.specimen.id, one.patient.name, *(i.value for i in one.patient.ids)}
        same = ids & {other.specimen.id, other.patient.name, *(i.value for i in other.patient.ids)}
        assert not {text for text in same if text and len(text) > 3 and text != "unknown"}


def test_hl7_names_nobody_and_keeps_its_form(tmp_path: Path) -> None:
    source, target = tmp_path / "in.bin", tmp_path / "out.bin"
    source.write_bytes(HL7)
    assert scrub(source, target, "generic-hl7") == (0, "")
    cleaned = target.read_bytes()
    assert len(cleaned) == len(HL7)
    for word in (
        *(b"MRN0001", b"SSN12345", b"DOE", b"JANE", b"Jane", b"19700131", b"MAIN", b"TOWN"),
        *(
            b"0100",
            b"WARD",
            b"DR12",
            b"HOUSE",
            b"PL0001",
            b"26S0042",
            b"OPER99",
            b"called",
            b"QUJD",
        ),
    ):
        assert word not in cleaned, word
    for word in (b"|GLU||5.4|mmol/L|", b"ORU^R01|7|P|2.5.1", b"|F|||", b"Base64^AAAA"):
        assert word in cleaned, word
    assert [cleaned.count(mark) for mark in b"|^~&\r\x0b\x1c"] == [
        HL7.count(mark) for mark in b"|^~&\r\x0b\x1c"
    ]


def test_a_workbook_is_not_scrubbed(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    book.active.append(["Sample ID", "Test", "Result"])
    book.save(tmp_path / "in.xlsx")
    status, why = scrub(tmp_path / "in.xlsx", tmp_path / "out.xlsx", "file-drop")
    assert status != 0
    assert "nothing was written" in why
