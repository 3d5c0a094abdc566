"""An EHR hears of each study once, also when the wall clock is put back or forward by hours."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_study_notices import Department, department


async def linked(clinic: Department, uid: str, placer: str) -> None:
    await clinic.study(uid)
    await clinic.link(await clinic.order(placer, "MRN1"), uid)


async def told(clinic: Department) -> list[tuple[str, str]]:
    return [(m.at("OBX(1)-5"), m.at("OBX(2)-5")) for m in await clinic.told()]


@pytest.mark.parametrize("hours", [3, 90_000])
async def test_a_clock_put_back_while_a_study_is_new_does_not_put_it_off(
    tmp_path: Path, hours: int
) -> None:
    async with department(tmp_path) as clinic:
        await linked(clinic, "1.2.3", "A1")
        clinic.clock.later(hours=-hours)
        await linked(clinic, "1.2.4", "A2")
        assert await told(clinic) == [("1.2.3", "2")]
        clinic.clock.later(minutes=4)
        assert await told(clinic) == [("1.2.4", "2")]
        await clinic.images(5, "1.2.3")
        assert await told(clinic) == []
        clinic.clock.later(minutes=4)
        assert await told(clinic) == [("1.2.3", "5")]
        clinic.clock.later(hours=hours)
        assert await told(clinic) == []


@pytest.mark.parametrize("hours", [3, 90_000])
async def test_a_clock_put_forward_neither_loses_nor_doubles_one(
    tmp_path: Path, hours: int
) -> None:
    """The battery was empty, and the time server answered after the first exam."""
    async with department(tmp_path) as clinic:
        await linked(clinic, "1.2.3", "A1")
        clinic.clock.later(hours=hours)
        await linked(clinic, "1.2.4", "A2")
        assert await told(clinic) == [("1.2.3", "2")]
        clinic.clock.later(minutes=4)
        assert await told(clinic) == [("1.2.4", "2")]
        assert await told(clinic) == []


async def test_one_that_was_put_on_while_the_clock_was_ahead_hears_of_what_comes(
    tmp_path: Path,
) -> None:
    async with department(tmp_path, begins=False) as clinic:
        await linked(clinic, "1.2.2", "A1")
        clinic.clock.later(hours=90_000)
        await clinic.notices.begin()
        clinic.clock.later(hours=-90_000)
        await linked(clinic, "1.2.3", "A2")
        clinic.clock.later(minutes=4)
        assert await told(clinic) == [("1.2.3", "2")]


async def test_one_that_was_begun_by_the_time_still_begins_there(tmp_path: Path) -> None:
    """As an earlier version wrote it down."""
    async with department(tmp_path, begins=False) as clinic:
        await linked(clinic, "1.2.2", "A1")
        clinic.clock.later(minutes=1)
        await clinic.run(
            "INSERT INTO study_notices (study_uid, destination, revision, images, at) "
            "SELECT '', 'ehr', 0, 0, first_at + 1 FROM studies"
        )
        await linked(clinic, "1.2.3", "A2")
        clinic.clock.later(minutes=4)
        assert await told(clinic) == [("1.2.3", "2")]
