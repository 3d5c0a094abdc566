"""The node against DCMTK's senders."""

from __future__ import annotations

from pathlib import Path

import pytest
from imaging_site import UNIT, site, tool
from pydicom.data import get_testdata_file

pytestmark = pytest.mark.peer


def example(name: str) -> Path:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    return Path(path)


async def test_echo(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        code, said = await tool("echoscu", "-v", "-aet", UNIT, "127.0.0.1", clinic.port)
    assert code == 0, said
    assert "Success" in said


async def test_a_still_is_stored_and_indexed(tmp_path: Path) -> None:
    still = example("examples_rgb_color.dcm")
    async with site(tmp_path) as clinic:
        code, said = await tool("storescu", "-v", "-aet", UNIT, "127.0.0.1", clinic.port, still)
        assert code == 0, said
        (study,) = await clinic.imaging.archive.index.studies()
        assert study.device == "us-room-2"
        assert study.instances == 1
        (stored,) = await clinic.imaging.archive.index.instances(study.uid)
        assert clinic.imaging.archive.shelves.path(stored.path).stat().st_size == (
            stored.start + stored.size
        )
        assert [f.name for f in clinic.files()] == [Path(stored.path).name]
        assert not clinic.imaging.archive.shelves.parts()


async def test_a_stranger_may_echo_and_not_store(tmp_path: Path) -> None:
    still = example("examples_rgb_color.dcm")
    async with site(tmp_path) as clinic:
        code, said = await tool("echoscu", "-aet", "WHO", "127.0.0.1", clinic.port)
        assert code == 0, said
        code, said = await tool("storescu", "-aet", "WHO", "127.0.0.1", clinic.port, still)
        assert code != 0
        assert not clinic.files()
        (stranger,) = clinic.imaging.node.callers.strangers
        assert (stranger.ae_title, stranger.host, stranger.times) == ("WHO", "127.0.0.1", 2)
