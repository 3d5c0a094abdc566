"""What devices wrote is text on a terminal, never an order to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import reports
from gateway.cli.saying import say, sayable

HOSTILE = "SP\x1b]0;owned\x07\x1b[31m\x9b31m\r"


def test_control_characters_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{HOSTILE}\tend\nnext \u00e4\u00f6 \u4e2d")
    said = capsys.readouterr().out
    expected = r"SP\u001b]0;owned\u0007\u001b[31m\u009b31m\u000d"
    assert said == f"{expected}\tend\nnext \u00e4\u00f6 \u4e2d\n"


def test_json_stays_the_same_json() -> None:
    text = json.dumps({"id": HOSTILE}, ensure_ascii=False)
    assert json.loads(sayable(text)) == {"id": HOSTILE}


def test_a_list_of_reports(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = {
        "received_at": "2026-01-05T10:00:00+00:00",
        "device": "bench",
        "specimen": HOSTILE,
        "state": "held",
        "id": "x",
        "revision": 1,
    }
    monkeypatch.setattr(reports, "load", lambda path: None)
    monkeypatch.setattr(reports, "newest", lambda *asked, **more: [row])
    assert reports.list_reports(tmp_path, False, None, None, "") == 0
    out = capsys.readouterr().out
    assert "SP" in out
    assert not [c for c in out if ord(c) < 32 and c != "\n"]
    assert "\x9b" not in out
