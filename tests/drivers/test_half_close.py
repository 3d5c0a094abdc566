"""A device that closes its own direction behind its last byte is answered, and then hung up on."""

from __future__ import annotations

import asyncio

import pytest
from line_bench import Bench, bench

from gateway.profiles import catalogue
from gateway.protocols import mllp

RECORDS = (
    b"H|\\^&|||TEST^1||||||||LIS2-A2|20260105101200\rP|1\rO|1|L1||^^^GLU\r"
    b"R|1|^^^GLU|5.4|mmol/L||N||F||||20260105101100\rL|1|N\r"
)
ORU = mllp.encode_block(
    b"MSH|^~\\&|lab|LAB|||20260105101200||ORU^R01|7|P|2.5.1\r"
    b"PID|1||MRN0001\rOBR|1||26S0001\rOBX|1|NM|GLU||5.4|mmol/L|||||F\r"
)
HELLO = (
    b"<HEL.R01><HDR><HDR.control_id V='1'/><HDR.version_id V='POCT1'/></HDR>"
    b"<DEV><DEV.device_id V='D1'/></DEV></HEL.R01>"
)
ANSWERS = [
    ("generic-astm", RECORDS, b"\x06"),
    ("generic-astm", RECORDS * 3, b"\x06" * 3),
    ("generic-astm", b"\x01" + RECORDS + b"\x04", b"\x06"),
    ("sysmex-xn-l", RECORDS, b"\x06"),
    ("generic-hl7", ORU, b"MSA|AA|7"),
    ("generic-hl7", ORU * 2, b"MSA|AA|7"),
    ("generic-poct1a", HELLO, b'<ACK.type_cd V="AA"/>'),
]


async def answered(line: Bench, said: bytes) -> bytes:
    """Everything the gateway says until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(said)
    writer.write_eof()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(("profile", "said", "answer"), ANSWERS)
async def test_what_was_sent_is_answered(profile: str, said: bytes, answer: bytes) -> None:
    async with bench(catalogue()[profile]) as line:
        assert answer in await answered(line, said)
    assert line.inbox.broken == []


async def test_not_before_it_is_on_disk() -> None:
    async with bench(catalogue()["generic-astm"]) as line:
        line.journal.hold = True
        answer = asyncio.create_task(answered(line, RECORDS))
        await line.settled(lambda: bool(line.journal.waiting))
        assert not answer.done()
        line.journal.waiting.pop()(None)
        assert await answer == b"\x06"
    assert [arrival.payload for arrival in line.inbox.whole] == [RECORDS]


async def test_what_is_unfinished_is_cut_off() -> None:
    async with bench(catalogue()["generic-astm"]) as line:
        assert await answered(line, RECORDS + RECORDS[:30]) == b"\x06"
        await line.settled(lambda: bool(line.inbox.broken))
    assert [arrival.payload for arrival in line.inbox.whole] == [RECORDS]
    assert line.inbox.broken == [(b"", "lost")]


async def test_a_device_that_says_nothing_and_closes_is_hung_up_on() -> None:
    async with bench(catalogue()["generic-astm"]) as line:
        assert await answered(line, b"") == b""
