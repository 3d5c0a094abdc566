"""The store is opened again after an I/O error: who writes meanwhile, who was there before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import apsw
import pytest
from faulty_disk import FaultyDisk, faulty_disk
from store_samples import NOON, Clock, append, file, filing, open_store, report

from gateway import app
from gateway.config import Configuration, load
from gateway.drivers import DeviceLink, Noise, Site
from gateway.errors import StoreError, StoreFailed
from gateway.intake import Arrival, Intake, Known, Router, Sender, registrar
from gateway.lines import link_for
from gateway.notices import Noticeboard, Posted, ReportFiled
from gateway.profiles import catalogue
from gateway.protocols import mllp
from gateway.protocols.astm import encode_frame, split_frames
from gateway.store import Condition, Outcome, Store
from gateway.store.space import Room

ENQ, ACK, NAK, EOT = b"\x05", b"\x06", b"\x15", b"\x04"
HEADER = encode_frame(1, rb"H|\^&" + b"\r")
ORU = mllp.encode_block(
    b"MSH|^~\\&|lab|LAB|||20260105101200||ORU^R01|7|P|2.5.1\r"
    b"PID|1||MRN0001\rOBR|1||26S0001\rOBX|1|NM|GLU||5.4|mmol/L|||||F\r"
)
RESULT = (
    b"H|\\^&|||H-500^1||||||||LIS2-A2|20260105101200\r"
    b"P|1||MRN0001||DOE^JANE\rO|1|26S0001||^^^GLU\r"
    b"R|1|^^^GLU|5.50|mg/dL||N||F||||20260105101130\rL|1|N\r"
)


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    with faulty_disk() as disk:
        yield disk


class Inbox:
    """What closed transmissions end up as."""

    def __init__(self) -> None:
        self.whole: asyncio.Queue[Arrival] = asyncio.Queue()

    def complete(self, arrival: Arrival) -> None:
        self.whole.put_nowait(arrival)

    def incomplete(self, arrival: Arrival, reason: str) -> None:
        pass


class Device:
    """The device's end of a standing connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inbox: Inbox
    ) -> None:
        self.inbox = inbox
        self._reader = reader
        self._writer = writer

    async def ask(self, data: bytes, last: bytes = b"") -> bytes:
        """What it is answered: up to ``last``, else one byte."""
        self._writer.write(data)
        async with asyncio.timeout(10):
            return await (self._reader.readuntil(last) if last else self._reader.readexactly(1))

    def say(self, data: bytes) -> None:
        self._writer.write(data)


