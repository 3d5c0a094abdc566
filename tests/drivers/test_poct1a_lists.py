"""Lists for a point-of-care device, in a whole conversation on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from line_bench import Inbox, ToldJournal

from gateway.drivers import Noise, Poct1aLink, Site
from gateway.drivers.poct1a import Lists
from gateway.errors import StoreError
from gateway.notices import LinkChanged, Noticeboard, Posted
from gateway.protocols import poct1a
from gateway.protocols.poct1a.lists import Entry, operator_list, patient_list
from gateway.protocols.poct1a.message import Kind

NOW = datetime(2026, 1, 5, 9, 15, tzinfo=UTC)
OPERATORS = operator_list(Entry(f"OP{n:03d}", "TEST ONE") for n in range(60))
PATIENTS = patient_list([Entry("MRN0001", "DOE JANE", "1970-01-31", "F"), Entry("MRN0002")])
RESULT = poct1a.group(
    "SVC",
    poct1a.leaf("SVC.role_cd", "OBS"),
    poct1a.group(
        "PT",
        poct1a.leaf("PT.patient_id", "MRN0001"),
        poct1a.group(
            "OBS", poct1a.leaf("OBS.observation_id", "GLU"), poct1a.leaf("OBS.value", "5.4")
        ),
    ),
)


@asynccontextmanager
async def manager(
    lists: object,
    inbox: Inbox,
    *,
    hold: asyncio.Event | None = None,
    told: Noticeboard | None = None,
) -> AsyncIterator[int]:
    async def given() -> tuple[poct1a.Listing, ...]:
        if hold is not None:
            await hold.wait()
        if isinstance(lists, StoreError):
            raise lists
        return lists  # type: ignore[return-value]

    supply = Lists(given)
    links: list[Poct1aLink] = []
    board = told or Noticeboard(lambda: NOW)

    def connect() -> Poct1aLink:
        site = Site("poc", ("poc",), ToldJournal(), inbox, board, Noise(1))
        loop = asyncio.get_running_loop()
        links.append(Poct1aLink(site, "peer", loop, poct1a.Mode.AUTO, lambda: NOW, supply))
        return links[-1]

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for link in links:
            link.close()
        await asyncio.sleep(0)


async def converse(
    port: int, *, size: int, refuse: frozenset[Kind] = frozenset()
) -> list[poct1a.Message]:
    """A device's whole conversation: everything the manager sent, acknowledgments apart."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    device = poct1a.Device(poct1a.Identity(serial="S1", max_message=size), lambda: NOW)
    device.offer("1", "OBS.R01", [RESULT])
    writer.write(device.start())
    seen: list[poct1a.Message] = []
    async with asyncio.timeout(30):
        while not device.ended:
            while (event := device.next_event()) is not None:
                match event:
                    case poct1a.MessageReceived(message) if message.kind in refuse:
                        seen.append(message)
                        writer.write(device.refuse("301"))
                    case poct1a.MessageReceived(message):
                        seen.append(message)
                        writer.write(device.accept())
                    case poct1a.Acknowledged() | poct1a.Delivered():
                        writer.write(device.advance())
                    case _:
                        pass
            if not device.ended:
                device.receive_data(await reader.read(65536))
    writer.close()
    assert device.undelivered == ()
    return seen


def names(seen: list[poct1a.Message], key: str) -> list[str]:
    obj = key.partition(".")[0]
    return [scope.at(key) or "" for message in seen for scope in message.objects(obj)]


@pytest.mark.parametrize("size", [1000, 4000, 32768])
async def test_results_come_first_and_lists_fit_the_device(size: int) -> None:
    inbox = Inbox()
    async with manager((OPERATORS, PATIENTS), inbox) as port:
        seen = await converse(port, size=size)
    kinds = [message.kind for message in seen]
    assert kinds[0] is Kind.REQUEST
    assert kinds[-1] is Kind.END
    assert all(len(message.raw) <= size for message in seen)
    assert names([m for m in seen if m.kind is Kind.OPERATORS], "OPR.operator_id") == [
        f"OP{n:03d}" for n in range(60)
    ]
    listed = [m for m in seen if m.kind is Kind.PATIENTS]
    assert names(listed, "PT.patient_id") == ["MRN0001", "MRN0002"]
    assert names(listed, "PT.birth_date") == ["1970-01-31", ""]
    assert len(inbox.whole) == 1
    assert (kinds.count(Kind.OPERATORS) > 1) == (size == 1000)


