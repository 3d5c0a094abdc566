"""dcmjs-dimse as a unit that asks whether its images are safe, and hears it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dcmjs_peer import ask, at_hand, conversation, converse, listening
from services_site import Site, site, until
from stills import ULTRASOUND, still

from gateway.imaging.commitments import CommitmentState

pytestmark = [pytest.mark.peer, at_hand]

TRANSACTION = "2.25.500"
ALL_SAFE, SOME_FAILED = 1, 2
NO_SUCH_INSTANCE = 0x0112


def reference(uid: str) -> dict[str, str]:
    return {"ReferencedSOPClassUID": ULTRASOUND, "ReferencedSOPInstanceUID": uid}


def action(*uids: str, number: int = 1, transaction: str = TRANSACTION) -> dict[str, Any]:
    references = [reference(uid) for uid in uids]
    elements = {"TransactionUID": transaction, "ReferencedSOPSequence": references}
    return {"kind": "action", "number": number, "elements": elements}


def plain(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "_vrMap"}


def told(report: dict[str, Any], *safe: str, failed: tuple[str, ...] = ()) -> None:
    """The report is about this transaction and says this of its instances."""
    assert report["TransactionUID"] == TRANSACTION
    assert report["RetrieveAETitle"] == "GATEWAY"
    assert report["type"] == (SOME_FAILED if failed else ALL_SAFE)
    kept = [plain(item) for item in report.get("ReferencedSOPSequence", [])]
    assert kept == [reference(uid) for uid in safe]
    lost = [plain(item) for item in report.get("FailedSOPSequence", [])]
    reason = {"FailureReason": NO_SUCH_INSTANCE}
    assert lost == [{**reference(uid), **reason} for uid in failed]


async def kept(clinic: Site, *numbers: int) -> list[str]:
    stills = [still(number) for number in numbers]
    for one in stills:
        await clinic.keep(one.data_set, one.uid)
    return [one.uid for one in stills]


async def reported(clinic: Site) -> None:
    async def written() -> bool:
        (commitment,) = await clinic.services.commitments.latest()
        return commitment.state is CommitmentState.REPORTED

    await until(written)


async def test_stored_and_asked_for_on_one_association(tmp_path: Path) -> None:
    """The unit has no port for reports: it waits on the association it has."""
    stills = [still(number) for number in (1, 2)]
    stores = [
        {"kind": "store", "file": str(one.save(tmp_path / f"{one.uid}.dcm"))} for one in stills
    ]
    uids = [one.uid for one in stills]
    async with site(tmp_path / "data") as clinic:
        talk = conversation(clinic.port, *stores, action(*uids), stay=True)
        (found,) = await converse(talk)
        await reported(clinic)
    assert [answer["statuses"] for answer in found["answers"]] == [[0], [0], [0]]
    assert found["released"]
    told(found["report"], *uids)


async def test_one_that_never_came(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        uids = await kept(clinic, 1, 2)
        asked = action(uids[0], "2.25.9", uids[1])
        (found,) = await converse(conversation(clinic.port, asked, stay=True))
        await reported(clinic)
    told(found["report"], *uids, failed=("2.25.9",))


async def test_where_the_unit_listens(tmp_path: Path) -> None:
    """On an association of the gateway's, in the roles the standard has."""
    async with listening() as unit, site(tmp_path / "data", port=unit.port) as clinic:
        uids = await kept(clinic, 1, 2)
        (answer,) = await ask(clinic.port, action(*uids, "2.25.9"))
        assert answer["statuses"] == [0]
        report = await unit.next("report")
        await reported(clinic)
    told(report, *uids, failed=("2.25.9",))
    (association,) = [one for one in unit.past if one["event"] == "association"]
    assert association["calling"] == "GATEWAY"
    assert association["roles"] == [[False, True]]


async def test_what_makes_no_sense(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        asked = (action("2.25.1", number=2), action(), action("2.25.1", transaction=""))
        answers = await ask(clinic.port, *asked)
        assert [answer["statuses"] for answer in answers] == [[0x0123], [0x0115], [0x0115]]
        assert not await clinic.services.commitments.latest()
