"""From a capture to a module that loads, and reads the capture."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.commands import app
from gateway.profiles import AnalyzerProfile
from gateway.profiles.checks import mistakes

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