@asynccontextmanager
async def connected(store: Store, profile: str) -> AsyncIterator[Device]:
    loop = asyncio.get_running_loop()
    inbox, links = Inbox(), list[DeviceLink]()
    site = Site("lab-1", ("lab-1",), store, inbox, Noticeboard(lambda: NOON), Noise(limit=1))

    def connect() -> DeviceLink:
        links.append(link_for([catalogue()[profile]], site, "peer", loop))
        return links[-1]

    server = await loop.create_server(connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Device(reader, writer, inbox)
    finally:
        writer.close()
        server.close()
        for link in links:
            link.close()
        await asyncio.sleep(0)


async def test_an_hl7_connection_goes_on_after_the_store_was_opened_again(
    disk: FaultyDisk, directory: Path, clock: Clock
) -> None:
    store = await open_store(directory, clock)
    async with connected(store, "generic-hl7") as device:
        disk.once("sync", "log", apsw.IOError("injected"))
        assert b"MSA|AE|7" in await device.ask(ORU, b"\x1c\r")
        await store.reopen()
        assert b"MSA|AA|7" in await device.ask(ORU, b"\x1c\r")
        arrival = await device.inbox.whole.get()
    filed = await store.close_transmission(arrival.transmission, Outcome.COMPLETE)
    assert filed.transmission == arrival.transmission
    await store.aclose()


async def test_an_astm_connection_goes_on_after_the_store_was_opened_again(
    disk: FaultyDisk, directory: Path, clock: Clock
) -> None:
    store = await open_store(directory, clock)
    async with connected(store, "generic-astm") as device:
        assert await device.ask(ENQ) == ACK
        disk.once("sync", "log", apsw.IOError("injected"))
        assert await device.ask(HEADER) == NAK
        device.say(EOT)
        await store.reopen()
        assert await device.ask(ENQ) == ACK
        assert await device.ask(HEADER) == ACK
    await store.aclose()


async def test_a_transmission_begun_while_the_store_is_opened_again_is_refused(
    disk: FaultyDisk, directory: Path, clock: Clock
) -> None:
    """A device that calls in that second must not break the store that was just mended."""
    store = await open_store(directory, clock)
    disk.once("sync", "log", apsw.IOError("injected"))
    with pytest.raises(StoreFailed):
        await file(store, filing(report(1)))
    reopening = asyncio.create_task(store.reopen())
    await asyncio.sleep(0)  # it is closing
    number = store.open_transmission("chemistry", "hl7", "")
    with pytest.raises(StoreError):
        await append(store, number, b"one")
    await reopening
    with pytest.raises(StoreError, match="not open"):
        await append(store, number, b"two")
    assert store.condition is Condition.WELL
    await file(store, filing(report(2)))
    await store.aclose()


async def test_a_disk_that_fails_again_while_the_room_is_looked_at_stays_failed(
    disk: FaultyDisk, directory: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_store(directory, clock)
    disk.once("sync", "log", apsw.IOError("injected"))
    with pytest.raises(StoreFailed):
        await file(store, filing(report(1)))
    loop, struck = asyncio.get_running_loop(), asyncio.Event()
    looking = store._lifecycle._space.look

    def look() -> Room:
        disk.once("sync", "log", apsw.IOError("again"))
        writing = asyncio.run_coroutine_threadsafe(file(store, filing(report(2))), loop)
        with pytest.raises(StoreError):
            writing.result(10)
        loop.call_soon_threadsafe(struck.set)
        return looking()

    monkeypatch.setattr(store._lifecycle._space, "look", look)
    await store.reopen()
    assert struck.is_set()
    assert store.condition is Condition.FAILED
    monkeypatch.undo()
    await store.reopen()
    assert store.condition is Condition.WELL
    await file(store, filing(report(3)))
    await store.aclose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the disk tries again in the next turn of the loop."""
    monkeypatch.setattr(app, "_REOPEN_PAUSE", 0.0)
    monkeypatch.setattr(registrar, "_PAUSE", 0.0)


def intake_of(store: Store, notices: Noticeboard) -> Intake:
    analyzer = Known("lab-1", catalogue()["generic-astm"], ZoneInfo("UTC"), {"GLU": "2345-7"})
    router = Router((), Sender("GATEWAY", "clinic-a"), store.site_key, lambda: NOON)
    return Intake(store, {"lab-1": analyzer}, router, notices, lambda: NOON)


async def test_a_disk_that_fails_again_while_what_was_left_is_filed_is_opened_again(
    disk: FaultyDisk,
    directory: Path,
    clock: Clock,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Filing waits for the store to be opened again, by the one who began the filing."""
    store = await open_store(directory, clock)
    number = await left_behind(store)
    disk.once("sync", "log", apsw.IOError("injected"))
    with pytest.raises(StoreFailed):
        await file(store, filing(report(1)))
    failing = iter([True])
    reopen = store.reopen

    async def reopened() -> None:
        await reopen()
        if next(failing, False):
            disk.once("sync", "log", apsw.IOError("again"))

    monkeypatch.setattr(store, "reopen", reopened)
    found, notices = asyncio.Queue[Posted](), Noticeboard(lambda: NOON)
    intake = intake_of(store, notices)
    with notices.watched_by(found.put_nowait):
        watching = asyncio.create_task(app._watch(store, intake))
        try:
            async with asyncio.timeout(10):
                await reported(found)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await intake.ended(0.0)
    assert store.condition is Condition.WELL
    assert await store.transmissions.get(number) is not None
    await store.aclose()


async def left_behind(store: Store) -> int:
    """A whole transmission on disk that nobody has filed."""
    number = store.open_transmission("lab-1", "astm", "peer")
    for frame in split_frames([line + b"\r" for line in RESULT.split(b"\r")[:-1]]):
        await append(store, number, frame.removesuffix(b"\r\n"))
    return number


async def reported(found: asyncio.Queue[Posted]) -> None:
    while not isinstance((await found.get()).notice, ReportFiled):
        pass


async def test_a_disk_that_fails_at_the_start_is_opened_again(
    disk: FaultyDisk,
    directory: Path,
    clock: Clock,
    impatient: None,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await open_store(directory, clock)
    number = await left_behind(store)
    await store.aclose()

    def built(*parts: Any) -> Intake:
        disk.once("sync", "log", apsw.IOError("injected"))
        return build_intake(*parts)

    build_intake = app.build_intake
    monkeypatch.setattr(app, "build_intake", built)
    configuration = site(directory, free_port())
    async with (
        asyncio.timeout(10),
        app.running(configuration, notices=Noticeboard(clock), clock=clock) as parts,
    ):
        assert await parts.store.transmissions.get(number) is not None


def site(directory: Path, nobody: int) -> Configuration:
    (directory / "out").mkdir()
    config = directory / "gateway.toml"
    config.write_text(
        f"""
[gateway]
site = "clinic"
timezone = "UTC"
data_dir = "{directory}"

[devices.lab-1]
profile = "generic-astm"
stream = "tcp:127.0.0.1:{nobody}"
codes = {{ "GLU" = "2345-7" }}

[destinations.ehr]
type = "file"
directory = "{directory / "out"}"
""",
        encoding="utf-8",
    )
    return load(config)