@pytest.mark.parametrize(
    ("lists", "refuse", "size"),
    [
        (StoreError("the disk is full"), frozenset(), 4000),
        ((OPERATORS,), frozenset({Kind.OPERATORS}), 4000),
        ((operator_list([Entry("OP1", "x" * 190)]),), frozenset(), 400),
    ],
    ids=["not read", "refused", "does not fit"],
)
async def test_results_come_through_whatever_becomes_of_lists(
    lists: object, refuse: frozenset[Kind], size: int
) -> None:
    inbox, told = Inbox(), Noticeboard(lambda: NOW)
    said: list[Posted] = []
    with told.watched_by(said.append):
        async with manager(lists, inbox, told=told) as port:
            seen = await converse(port, size=size, refuse=refuse)
    assert seen[-1].kind is Kind.END
    assert len(inbox.whole) == 1
    complaints = [p.notice.detail for p in said if isinstance(p.notice, LinkChanged)]
    assert complaints == (["the device refused error 301"] if refuse else [])


async def test_a_device_that_hangs_up_while_its_lists_are_looked_up() -> None:
    inbox, hold = Inbox(), asyncio.Event()
    async with manager((OPERATORS,), inbox, hold=hold) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        device = poct1a.Device(poct1a.Identity(serial="S1"), lambda: NOW)
        writer.write(device.start())
        writer.write(poct1a_status(device))
        await writer.drain()
        writer.close()
        hold.set()
    assert inbox.whole == []


def poct1a_status(device: poct1a.Device) -> bytes:
    return (
        b'<DST.R01><HDR><HDR.control_id V="2"/></HDR><DST><DST.new_observations_qty V="1"/></DST>'
        b"</DST.R01>"
    )


async def test_a_device_that_asks_for_a_patient() -> None:
    inbox = Inbox()
    async with manager((PATIENTS,), inbox) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        device = poct1a.Device(poct1a.Identity(serial="S1"), lambda: NOW)
        writer.write(device.start())
        writer.write(poct1a_status(device))
        got = b""
        async with asyncio.timeout(30):
            while b"PTL.R01" not in got:
                got += await reader.read(65536)
                while b"<REQ.R01>" in got and b"EOT-SENT" not in got:
                    got += b"EOT-SENT"
                    writer.write(
                        b'<EOT.R01><HDR><HDR.control_id V="3"/></HDR><EOT><EOT.topic_cd V="OBS"/>'
                        b"</EOT></EOT.R01>"
                    )
        writer.close()
    assert b'V="MRN0001"' in got


async def test_a_device_that_hangs_up_over_lists_gets_no_more() -> None:
    inbox, told = Inbox(), Noticeboard(lambda: NOW)
    said: list[Posted] = []
    with told.watched_by(said.append):
        async with manager((OPERATORS,), inbox, told=told) as port, asyncio.timeout(60):
            for _ in range(3):
                await hang_up_over_a_list(port)
            while not any("does not take lists" in str(one.notice) for one in said):
                await asyncio.sleep(0.01)
            kinds = {message.kind for message in await converse(port, size=4000)}
    assert Kind.OPERATORS not in kinds
    assert len(inbox.whole) == 1


async def hang_up_over_a_list(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    device = poct1a.Device(poct1a.Identity(serial="S1"), lambda: NOW)
    writer.write(device.start())
    writer.write(poct1a_status(device).replace(b'qty V="1"', b'qty V="0"'))
    await reader.readuntil(b"</OPL.R01>")
    writer.close()


async def test_a_line_that_breaks_once_over_a_list_is_forgiven() -> None:
    async with manager((OPERATORS,), Inbox()) as port:
        for _ in range(2):
            await hang_up_over_a_list(port)
            kinds = {message.kind for message in await converse(port, size=4000)}
            assert Kind.OPERATORS in kinds
