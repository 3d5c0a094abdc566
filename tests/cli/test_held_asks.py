"""``gateway held release`` at a terminal: the bytes are shown before anybody says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli import held
from gateway.errors import ConfigurationError


class Terminal:
    """Standard input of somebody who sits there."""

    def isatty(self) -> bool:
        return True


def test_the_report_is_shown_and_the_reason_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shown: list[str] = []
    asked: dict[str, object] = {}

    def ask(_configuration: object, verb: str, **arguments: object) -> dict[str, object]:
        asked.update(arguments, verb=verb)
        return {"id": 3, "queued": [1]}

    monkeypatch.setattr(held.sys, "stdin", Terminal())
    monkeypatch.setattr(held, "show_held", lambda _path, identity, **_: shown.append(identity))
    monkeypatch.setattr(held, "load", lambda path: path)
    monkeypatch.setattr(held, "ask", ask)
    monkeypatch.setattr("builtins.input", lambda _prompt: " checked on paper ")
    assert held.decide_held(tmp_path, "held.release", "3", "me", "") == 0
    assert shown == ["3"]
    assert (asked["verb"], asked["reason"], asked["user"]) == (
        "held.release",
        "checked on paper",
        "me",
    )


def test_an_empty_answer_leaves_it_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(held.sys, "stdin", Terminal())
    monkeypatch.setattr(held, "show_held", lambda *_args, **_more: 0)
    monkeypatch.setattr("builtins.input", lambda _prompt: "")
    with pytest.raises(ConfigurationError) as caught:
        held.decide_held(tmp_path, "held.release", "3", "me", "")
    assert caught.value.mistakes == ("gateway: releasing needs a reason; it stays held",)
