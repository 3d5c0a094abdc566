"""HL7, POCT1-A and text analyzers on a real socket: answered after the commit, never before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from line_bench import Bench, bench

from gateway.intake import Arrival
from gateway.profiles import AnalyzerProfile, Context, Protocol, catalogue, normalize
from gateway.protocols import mllp
from simulators.others import Speaker
from simulators.pipe import open_pipe
from simulators.scenarios import Day, Message, one_result, panel
from simulators.wire import Fault, Relay, bytewise, chain, cut_at, repeat, split, whole

NOW = datetime(2026, 1, 5, 9, 15, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
OTHERS = [
    p
    for p in catalogue().values()
    if p.link.protocol not in (Protocol.ASTM, Protocol.FILE, Protocol.RECORDING)
]
HL7 = catalogue()["generic-hl7"]
POCT1A = catalogue()["generic-poct1a"]
ORU = mllp.encode_block(
    b"MSH|^~\\&|lab|LAB|||20260105101200||ORU^R01|7|P|2.5.1\r"
    b"PID|1||MRN0001\rOBR|1||26S0001\rOBX|1|NM|GLU||5.4|mmol/L|||||F\r"
)


def messages(profile: AnalyzerProfile, count: int) -> list[Message]:
    day = Day(profile, random.Random(5), lambda: NOW, UTC_ZONE)
    scenario = one_result(day) if profile.shape.alone else panel(day)
    return [next(scenario) for _ in range(count)]


def speaker(profile: AnalyzerProfile, port: int, *, tries: int | None = 20) -> Speaker:
    return Speaker(
        profile,
        lambda: open_pipe(f"tcp:127.0.0.1:{port}"),
        clock=lambda: NOW,
        retry=0.01,
        tries=tries,
    )


def facts(profile: AnalyzerProfile, arrival: Arrival) -> list[tuple[str, str]]:
    codes = {code: analyte.loinc or "8061-4" for code, analyte in profile.menu.items()}
    context = Context("lab-1", UTC_ZONE, NOW, "1", codes=codes)
    reports = normalize(arrival.payload, profile, context)
    return [(o.code.device, o.raw.strip()) for report in reports for o in report.observations]


def said(message: Message) -> list[tuple[str, str]]:
    return [(f.code, f.value.strip()) for sample in message.samples for f in sample.findings]


@pytest.mark.parametrize("profile", OTHERS, ids=lambda profile: profile.name)
@pytest.mark.parametrize("fault", ["whole", "bytewise", "split"])
async def test_every_profile_comes_through(profile: AnalyzerProfile, fault: str) -> None:
    wires: dict[str, Fault] = {
        "whole": whole,
        "bytewise": bytewise,
        "split": split(random.Random(3)),
    }
    wire = wires[fault]
    sent = messages(profile, 2)
    async with bench(profile) as line, relayed(line, wire) as port:
        device = speaker(profile, port)
        for message in sent:
            await device.send(message.records)
        await line.settled(lambda: len(line.inbox.whole) >= 2)
        await device.aclose()
    assert [facts(profile, one) for one in line.inbox.whole] == [said(one) for one in sent]
    assert line.inbox.broken == []


@asynccontextmanager
async def relayed(line: Bench, wire: Fault, back: Fault = whole) -> AsyncIterator[int]:
    relay = Relay(("127.0.0.1", line.port), lambda: wire, lambda: back)
    port = await relay.listen()
    try:
        yield port
    finally:
        await relay.aclose()


@pytest.mark.parametrize("profile", [HL7, POCT1A], ids=lambda profile: profile.name)
async def test_what_is_not_stored_is_sent_again(profile: AnalyzerProfile) -> None:
    (message,) = messages(profile, 1)
    async with bench(profile) as line:
        line.journal.fail = 2
        device = speaker(profile, line.port)
        await device.send(message.records)
        await device.aclose()
    assert device.failures == 2
    assert [facts(profile, one) for one in line.inbox.whole] == [said(message)]


@pytest.mark.parametrize("profile", [HL7, POCT1A], ids=lambda profile: profile.name)
async def test_a_cut_line_loses_nothing(profile: AnalyzerProfile) -> None:
    sent = messages(profile, 3)
    async with bench(profile) as line:
        cuts = iter([cut_at(40), cut_at(333), cut_at(700), cut_at(1500)])
        relay = Relay(("127.0.0.1", line.port), lambda: next(cuts, whole))
        port = await relay.listen()
        device = speaker(profile, port)
        for message in sent:
            await device.send(message.records)
        await device.aclose()
        await relay.aclose()
    got = [facts(profile, one) for one in line.inbox.whole]
    assert [one for n, one in enumerate(got) if one not in got[:n]] == [said(one) for one in sent]


async def test_hl7_is_answered_only_after_the_commit() -> None:
    async with bench(HL7) as line:
        line.journal.hold = True
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(ORU)
        await line.settled(lambda: bool(line.journal.waiting))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        assert line.inbox.whole == []
        line.journal.waiting.pop()(None)
        assert b"MSA|AA|7" in await reader.read(4096)
        assert len(line.inbox.whole) == 1
        writer.close()


async def test_hl7_that_cannot_be_stored_is_refused() -> None:
    async with bench(HL7) as line:
        line.journal.fail = 1
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(ORU)
        assert b"MSA|AE|7" in await reader.read(4096)
        assert line.inbox.whole == []
        writer.write(b"\x02" + ORU + b"\x02")
        assert b"MSA|AA|7" in await reader.read(4096)
        writer.close()


async def test_a_damaged_block_is_kept_and_refused() -> None:
    async with bench(HL7) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(mllp.encode_block(b"not a message"))
        assert b"MSA|AR" in await reader.read(4096)
        writer.close()
        await line.settled(lambda: bool(line.inbox.broken))
    assert line.journal.kept == [b"not a message"]
    assert line.inbox.whole == []


async def test_a_query_is_journaled_and_answered() -> None:
    query = (
        b"MSH|^~\\&|Mindray|BS-240|||20260105||QRY^Q02|5|P|2.3.1\r"
        b"QRD|20260105|R|D|5|||RD|26S0003|OTH|||T|\r"
    )
    async with bench(catalogue()["mindray-bs"]) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(mllp.encode_block(query))
        answer = await reader.read(4096)
        assert b"QCK^Q02" in answer
        assert b"QAK|SR|NF" in answer
        assert line.journal.entries == {1: [query]}
        writer.close()


async def test_repeated_chunks_are_duplicates_not_changes() -> None:
    (message,) = messages(HL7, 1)
    wire = chain(repeat(random.Random(1), 1.0))
    async with bench(HL7) as line, relayed(line, wire) as port:
        device = speaker(HL7, port)
        await device.send(message.records)
        await line.settled(lambda: len(line.inbox.whole) == 2)
        await device.aclose()
    first, second = line.inbox.whole
    assert first.payload == second.payload


async def test_flipped_bits_are_never_delivered_where_a_check_vouches() -> None:
    profile = catalogue()["horiba-micros60"]
    (message,) = messages(profile, 1)
    payload = message.records[0]
    async with bench(profile) as line:
        _, writer = await asyncio.open_connection("127.0.0.1", line.port)
        for position in range(1, len(payload) - 1, 7):
            damaged = bytearray(payload)
            damaged[position] ^= 0x04
            writer.write(bytes(damaged))
        writer.write(payload)
        await line.settled(lambda: bool(line.inbox.whole))
        writer.close()
    assert [facts(profile, one) for one in line.inbox.whole] == [said(message)]


@pytest.mark.parametrize("profile", OTHERS, ids=lambda profile: profile.name)
async def test_a_crash_leaves_a_whole_transmission(profile: AnalyzerProfile) -> None:
    """What the journal gives back is what was handed on."""
    (message,) = messages(profile, 1)
    async with bench(profile) as line:
        device = speaker(profile, line.port)
        await device.send(message.records)
        await line.settled(lambda: bool(line.inbox.whole))
        await device.aclose()
    (arrival,) = line.inbox.whole
    entries = line.journal.entries[arrival.transmission]
    again = Arrival.stored(1, ("lab-1",), arrival.protocol, entries, "peer", NOW, profile.link)
    assert again is not None
    assert (again.payload, again.checked) == (arrival.payload, arrival.checked)
    assert replace(again, received_at=None).candidates == arrival.candidates
