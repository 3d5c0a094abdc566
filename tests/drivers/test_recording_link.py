"""An unknown device: everything kept, nothing acknowledged that could cost a result."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from line_bench import Bench, bench

from gateway.profiles import Context, Protocol, catalogue, read_transmission
from gateway.profiles.guessing import guess
from gateway.profiles.recording import device_pieces
from gateway.protocols.astm import read_wire

PROFILE = catalogue()["capture-only"]
TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
RECORDS = b"H|\\^&|||DEMO\rP|1||MRN0001\rO|1|26S0001\rR|1|^^^GLU|5.4|mmol/L\rL|1|N\r"
FRAME = b"\x021H|\\^&|||XN-550^1.0\r\x035D\r\n"


async def talk(line: Bench) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", line.port)


async def test_a_recording_ends_with_the_connection() -> None:
    async with bench(PROFILE) as line:
        _, writer = await talk(line)
        writer.write(RECORDS[:20])
        await line.settled(lambda: line.journal.entries != {})
        writer.write(RECORDS[20:])
        await writer.drain()
        writer.close()
        await line.settled(lambda: line.inbox.whole != [])
    (arrival,) = line.inbox.whole
    assert arrival.payload == RECORDS
    assert b"".join(line.journal.entries[arrival.transmission]) == RECORDS
    assert not arrival.checked


async def test_an_enquiry_is_acknowledged_and_the_frame_is_not() -> None:
    async with bench(PROFILE) as line:
        reader, writer = await talk(line)
        writer.write(b"\x05")
        assert await reader.readexactly(1) == b"\x06"
        writer.write(FRAME)
        await line.settled(lambda: len(line.journal.entries[1]) > 1)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await line.settled(lambda: line.inbox.whole != [])
    assert line.inbox.whole[0].payload == b"\x05" + FRAME


async def test_nothing_is_answered_before_it_is_kept_or_while_nothing_is_taken() -> None:
    async with bench(PROFILE) as line:
        line.journal.hold = True
        reader, writer = await talk(line)
        writer.write(b"\x05")
        await line.settled(lambda: line.journal.waiting != [])
        line.journal.accepting = False
        line.journal.waiting.pop()(None)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


def recorded(name: str) -> bytes:
    (path,) = TRANSCRIPTS.glob(f"{name}.wire")
    pieces = device_pieces(read_wire(path.read_text(encoding="utf-8")))
    return b"".join(data for data, _ in pieces)


@pytest.mark.parametrize(
    ("case", "language", "profile"),
    [
        ("sysmex-xn-l/panel-framed", "ASTM", "sysmex-xn-l"),
        ("mindray-bs/panel", "HL7", "mindray-bs"),
        ("nova-statstrip/panel", "POCT1-A", "nova-statstrip"),
        ("horiba-micros60/panel", "plain text", "horiba-micros60"),
        ("rapidpoint-500/panel", "LIS3", "rapidpoint-500"),
        ("file-drop/panel", "an exported table", "file-drop"),
    ],
)
def test_guesses(case: str, language: str, profile: str) -> None:
    found = guess(recorded(case))
    assert found.language == language
    assert profile in found.profiles
    assert profile in str(found)


def test_a_recording_is_read_as_words_for_a_person() -> None:
    data = recorded("sysmex-xn-l/panel-framed")
    site = Context("new", ZoneInfo("UTC"), datetime(2026, 1, 5, tzinfo=UTC), "1")
    found = read_transmission(data, catalogue()["capture-only"], site)
    assert found.reports == ()
    assert [p.at for p in found.problems] == [str(guess(data))]
    assert read_transmission(b"\x05", catalogue()["capture-only"], site).problems == ()


def test_most_transcripts_are_guessed_right() -> None:
    right = wrong = 0
    for path in TRANSCRIPTS.glob("*/*.wire"):
        known = catalogue().get(path.parent.name)
        if known is None or known.generic or known.link.protocol is Protocol.RECORDING:
            continue
        right += known.name in guess(recorded(f"{known.name}/{path.stem}")).profiles
        wrong += 1
    assert right > 0.8 * wrong


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x05\x05", "asks before it sends"),
        (b"\xe3\x91\x8f\xd2" * 9, "another line speed"),
        (b"\r\n\x00", "idle"),
        (b"\x0bMSH|^~", "HL7 in MLLP, cut off"),
        (b"what is this\r\n", "lines of text"),
    ],
)
def test_what_no_message_is_whole_of(data: bytes, words: str) -> None:
    assert words in str(guess(data))
    assert guess(data).profiles == ()
