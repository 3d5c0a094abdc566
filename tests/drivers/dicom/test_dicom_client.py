"""Associations of ours: to our own node, to DCMTK, and to nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from imaging_site import UNIT, site, tool
from samples import sample

from gateway.drivers.dicom import (
    AssociationRefused,
    Exchange,
    Payload,
    Remote,
    associate,
    echo,
)
from gateway.protocols.dicom import (
    AnyRequest,
    CFindRQ,
    CStoreRQ,
    Service,
    Status,
)
from gateway.protocols.dicom.sop_classes import (
    MODALITY_WORKLIST_FIND,
    ULTRASOUND_IMAGE,
    VERIFICATION,
)
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE


async def test_echo_to_our_own_node(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        answer = await echo(Remote("GATEWAY", "127.0.0.1", clinic.port), UNIT)
    assert answer.message.status == Status.SUCCESS


async def test_nobody_listens(free_port: object) -> None:
    assert callable(free_port)
    with pytest.raises(AssociationRefused, match="cannot connect"):
        await echo(Remote("GATEWAY", "127.0.0.1", free_port()), UNIT)


async def test_a_stranger_is_rejected_where_even_echo_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path, unknown_callers="refuse") as clinic:
        with pytest.raises(AssociationRefused, match="calling AE") as refused:
            await echo(Remote("GATEWAY", "127.0.0.1", clinic.port), "WHO")
    assert refused.value.permanent


async def test_a_file_is_streamed(tmp_path: Path) -> None:
    still = sample("examples_rgb_color.dcm")
    async with site(tmp_path) as clinic:
        remote = Remote("GATEWAY", "127.0.0.1", clinic.port)
        async with associate(remote, UNIT, [(ULTRASOUND_IMAGE, [EXPLICIT_LE])]) as called:
            dialogue = called.dialogue
            (context,) = dialogue.contexts_of(ULTRASOUND_IMAGE)
            request = CStoreRQ(
                message_id=dialogue.next_message_id(),
                affected_sop_class_uid=ULTRASOUND_IMAGE,
                affected_sop_instance_uid=still.uid,
            )
            payload = Payload(lambda: still.path.open("rb"), still.start, still.size)
            answer = await dialogue.ask(context, request, payload)
        assert answer.message.status == Status.SUCCESS
        found = await clinic.imaging.archive.index.instance(still.uid)
        assert found is not None
        kept = clinic.imaging.archive.shelves.path(found.path).read_bytes()
        assert kept[found.start :] == still.data_set


class Worklist:
    """Matches without end until it is told to stop."""

    services = frozenset({Service.WORKLIST})
    data_set_limit = 65536

    def __init__(self) -> None:
        self.sent = 0

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        assert isinstance(request, CFindRQ)
        assert data_set == b"key!"
        assert exchange.caller.device == "us-room-2"
        while not exchange.cancelled.is_set():
            await exchange.respond(request.response(Status.PENDING), bytes(1000))
            self.sent += 1
            await asyncio.sleep(0)
        await exchange.respond(request.response(Status.CANCEL))


async def test_pending_answers_and_cancel(tmp_path: Path) -> None:
    worklist = Worklist()
    async with site(tmp_path, providers=[worklist]) as clinic:
        remote = Remote("GATEWAY", "127.0.0.1", clinic.port)
        contexts = [(MODALITY_WORKLIST_FIND, [IMPLICIT_LE])]
        async with associate(remote, UNIT, contexts) as called:
            dialogue = called.dialogue
            (context,) = dialogue.contexts_of(MODALITY_WORKLIST_FIND)
            request = CFindRQ(
                message_id=dialogue.next_message_id(),
                affected_sop_class_uid=MODALITY_WORKLIST_FIND,
            )
            statuses: list[int] = []
            async for answer in dialogue.ask_all(context, request, b"key!"):
                statuses.append(answer.message.status)
                if len(statuses) == 20:
                    await dialogue.cancel(context, request)
    assert statuses[:20] == [Status.PENDING] * 20
    assert statuses[-1] == Status.CANCEL
    assert worklist.sent == len(statuses) - 1


class Broken:
    services = frozenset({Service.WORKLIST})
    data_set_limit = 100

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        if data_set == b"fail":
            raise KeyError(data_set)


@pytest.mark.parametrize("key", [b"fail", b"mute"])
async def test_a_service_that_fails_or_says_nothing_is_answered_for(
    tmp_path: Path, key: bytes
) -> None:
    async with site(tmp_path, providers=[Broken()]) as clinic:
        remote = Remote("GATEWAY", "127.0.0.1", clinic.port)
        contexts = [(MODALITY_WORKLIST_FIND, [IMPLICIT_LE])]
        async with associate(remote, UNIT, contexts) as called:
            dialogue = called.dialogue
            (context,) = dialogue.contexts_of(MODALITY_WORKLIST_FIND)
            for _ in range(2):
                request = CFindRQ(
                    message_id=dialogue.next_message_id(),
                    affected_sop_class_uid=MODALITY_WORKLIST_FIND,
                )
                answer = await dialogue.ask(context, request, key)
                assert answer.message.status == Status.PROCESSING_FAILURE


@pytest.mark.peer
async def test_echo_to_dcmtk(free_port: object, tmp_path: Path) -> None:
    assert callable(free_port)
    port = free_port()
    server = asyncio.create_task(tool("storescp", "-od", tmp_path, port))
    try:
        while True:
            try:
                answer = await echo(Remote("STORESCP", "127.0.0.1", port), UNIT)
                break
            except AssociationRefused:
                await asyncio.sleep(0.02)
        assert answer.message.status == Status.SUCCESS
        async with associate(
            Remote("STORESCP", "127.0.0.1", port),
            UNIT,
            [(VERIFICATION, [IMPLICIT_LE]), (MODALITY_WORKLIST_FIND, [IMPLICIT_LE])],
        ) as called:
            assert [d.accepted for d in called.negotiation.decisions] == [True, False]
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)
