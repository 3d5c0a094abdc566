"""An ASTM connection and the journal: what is answered when, and what outlives the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest

from gateway.drivers import AstmLink, Noise, Site
from gateway.drivers.asking import AskingLink
from gateway.errors import StoreError, StoreFull
from gateway.intake import Arrival
from gateway.notices import FrameRefused, NoiseAlarm, Noticeboard, Posted
from gateway.orders.worklists import Worklists
from gateway.protocols.astm import Ack, Dialect, Framing, encode_frame

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ENQ, ACK, NAK, EOT = b"\x05", b"\x06", b"\x15", b"\x04"
RECORDS = (rb"H|\^&" + b"\r", b"P|1\r", b"O|1|S1\r", b"R|1|^^^GLU|5.5\r", b"L|1|N\r")
FRAMES = [encode_frame(n, record) for n, record in enumerate(RECORDS, 1)]


@dataclass
class Journal:
    """Commits when told to."""

    accepting: bool = True
    entries: list[tuple[bytes, bool]] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    waiting: list[Callable[[StoreError | None], None]] = field(default_factory=list)
    opened: int = 0

    def open_transmission(self, device: str, protocol: str, peer: str) -> int:
        self.opened += 1
        return self.opened

    def append(
        self,
        transmission: int,
        entry: bytes,
        done: Callable[[StoreError | None], None],
        *,
        evidence: bool = False,
    ) -> None:
        self.entries.append((entry, evidence))
        self.waiting.append(done)

    def evidence(self, transmission: int, entry: bytes) -> None:
        self.kept.append(entry)

    def commit(self, error: StoreError | None = None) -> None:
        self.waiting.pop(0)(error)


@dataclass
class Desk:
    whole: list[Arrival] = field(default_factory=list)
    cut: list[tuple[Arrival, str]] = field(default_factory=list)

    def complete(self, arrival: Arrival) -> None:
        self.whole.append(arrival)

    def incomplete(self, arrival: Arrival, reason: str) -> None:
        self.cut.append((arrival, reason))


class Wire(asyncio.Transport):
    """Remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.aborted = True

    def taken(self) -> bytes:
        written, self.written = self.written, b""
        return written


class Bench:
    def __init__(self, dialect: Dialect | None = None, noise: int = 1) -> None:
        self.journal, self.desk, self.wire = Journal(), Desk(), Wire()
        self.posted: list[Posted] = []
        self.notices = Noticeboard(lambda: NOW)
        site = Site("bench", ("bench",), self.journal, self.desk, self.notices, Noise(noise))
        loop = asyncio.get_running_loop()
        self.link = AstmLink(site, "peer", loop, dialect or Dialect())
        self.link.connection_made(self.wire)

    def say(self, *pieces: bytes) -> bytes:
        """What is answered when everything is committed at once."""
        with self.notices.watched_by(self.posted.append):
            for piece in pieces:
                self.link.data_received(piece)
                while self.journal.waiting:
                    self.journal.commit()
        return self.wire.taken()

    def hang_up(self) -> None:
        self.link.connection_lost(None)


async def test_nothing_is_acknowledged_before_it_is_on_disk() -> None:
    bench = Bench()
    assert bench.say(ENQ) == ACK
    bench.link.data_received(FRAMES[0])
    assert bench.wire.taken() == b""
    bench.journal.commit()
    assert bench.wire.taken() == ACK
    assert bench.say(*FRAMES[1:], EOT) == ACK * 4
    (arrival,) = bench.desk.whole
    assert arrival.payload == b"".join(RECORDS)
    assert arrival.checked
    assert [entry for entry, _ in bench.journal.entries] == [f[:-2] for f in FRAMES]
    bench.hang_up()


async def test_what_could_not_be_stored_is_refused_and_taken_when_it_comes_again() -> None:
    bench = Bench()
    bench.say(ENQ)
    bench.link.data_received(FRAMES[0])
    bench.journal.commit(StoreFull("no room"))
    assert bench.wire.taken() == NAK
    assert bench.say(*FRAMES, EOT) == ACK * 5
    assert len(bench.desk.whole) == 1
    bench.hang_up()


async def test_an_enquiry_is_refused_while_the_store_takes_nothing() -> None:
    bench = Bench()
    bench.journal.accepting = False
    assert bench.say(ENQ) == NAK
    bench.journal.accepting = True
    assert bench.say(ENQ, *FRAMES, EOT) == ACK * 6
    bench.hang_up()


