"""Ids and names at a terminal of 80 columns, and names that nothing has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.cli import controls, profiles, quarantine, reports, studies
from gateway.config import parse
from gateway.errors import ConfigurationError
from gateway.profiles import catalogue

CONFIG = parse(
    """
[gateway]
site = "a"
timezone = "UTC"
data_dir = "d"
[devices.chemistry]
profile = "erba-xl"
stream = "tcp-listen:127.0.0.1:4001"
""",
    Path("gateway.toml"),
)
ID = "22c21811c2165073f544f9b5413ed98e"


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What the desk would answer; nothing, unless a test says so."""
    found: dict[str, list[Any]] = {}
    for module in (controls, reports, studies, quarantine):
        monkeypatch.setattr(module, "load", lambda _: CONFIG)
        monkeypatch.setattr(module, "ask", lambda _, verb, **__: found.get(verb, []))
    monkeypatch.setattr(reports, "newest", lambda _, verb, *__, **___: found.get(verb, []))
    monkeypatch.setenv("COLUMNS", "80")
    return found


def test_the_id_of_a_report_stands_whole(
    answers: dict[str, list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    report = {"id": ID, "revision": 2, "device": "a" * 63, "specimen": "26S0042", "state": "held"}
    answers["reports.list"] = [{**report, "received_at": "2026-01-05T10:12:00+00:00"}]
    assert reports.list_reports(Path("x"), False, None, None, "") == 0
    out = capsys.readouterr().out
    assert f"  {ID}  revision 2\n" in out
    assert "26S0042  held" in out


def test_every_profile_stands_whole_at_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [profiles._facts(profile, full=False) for profile in catalogue().values()]
    profiles._list(rows, 80)
    lines = capsys.readouterr().out.splitlines()
    assert {line for line in lines if not line.startswith(" ")} == set(catalogue())
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (
            lambda p: reports.list_reports(p, False, None, "chemstry", ""),
            "did you mean 'chemistry'",
        ),
        (lambda p: reports.move_report(p, ID, "", "", "", "me", "x"), "name --order, --patient-id"),
        (lambda p: controls.list_controls(p, False, "nope"), "unknown device 'nope'"),
        (lambda p: controls.release_control(p, "nope", "GLU", False, "me", "x"), "unknown device"),
        (lambda p: studies.forward_study(p, "1.2", "ehr", "me", "x"), "type dicom 'ehr'"),
        (lambda p: quarantine.close_case(p, "abc", "me", "x"), "'abc' is not the number"),
        (lambda p: profiles.show_profiles("erba-xxl", False), "did you mean 'erba-xl'"),
    ],
)
def test_what_nothing_is_called_is_wrong_use(act: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        act(Path("gateway.toml"))
    (mistake,) = caught.value.mistakes
    assert said in mistake
