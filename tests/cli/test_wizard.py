"""From a capture to a module that loads, and reads the capture."""

from __future__ import annotations

import importlib.util
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from gateway.cli.commands import app
from gateway.cli.wizard_parts import Seen, analyte
from gateway.profiles import AnalyzerProfile, Context, Protocol, normalize
from gateway.profiles.checks import mistakes
from gateway.profiles.recording import device_pieces, read_recording
from gateway.protocols.astm import read_wire
from gateway.report import ProblemCode

NOW = datetime(2026, 1, 5, 10, 15, tzinfo=UTC)
TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"


def wizard(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["profile-wizard", *arguments])
    return done.exit_code, done.stdout


def load(path: Path) -> AnalyzerProfile:
    spec = importlib.util.spec_from_file_location("made", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.PROFILE
    assert isinstance(found, AnalyzerProfile)
    return found


@pytest.mark.parametrize(
    ("capture", "code", "specimen"),
    [
        ("sysmex-xn-l/panel-framed", "R.3.5", "O.4.3"),
        ("radiometer-abl9/blood-gas", "R.3.4", "O.3.1"),
        ("generic-astm/bare-records", "R.3.4", "O.3.1"),
        ("siemens-clinitek-advantus/strip", "R.4.1", "O.3.1"),
        ("roche-c111/records-ended-by-etb", "R.3.4", "O.4.1"),
    ],
)
def test_a_module_for_every_framing(capture: str, code: str, specimen: str, tmp_path: Path) -> None:
    source = TRANSCRIPTS / f"{capture}.wire"
    status, out = wizard(str(source), "-o", str(tmp_path), "--yes")
    assert status == 0, out
    assert "codes at" in out
    (module,) = tmp_path.glob("*.py")
    profile = load(module)
    assert mistakes(profile) == ()
    assert (profile.where.code, profile.where.specimen) == ((code,), (specimen,))
    kept = (tmp_path / profile.name / "capture.wire").read_text(encoding="utf-8")
    spoken = [line for line in source.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert [line for line in kept.splitlines() if line[0] != "#"] == spoken


def test_answers_come_from_a_file(tmp_path: Path) -> None:
    answers = tmp_path / "answers.toml"
    answers.write_text('name = "acme-x"\nvendor = "Acme \\"X\\""\npatient = "P.4.1"\n')
    source = str(TRANSCRIPTS / "generic-astm/bare-records.wire")
    status, _ = wizard(source, "-o", str(tmp_path), "--answers", str(answers))
    assert status == 0
    profile = load(tmp_path / "acme_x.py")
    assert (profile.name, profile.vendor) == ("acme-x", 'Acme "X"')
    assert profile.where.patient == ("P.4.1",)
    assert wizard(source, "-o", str(tmp_path), "--answers", str(answers))[0] != 0


def test_a_name_is_no_path(tmp_path: Path) -> None:
    answers = tmp_path / "answers.toml"
    answers.write_text('name = "../x"\n')
    source = str(TRANSCRIPTS / "generic-astm/bare-records.wire")
    assert wizard(source, "-o", str(tmp_path), "--answers", str(answers))[0] != 0


def test_nothing_to_read(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\x05\x04 noise")
    assert wizard(str(path), "-o", str(tmp_path), "--yes")[0] != 0


@pytest.mark.parametrize(
    ("capture", "protocol", "code", "specimen", "patient"),
    [
        ("mindray-bc5/count", Protocol.HL7, "OBX.3.1", "OBR.3.1", "PID.3.1"),
        ("roche-cobas-liat/panel", Protocol.HL7, "OBX.3.1", "OBR.3.1", "PID.3.1"),
        ("generic-hl7/panel", Protocol.HL7, "OBX.3.1", "SPM.2.1.1", "PID.3.1"),
        ("nova-statstrip/panel", Protocol.POCT1A, "OBS.observation_id@DN", "", "PT.patient_id"),
        ("generic-poct1a/panel", Protocol.POCT1A, "OBS.observation_id", "", "PT.patient_id"),
    ],
)
def test_a_module_for_hl7_and_poct1a(
    capture: str, protocol: Protocol, code: str, specimen: str, patient: str, tmp_path: Path
) -> None:
    status, out = wizard(str(TRANSCRIPTS / f"{capture}.wire"), "-o", str(tmp_path), "--yes")
    assert status == 0, out
    assert "this is" in out
    (module,) = tmp_path.glob("*.py")
    profile = load(module)
    assert mistakes(profile) == ()
    assert profile.link.protocol is protocol
    assert profile.where.code == (code,)
    assert profile.where.specimen == ((specimen,) if specimen else ())
    assert profile.where.patient == (patient,)
    found = [
        report
        for payload in payloads(tmp_path / profile.name / "capture.wire", profile)
        for report in normalize(payload, profile, Context("x", ZoneInfo("UTC"), NOW, "1"))
    ]
    assert any(report.observations for report in found)
    assert all(p.code is not ProblemCode.UNKNOWN_DEVICE for one in found for p in one.problems)


def payloads(path: Path, profile: AnalyzerProfile) -> list[bytes]:
    pieces = device_pieces(read_wire(path.read_text(encoding="utf-8")))
    return [one.payload for one in read_recording(pieces, profile.link) if one.complete]


@pytest.mark.parametrize(
    ("capture", "says"),
    [
        ("sysmex-kx21n-poch/panel", "sysmex-kx21n-poch reads it already"),
        ("file-drop/panel", "file-drop reads it already"),
    ],
)
def test_what_needs_no_module(capture: str, says: str, tmp_path: Path) -> None:
    source = str(TRANSCRIPTS / f"{capture}.wire")
    done = CliRunner().invoke(app, ["profile-wizard", source, "-o", str(tmp_path), "--yes"])
    assert done.exit_code != 0
    assert says in str(done.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "unit", "line"),
    [
        ("WBC", "10*3/uL", "'WBC': Analyte('6690-2', ('10*3/uL',)),"),
        ("WBC", "/HPF", "# 'WBC': Analyte(LOINC?, ...),  /HPF = "),
        ("WBC", "", "# 'WBC': Analyte(LOINC?, ...),  no unit = ?"),
        ("HGB", "g/dL", "# 'HGB': Analyte(LOINC?, ...),  g/dL = g/dL"),
    ],
)
def test_a_code_is_proposed_only_without_doubt(code: str, unit: str, line: str) -> None:
    (proposed,) = analyte(code, Seen(1, Counter([unit])))
    assert proposed.strip().startswith(line)