async def test_a_lost_acknowledgment_does_not_double_a_frame() -> None:
    bench = Bench()
    assert bench.say(ENQ, FRAMES[0], FRAMES[0], *FRAMES[1:], EOT) == ACK * 7
    (arrival,) = bench.desk.whole
    assert arrival.payload == b"".join(RECORDS)
    bench.hang_up()


async def test_a_peer_that_hangs_up_after_its_last_acknowledgment_is_complete() -> None:
    bench = Bench()
    bench.say(ENQ, *FRAMES)
    bench.hang_up()
    (arrival,) = bench.desk.whole
    assert arrival.payload == b"".join(RECORDS)


async def test_a_peer_that_hangs_up_while_its_last_frame_is_being_stored() -> None:
    bench = Bench()
    bench.say(ENQ, *FRAMES[:-1])
    bench.link.data_received(FRAMES[-1])
    bench.hang_up()
    assert bench.desk.whole == []
    bench.journal.commit()
    assert len(bench.desk.whole) + len(bench.desk.cut) == 1


@pytest.mark.parametrize("count", range(1, 5))
async def test_a_cut_off_transmission_is_evidence(count: int) -> None:
    bench = Bench()
    bench.say(ENQ, *FRAMES[:count])
    bench.hang_up()
    assert bench.desk.whole == []
    ((arrival, reason),) = bench.desk.cut
    assert arrival.payload == b"".join(RECORDS[:count])
    assert reason == "lost"


async def test_a_damaged_frame_is_kept_refused_and_counted() -> None:
    bench = Bench(noise=1)
    bad = FRAMES[0].replace(b"H", b"X")
    assert bench.say(ENQ, *[bad] * 12, *FRAMES, EOT) == ACK + NAK * 12 + ACK * 5
    assert bench.journal.kept == [bad[:-2]] * 12
    kinds = [type(posted.notice) for posted in bench.posted]
    assert kinds.count(FrameRefused) == 12
    assert kinds.count(NoiseAlarm) == 1
    assert len(bench.desk.whole) == 1
    bench.hang_up()


async def test_every_read_acknowledged_is_on_disk_once_as_a_message() -> None:
    bench = Bench(Dialect(framing=Framing.BARE, ack=Ack.PER_CHUNK))
    text = b"".join(RECORDS)
    assert bench.say(text[:20], text[20:]) == ACK * 2
    assert [entry for entry, evidence in bench.journal.entries if not evidence] == [text]
    assert b"".join(entry for entry, evidence in bench.journal.entries if evidence) == text
    (arrival,) = bench.desk.whole
    assert arrival.payload == text
    assert not arrival.checked
    bench.hang_up()


@pytest.mark.parametrize("ack", Ack)
@pytest.mark.parametrize("framing", [Framing.BARE, Framing.ENVELOPE, Framing.AUTO])
@pytest.mark.parametrize("asks", [False, True])
async def test_messages_without_frames_are_whole_though_the_sender_hung_up(
    asks: bool, framing: Framing, ack: Ack
) -> None:
    dialect = Dialect(framing=framing, ack=ack)
    bench = Bench(dialect)
    if asks:  # nobody is there to be answered, so no work list is looked into
        nothing = cast(Worklists, None)
        loop = asyncio.get_running_loop()
        bench.link = AskingLink(bench.link.site, "bench:1", loop, dialect, nothing)
        bench.link.connection_made(bench.wire)
    text = b"".join(RECORDS)
    whole = b"\x01" + text + EOT if framing is Framing.ENVELOPE else text
    bench.link.data_received(whole)
    bench.link.data_received(whole * 2 + whole[:10])
    bench.link.connection_lost(None)
    while bench.journal.waiting:
        bench.journal.commit()
    assert [arrival.payload for arrival in bench.desk.whole] == [text] * 3
    ((rest, reason),) = bench.desk.cut
    assert (rest.payload, reason) == (b"", "lost")


async def test_a_flood_ends_the_connection() -> None:
    bench = Bench()
    bench.say(ENQ)
    bench.link.data_received(FRAMES[0])
    for _ in range(10):
        bench.link.data_received(b"\x02" + b"x" * 60_000)
    assert bench.wire.aborted
    bench.hang_up()
    bench.journal.commit()


async def test_a_heartbeat_leaves_no_trace() -> None:
    bench = Bench()
    assert bench.say(ENQ, EOT, ENQ, EOT) == ACK * 2
    assert (bench.desk.whole, bench.desk.cut, bench.journal.opened) == ([], [], 0)
    bench.hang_up()
