"""dcmjs-dimse as the archive the gateway forwards to: what comes there, and what it promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dcmjs_peer import Listening, at_hand, conversation, converse, digest, listening
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from services_site import Site, site, until
from stills import ULTRASOUND, Still, clip, still

from gateway.imaging.forwarding import ForwardState

pytestmark = [pytest.mark.peer, at_hand]

COMMITMENT = "1.2.840.10008.1.20.1"
NO_ROOM, CANNOT_UNDERSTAND = 0xA700, 0xC000


def pacs(archive: Listening, *, commitment: bool = True) -> dict[str, Any]:
    address = f"PACS@127.0.0.1:{archive.port}"
    return {"pacs": {"type": "dicom", "address": address, "commitment": commitment}}


async def kept(clinic: Site, count: int) -> list[Still]:
    stills = [still(number) for number in range(1, count + 1)]
    for one in stills:
        await clinic.keep(one.data_set, one.uid)
    return stills


async def committed(clinic: Site, *stills: Still) -> None:
    async def all_of_them() -> bool:
        states = [await clinic.services.forwardings.of(one.uid) for one in stills]
        return all([f.state for f in state] == [ForwardState.COMMITTED] for state in states)

    await until(all_of_them)


@pytest.mark.parametrize(
    ("syntax", "as_sent"),
    [(ExplicitVRLittleEndian, lambda s: s.data_set), (ImplicitVRLittleEndian, Still.implicit)],
    ids=["explicit", "implicit"],
)
async def test_what_was_stored_comes_and_is_promised(
    tmp_path: Path, syntax: str, as_sent: Callable[[Still], bytes]
) -> None:
    """As stored where the archive takes that; the report comes on the association that asked."""
    async with (
        listening(syntaxes=[syntax], promises=True) as archive,
        site(tmp_path, destinations=pacs(archive)) as clinic,
    ):
        stills = await kept(clinic, 4)
        came = [await archive.next("store") for _ in stills]
        await committed(clinic, *stills)
        assert not await clinic.store.outbox.queues()
        assert (await archive.next("told"))["status"] == 0
    assert [(one["uid"], one["syntax"], one["sha256"]) for one in came] == [
        (one.uid, syntax, digest(as_sent(one))) for one in stills
    ]


async def test_a_clip_arrives_as_it_was_stored(tmp_path: Path) -> None:
    cine = clip()
    async with listening(syntaxes=[cine.transfer_syntax, ExplicitVRLittleEndian]) as archive:
        destinations = pacs(archive, commitment=False)
        async with site(tmp_path, destinations=destinations) as clinic:
            kind = {"sop_class": cine.sop_class, "transfer_syntax": cine.transfer_syntax}
            await clinic.keep(cine.data_set, cine.uid, **kind)
            came = await archive.next("store")
    assert (came["sop_class"], came["syntax"]) == (cine.sop_class, cine.transfer_syntax)
    assert came["sha256"] == digest(cine.data_set)


async def test_what_was_lost_over_there_is_sent_again(tmp_path: Path) -> None:
    lost = still(2).uid
    async with (
        listening(promises=True, lost=[lost]) as archive,
        site(tmp_path, destinations=pacs(archive)) as clinic,
    ):
        stills = await kept(clinic, 3)
        came = [await archive.next("store") for _ in (*stills, lost)]
        await committed(clinic, *stills)
    sent = [*stills, still(2)]
    assert sorted((one["uid"], one["sha256"]) for one in came) == sorted(
        (one.uid, digest(one.data_set)) for one in sent
    )


async def test_full_for_a_while_and_one_it_cannot_take(tmp_path: Path) -> None:
    """No room is waited for, in the order they came; a refusal holds up nobody else."""
    statuses = [0, NO_ROOM, NO_ROOM, 0, CANNOT_UNDERSTAND, 0]
    async with listening(statuses=statuses) as archive:
        destinations = pacs(archive, commitment=False)
        async with site(tmp_path, destinations=destinations) as clinic:
            stills = await kept(clinic, 4)
            came = [await archive.next("store") for _ in statuses]

            async def parked() -> bool:
                queues = await clinic.store.outbox.queues()
                return [(q.queued, q.parked) for q in queues] == [(0, 1)]

            await until(parked)
    uids = [one.uid for one in stills]
    assert [(one["uid"], one["status"]) for one in came] == list(
        zip([uids[0], *[uids[1]] * 3, uids[2], uids[3]], statuses, strict=True)
    )


@pytest.mark.parametrize("role", [COMMITMENT, None], ids=["as SCP", "in no role"])
async def test_a_promise_on_an_association_of_the_archives(
    tmp_path: Path, free_port: Callable[[], int], role: str | None
) -> None:
    """With role selection as PS3.4 J.3.3 has it, and without, as dcmjs does it by itself."""
    port = free_port()
    async with (
        listening() as archive,
        site(tmp_path, listen=port, destinations=pacs(archive)) as clinic,
    ):
        (one,) = await kept(clinic, 1)
        asked = await archive.next("action")
        report = {
            "TransactionUID": asked["TransactionUID"],
            "ReferencedSOPSequence": [
                {"ReferencedSOPClassUID": ULTRASOUND, "ReferencedSOPInstanceUID": one.uid}
            ],
        }
        told = {"kind": "report", "number": 1, "elements": report}
        unknown = {**told, "elements": {**report, "TransactionUID": "2.25.404"}}
        talk = conversation(port, unknown, told, calling="PACS", provider_of=role)
        (found,) = await converse(talk)
        await committed(clinic, one)
    assert [answer["statuses"] for answer in found["answers"]] == [[0x0115], [0]]
