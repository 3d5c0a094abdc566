"""``gateway replay`` says when the gateway that runs has not read the file as it is now."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.replay import replay_journal
from gateway.control import NAME, serve

CONFIG = """
[gateway]
site = "a"
timezone = "UTC"
data_dir = "."
"""


async def nothing(_verb: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"changes": [], "transmissions": 0, "holds_ended": 0}


@pytest.mark.parametrize(("later", "told"), [(5.0, True), (-5.0, False)])
async def test_a_file_changed_while_it_runs(
    later: float, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG, encoding="utf-8")
    async with serve(tmp_path, nothing):
        opened = (tmp_path / NAME).stat().st_mtime
        os.utime(path, (opened + later, opened + later))
        asked = (path, None, None, True, False, "me")
        assert await asyncio.to_thread(replay_journal, *asked) == 0
    said = capsys.readouterr()
    assert said.out.startswith("0 transmission(s) read again")
    assert ("restart it for the change to count" in said.err) is told
