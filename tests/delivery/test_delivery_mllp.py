from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import hl7.mllp
import pytest
from delivery_bench import Witness, an_entry, enqueue, message, oru, running, states, until
from mllp_peer import END, VT, Peer, a_peer, ack, err, reset

from gateway.delivery.base import Unreadable
from gateway.delivery.mllp import MllpOptions, MllpSender
from gateway.errors import Ambiguous, DeliveryError, Refused, Unreachable
from gateway.notices import DeliveryParked, DeliveryPostponed
from gateway.store import MessageState, OutboxEntry, Store

pytestmark = pytest.mark.usefixtures("calm_loop")
SOON = 0.3


@asynccontextmanager
async def a_sender(
    peer: Peer, *, reply: float = 5.0, acknowledged: bool = True, limit: int = 1 << 20
) -> AsyncIterator[MllpSender]:
    options = MllpOptions(
        "127.0.0.1", peer.port, reply=reply, acknowledged=acknowledged, limit=limit
    )
    sender = MllpSender(options)
    serving = asyncio.create_task(sender.serve(lambda reason: None))
    try:
        yield sender
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def failed(sender: MllpSender, entry: OutboxEntry | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await sender.deliver(entry or an_entry())
    return caught.value


# one message


async def test_a_message_arrives_framed_and_unchanged() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        receipt = await sender.deliver(an_entry())
    assert receipt.answer == "AA"
    assert peer.messages == [oru("M1")]


async def test_the_connection_is_kept_for_the_next_message() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        for number in range(100):
            await sender.deliver(an_entry(number))
        assert peer.connections == 1


async def test_a_receiver_that_closes_after_every_message_gets_them_all() -> None:
    async with a_peer() as peer:

        async def act(_n: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            writer.write(ack("AA", control_id))
            await writer.drain()
            writer.close()

        peer.act = act
        async with a_sender(peer) as sender:
            for number in range(20):
                await sender.deliver(an_entry(number))
                await peer.until(lambda: peer.open == 0)
                await until(lambda: sender._link is None or sender._link.closed)
    assert len(peer.messages) == peer.connections == 20


@pytest.mark.parametrize("size", [84 * 1024, 5 * 1024 * 1024])
async def test_large_messages(size: int) -> None:
    body = oru("M1", text="x" * size)
    async with a_peer() as peer, a_sender(peer) as sender:
        assert (await sender.deliver(an_entry(body=body))).answer == "AA"
    assert peer.messages == [body]


async def test_a_large_acknowledgment() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer(ack("AA", "M1", "NTE|1||" + "x" * 200_000))
        assert (await sender.deliver(an_entry())).answer == "AA"


async def test_a_framing_byte_in_a_message_never_reaches_the_wire() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        error = await failed(sender, an_entry(body=oru("M1", text="a\x1cb")))
        assert isinstance(error, Refused)
        assert not error.again
        assert peer.messages == []


@pytest.mark.parametrize(
    ("code", "extra", "kind"),
    [
        ("CA", "", None),
        ("AE", err("205"), None),
        ("AE", "", Refused),
        ("AR", err("200"), Refused),
        ("CR", "", Unreachable),
    ],
)
async def test_answers(code: str, extra: str, kind: type[DeliveryError] | None) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer(ack(code, "M1", *filter(None, [extra])), "AA")
        if kind is None:
            await sender.deliver(an_entry())
        else:
            assert type(await failed(sender)) is kind
        await sender.deliver(an_entry(2))
        assert peer.connections == 1, "an answer, even no, is no reason to hang up"


@pytest.mark.parametrize(
    "reply",
    [
        VT + b"this is not HL7" + END,
        VT + END,
        VT + b"MSH|^~\\&|EHR\r" + END,
        VT + b"MSH|^~\\&|EHR\rMSA|XX|M1\r" + END,
        VT + b"MSH|^~\\&|EHR\rMSA|AA|M1\rMSA|AE|M1\r" + END,
        ack("AA", "NEVER-SENT"),
        ack("AA", ""),
        ack("AA", "m1"),
    ],
)
async def test_an_answer_nobody_can_use_ends_the_connection(reply: bytes) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer(reply, "AA")
        assert isinstance(await failed(sender), Unreadable)
        await peer.until(lambda: peer.open == 0)
        await sender.deliver(an_entry())
        assert peer.connections == 2
    assert peer.messages[0] == peer.messages[1]


async def test_an_endless_answer_is_cut_off() -> None:
    async with a_peer() as peer, a_sender(peer, limit=1_000) as sender:
        peer.answer(VT + b"x" * 5_000)
        assert isinstance(await failed(sender), Unreadable)


@pytest.mark.parametrize("slices", [1, 2, 7])
async def test_slow_bytes(slices: int) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:

        async def act(_n: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            reply = b"\x00" + ack("AA", control_id)
            for start in range(0, len(reply), slices):
                writer.write(reply[start : start + slices])
                await writer.drain()

        peer.act = act
        for number in range(3):
            assert (await sender.deliver(an_entry(number))).answer == "AA"


@pytest.mark.parametrize("cut", [0, 1, 20, len(ack("AA", "M1")) - 2])
async def test_half_an_acknowledgment_is_none(cut: int) -> None:
    async with a_peer() as peer, a_sender(peer, reply=SOON) as sender:
        peer.answer(ack("AA", "M1")[:cut], "AA")
        error = await failed(sender)
        assert type(error) is Ambiguous
        assert str(error) == "nobody answered in time"
        await peer.until(lambda: peer.open == 0)
        await sender.deliver(an_entry())


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_connection_that_ends_before_the_answer(ending: str) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:

        async def act(_n: int, _id: str, writer: asyncio.StreamWriter) -> None:
            writer.close() if ending == "close" else reset(writer)

        peer.act = act
        assert type(await failed(sender)) is Ambiguous
        peer.answer("AA")
        await sender.deliver(an_entry())


async def test_a_connection_cut_in_the_middle_of_a_large_message() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:

        async def cut(writer: asyncio.StreamWriter) -> None:
            reset(writer)

        peer.greet = cut
        body = oru("M1", text="x" * 20_000_000)
        assert type(await failed(sender, an_entry(body=body))) is Ambiguous
        peer.greet = None
        await sender.deliver(an_entry(body=body))
    assert peer.messages == [body]


async def test_a_large_message_nobody_reads_was_not_sent() -> None:
    """Also where no answer is expected: what is still here was not delivered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sender = MllpSender(MllpOptions("127.0.0.1", port, reply=SOON, acknowledged=False))
        error = await failed(sender, an_entry(body=oru("M1", text="x" * 20_000_000)))
        assert type(error) is Ambiguous


async def test_a_late_answer_finds_nobody() -> None:
    """The answer to the first try comes when the second message is already waiting."""
    async with a_peer() as peer, a_sender(peer, reply=SOON) as sender:
        writers: list[asyncio.StreamWriter] = []

        async def act(_n: int, _id: str, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            for earlier in writers[:-1]:
                earlier.write(ack("AA", "M2"))
                earlier.write(ack("AA", "M1"))

        peer.act = act
        assert type(await failed(sender, an_entry(1))) is Ambiguous
        assert type(await failed(sender, an_entry(2))) is Ambiguous


async def test_an_answer_to_an_earlier_message_is_dropped() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer("AA", ack("AA", "M1") + ack("AE", "M1") + ack("AA", "M2"))
        await sender.deliver(an_entry(1))
        assert (await sender.deliver(an_entry(2))).answer == "AA"
        assert sender.late == 2


async def test_two_answers_to_one_message_count_once() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:

        async def act(_n: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            writer.write(ack("AA", control_id) * 2)

        peer.act = act
        for number in range(50):
            assert (await sender.deliver(an_entry(number))).answer == "AA"
        assert peer.connections == 1
    assert sender.late == 50


async def test_the_first_of_two_different_answers_counts() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer(ack("AE", "M1", err("101")) + ack("AA", "M1"))
        assert isinstance(await failed(sender), Refused)


async def test_an_answer_before_the_question_is_none() -> None:
    async with a_peer() as peer, a_sender(peer, reply=SOON) as sender:
        peer.answer(ack("AA", "M1") + ack("AA", "M2"), b"")
        await sender.deliver(an_entry(1))
        await until(lambda: sender.stray == 1)
        assert type(await failed(sender, an_entry(2))) is Ambiguous


async def test_nobody_listens(free_port: object) -> None:
    assert callable(free_port)
    sender = MllpSender(MllpOptions("127.0.0.1", free_port()))
    with pytest.raises(Unreachable, match="nobody listens there"):
        await sender.open()


async def test_a_name_that_does_not_exist() -> None:
    sender = MllpSender(MllpOptions("ehr.invalid", 2575))
    with pytest.raises(Unreachable, match="the name cannot be resolved"):
        await sender.open()


async def test_a_cancelled_delivery_leaves_nothing_to_credit() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer(b"", "AA")
        task = asyncio.create_task(sender.deliver(an_entry(1)))
        await peer.until(lambda: len(peer.messages) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await peer.until(lambda: peer.open == 0)
        await sender.deliver(an_entry(2))


async def test_a_receiver_that_never_answers_gets_one_message_after_the_other() -> None:
    async with a_peer() as peer, a_sender(peer, acknowledged=False) as sender:
        peer.answer(b"")
        receipts = [await sender.deliver(an_entry(number)) for number in range(50)]
        await peer.until(lambda: len(peer.messages) == 50)
    assert {receipt.answer for receipt in receipts} == {"sent"}
    assert peer.ids == [f"M{number}" for number in range(50)]


async def test_enhanced_mode_waits_for_the_application_without_blocking_the_line() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        last = ack("AE", "M2", err("101")) + ack("AA", "M3")
        peer.answer(ack("CA", "M1"), ack("CA", "M2") + ack("AA", "M1"), last)
        first = await sender.deliver(an_entry(1, body=oru("M1", accept="AL", application="AL")))
        second = await sender.deliver(an_entry(2, body=oru("M2", accept="AL", application="AL")))
        assert first.answer == second.answer == "CA"
        assert first.application is not None
        assert second.application is not None
        assert (await first.application).answer == "AA"
        assert not second.application.done()
        await sender.deliver(an_entry(3))
        assert isinstance(second.application.exception(), Refused)


async def test_commit_is_final_unless_the_application_is_asked() -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer("CA")
        body = oru("M1", accept="AL", application="NE")
        receipt = await sender.deliver(an_entry(1, body=body))
    assert receipt.application is None


# with its courier


async def test_resends_are_the_same_bytes_under_the_same_id(store: Store, witness: Witness) -> None:
    async with a_peer() as peer, a_sender(peer, reply=SOON) as sender:
        peer.answer(b"", VT + END, ack("AA", "OTHER"), VT + b"MSH", "CR", "AA")
        await enqueue(store, [message("M00001", lane="S1"), message("M00002", lane="S1")])
        async with running(store, sender, witness) as courier:
            await witness.delivered(2)
            assert courier.state.possibly_twice == 4
    assert peer.ids == ["M00001"] * 6 + ["M00002"]
    assert len(set(peer.messages[:6])) == 1


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (["AE", "AE", "AE", "AE", "AA"], MessageState.PARKED),
        (["AE", "AE", "AA"], MessageState.DELIVERED),
        (["CE", "AA"], MessageState.DELIVERED),
        (["CR", "CR", "CR", "CR", "CR", "CR", "AA"], MessageState.DELIVERED),
    ],
)
async def test_patience(
    script: list[str], expected: MessageState, store: Store, witness: Witness
) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer(*script)
        await enqueue(store, [message("M00001", lane="S1")])
        async with running(store, sender, witness):
            await _final(store, "M00001", witness)
        assert (await states(store))["M00001"] is expected


async def test_a_poisonous_message_that_kills_the_connection_is_parked_alone(
    store: Store, witness: Witness
) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:

        async def act(_n: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            reset(writer) if control_id == "POISON" else writer.write(ack("AA", control_id))

        peer.act = act
        await enqueue(store, [message("POISON", lane="P"), message("AFTER", lane="P")])
        async with running(store, sender, witness):
            number = 0
            while not witness.of(DeliveryParked):
                number += 1
                await enqueue(store, [message(f"M{number:05d}")])
                await witness.delivered(number)
        result = await states(store)
    assert result.pop("POISON") is MessageState.PARKED
    assert result.pop("AFTER") is MessageState.QUEUED
    assert set(result.values()) == {MessageState.DELIVERED}


async def test_python_hl7_receives_what_we_send(store: Store, witness: Witness) -> None:
    received: list[str] = []

    async def serve(reader: hl7.mllp.HL7StreamReader, writer: hl7.mllp.HL7StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                received_oru = await reader.readmessage()
                received.append(str(received_oru["MSH.F10"]))
                writer.writemessage(received_oru.create_ack(ack_code="AA"))
                await writer.drain()
        writer.close()

    server = await hl7.mllp.start_hl7_server(serve, "127.0.0.1", 0, encoding="utf-8")
    port = server.sockets[0].getsockname()[1]
    await enqueue(store, [message(f"M{number:05d}") for number in range(100)])
    sender = MllpSender(MllpOptions("127.0.0.1", port))
    async with running(store, sender, witness):
        await witness.delivered(100)
    server.close()
    await server.wait_closed()
    assert received == [f"M{number:05d}" for number in range(100)]


async def test_a_receiver_that_goes_away_and_comes_back(store: Store, witness: Witness) -> None:
    async with a_peer() as peer:
        port = peer.port
        sender = MllpSender(MllpOptions("127.0.0.1", port, reply=1.0))
        await enqueue(store, [message(f"M{number:05d}") for number in range(50)])
        async with running(store, sender, witness):
            await witness.delivered(50)
            await peer.aclose()
            await enqueue(store, [message(f"M{number:05d}") for number in range(50, 100)])
            assert "nobody listens" in (await witness.became(up=False)).detail
            async with _again(port) as second:
                await witness.delivered(100)
    assert second.ids == [f"M{number:05d}" for number in range(50, 100)]


async def test_nothing_of_the_message_is_in_a_notice(store: Store, witness: Witness) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:
        peer.answer(ack("AE", "M00001", "ERR||PID^1^5|101^x|E|||DOE^JANE unknown"), "AA")
        body = oru("M00001", text="DOE^JANE")
        await enqueue(store, [message("M00001", body=body), message("M00002")])
        async with running(store, sender, witness):
            await witness.delivered(1)
            await witness.parked()
    assert not re.search("DOE|JANE", repr(witness.seen))
    assert not witness.of(DeliveryPostponed)


async def test_a_slow_reader_does_not_stop_a_large_message(store: Store, witness: Witness) -> None:
    """Writing may take longer than the reply does, as long as it goes on."""
    body = oru("M00001", text="x" * 5_000_000)
    async with a_peer() as peer, a_sender(peer) as sender:
        await enqueue(store, [message("M00001", body=body)])
        async with running(store, sender, witness):
            await witness.delivered(1)
    assert peer.messages == [body]


@asynccontextmanager
async def _again(port: int) -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.listen(port)
    try:
        yield peer
    finally:
        await peer.aclose()


async def _final(store: Store, control_id: str, witness: Witness) -> None:
    async with asyncio.timeout(10):
        while (await states(store))[control_id] not in (
            MessageState.PARKED,
            MessageState.DELIVERED,
        ):
            pass
