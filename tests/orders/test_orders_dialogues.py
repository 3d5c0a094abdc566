"""Every kind of query with its answer, byte for byte: a transcript each."""

from __future__ import annotations

from pathlib import Path

import pytest
from ehr_side import ehr
from wire_play import FOLDER, SESSIONS, play, read

FILES = sorted(FOLDER.glob("*.wire"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_the_dialogue(path: Path, tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await play(side, read(path))


def test_every_session_has_its_transcript() -> None:
    assert {path.stem for path in FILES} == set(SESSIONS)
