"""Where the site wants it so, whose study it is takes two people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from test_matching_imaging import Department, department

from gateway.desk import second
from gateway.desk.studies import Studies

__all__ = ["department"]


class Desk:
    """Four eyes, on a department."""

    def __init__(self, department: Department) -> None:
        self._verbs = Studies(department.store, four_eyes=True).verbs()

    async def does(self, user: str, verb: str, **more: str) -> bool:
        """Whether it was done; else it was noted."""
        asked = {"uid": "1.2.3", "user": user, "reason": "seen", **more}
        answer: dict[str, Any] = await self._verbs[f"studies.{verb}"](asked)
        return not answer.get("waits")


async def acts(department: Department) -> list[tuple[str, str]]:
    return [(one.actor, one.action) for one in reversed(await department.store.audit.list())]


async def test_the_first_proposes_and_another_does_it(department: Department) -> None:
    desk = Desk(department)
    await department.order("A1", "MRN2", "ROE^ANN")
    await department.image()
    assert not await desk.does("ada", "link", order="A1")
    assert not await desk.does("Ada", "link", order="A1")
    assert (await department.show())["match"] == "unmatched"
    assert await desk.does("bob", "link", order="A1")
    assert (await department.show())["match"] == "matched"
    assert await acts(department) == [
        ("ada", "propose link study"),
        ("Ada", "propose link study"),
        ("bob", "link study"),
    ]
    assert not await desk.does("bob", "unlink")
    assert await desk.does("ada", "unlink")


async def test_only_the_same_is_agreed_to_and_only_once(department: Department) -> None:
    desk = Desk(department)
    for placer, patient in (("A1", "MRN2"), ("A2", "MRN3")):
        await department.order(placer, patient, "ROE^ANN")
    await department.image()
    assert not await desk.does("ada", "link", order="A1")
    assert not await desk.does("bob", "link", order="A2")
    assert not await desk.does("bob", "move", patient_id="MRN2")
    assert not await desk.does("ada", "move", patient_id="MRN3")
    assert await desk.does("ada", "link", order="A2")
    assert not await desk.does("ada", "move", patient_id="MRN2")  # bob's was before the decision
    assert not await desk.does("cy", "unlink")
    assert await desk.does("bob", "move", patient_id="MRN2")
    shown = await department.show()
    assert (shown["match"], shown["correction"] is not None) == ("unmatched", True)


async def test_a_proposal_holds_for_a_while(
    department: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(department)
    await department.order("A1", "MRN2", "ROE^ANN")
    await department.image()
    assert not await desk.does("ada", "link", order="A1")
    monkeypatch.setattr(second, "HOLDS", timedelta(0))
    assert not await desk.does("bob", "link", order="A1")
    monkeypatch.undo()
    assert await desk.does("bob", "link", order="A1")
