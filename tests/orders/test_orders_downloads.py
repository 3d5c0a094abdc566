"""Orders pushed to devices that take them unasked, and taken back, in ASTM and HL7."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from ehr_side import Ehr, ehr, pid
from hl7_analyzer import Analyzer, dial, listening
from test_orders_query import Filed, Wire, query, take

from gateway.drivers import AskingLink, Noise, Site, hl7_asking
from gateway.drivers.pushing import Pushing
from gateway.orders import book
from gateway.orders.downloads import Downloads
from gateway.orders.menu import Menu
from gateway.orders.model import OrderStatus
from gateway.orders.worklists import Asking, Download, Worklists
from gateway.profiles import catalogue
from gateway.protocols.astm import Dialect


def push_link(side: Ehr) -> tuple[AskingLink, Wire, Downloads]:
    codes = {"GLU": "2345-7", "CRP": "1988-5", "UREA": "3094-0"}
    menu = Menu(catalogue()["generic-astm"], codes, {})
    asking = {"dev": Asking("dev", menu, ZoneInfo("UTC"), downloads=True)}
    downloads = Downloads(side.store, asking, side.clock)
    side.changes.append(downloads.changed)
    site = Site("dev", ("dev",), side.store, Filed(), side.notices, Noise(1))
    loop = asyncio.get_running_loop()
    worklists = Worklists(side.store, asking, side.clock)
    made = AskingLink(site, "test", loop, Dialect(), worklists, downloads)
    wire = Wire()
    made.connection_made(wire)
    return made, wire, downloads


async def offered(link: AskingLink, wire: Wire) -> list[str]:
    await wire.until(lambda got: got == b"\x05")
    return await take(link, wire)


def tubes(lines: list[str]) -> list[tuple[str, str, str, str]]:
    """Label, test, action and kind of each O record."""
    cells = [line.split("|") for line in lines if line[0] == "O"]
    return [(cell[2], cell[4], cell[11], cell[25]) for cell in cells]


async def state(side: Ehr, label: str) -> OrderStatus:
    (order,) = await side.store.engine.read(lambda c: book.labelled(c, label))
    return order.status


async def test_a_late_order_is_pushed_and_a_cancelled_one_taken_back(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1", "GLU")
        await side.order("1", "PX", "LX", "TSH")  # nothing this device does
        link, wire, _ = push_link(side)
        first = await offered(link, wire)
        assert tubes(first) == [("L1", "^^^GLU", "N", "O")]
        assert (first[1][:5], first[-1]) == ("P|1|1", "L|1|N")
        await side.order("2", "P2", "L2", "GLU")
        assert tubes(await offered(link, wire)) == [("L2", "^^^GLU", "N", "O")]
        await side.cancel("1", "P1")
        assert tubes(await offered(link, wire)) == [("L1", "^^^GLU", "C", "O")]
        await side.order("3", "P3", "L3", "GLU")
        assert tubes(await offered(link, wire)) == [("L3", "^^^GLU", "N", "O")]
        assert await state(side, "L2") is OrderStatus.IN_PROGRESS
        assert await state(side, "LX") is OrderStatus.ACTIVE
        link.connection_lost(None)


async def test_a_tube_is_told_of_as_a_whole_and_more_of_it_is_added(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        both = ("ORC|NW|P1^EHR", "OBR|1|P1^EHR|L1|GLU", "ORC|NW|P2^EHR", "OBR|1|P2^EHR|L1|CRP")
        await side.send(pid("1"), *both, kind="ORM^O01")
        link, wire, _ = push_link(side)
        assert tubes(await offered(link, wire)) == [("L1", "^^^GLU\\^^^CRP", "N", "O")]
        await side.send(pid("1"), "ORC|NW|P3^EHR", "OBR|1|P3^EHR|L1|UREA", kind="ORM^O01")
        assert tubes(await offered(link, wire)) == [("L1", "^^^UREA", "A", "O")]
        link.connection_lost(None)


async def test_an_order_on_hold_is_taken_back_until_it_goes_on(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1", "GLU")
        link, wire, _ = push_link(side)
        assert tubes(await offered(link, wire)) == [("L1", "^^^GLU", "N", "O")]
        await side.send(pid("1"), "ORC|HD|P1^EHR", kind="ORM^O01")
        assert tubes(await offered(link, wire)) == [("L1", "^^^GLU", "C", "O")]
        await side.send(pid("1"), "ORC|SC|P1^EHR|||SC", kind="ORM^O01")
        assert tubes(await offered(link, wire)) == [("L1", "^^^GLU", "N", "O")]
        link.connection_lost(None)


async def test_what_was_told_is_not_told_again_after_a_new_start(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1", "GLU")
        link, wire, downloads = push_link(side)
        await offered(link, wire)
        async with asyncio.timeout(20):
            while await downloads.next("dev") is not None:
                await asyncio.sleep(0.01)
        link.connection_lost(None)
        side.changes.clear()
        again, wire, downloads = push_link(side)
        await side.order("2", "P2", "L2", "GLU")
        assert tubes(await offered(again, wire)) == [("L2", "^^^GLU", "N", "O")]
        again.connection_lost(None)


async def test_what_was_not_taken_is_told_on_the_next_line(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1", "GLU")
        link, wire, _ = push_link(side)
        await wire.until(lambda got: got == b"\x05")
        link.connection_lost(None)
        side.changes.clear()
        again, wire, _ = push_link(side)
        assert tubes(await offered(again, wire)) == [("L1", "^^^GLU", "N", "O")]
        again.connection_lost(None)


async def test_an_order_given_as_an_answer_is_not_pushed(tmp_path: Path) -> None:
    """The device asks while an order is on its way; the collision goes to the device."""
    async with ehr(tmp_path) as side:
        link, wire, _ = push_link(side)
        await side.order("1", "P1", "L1", "GLU")
        await wire.until(lambda got: got == b"\x05")
        link.data_received(b"\x05")  # it wants to send as well, and goes first
        link.data_received(b"\x05")
        await wire.until(lambda got: got.endswith(b"\x06"))
        for frame in (part + b"\r\n" for part in query("^L1").split(b"\r\n") if part):
            link.data_received(frame)
            await wire.until(lambda got: got.endswith(b"\x06"))
        link.data_received(b"\x04")
        assert tubes(await offered(link, wire)) == [("L1", "^^^GLU", "N", "O")]
        assert tubes(await offered(link, wire)) == [("L1", "^^^GLU", "N", "Q")]
        await side.order("2", "P2", "L2", "GLU")
        assert tubes(await offered(link, wire)) == [("L2", "^^^GLU", "N", "O")]
        link.connection_lost(None)


async def test_law_work_orders_are_pushed_and_taken_back(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "generic-law", late=True) as (port, _):
        await side.order("1", "P1", "L1", "GLU")
        device = await dial(port)
        order = await device.hear()
        assert order[0].split("|")[8] == "OML^O33^OML_O33"
        assert order[4].startswith("ORC|NW|1.GLU|")
        device.acknowledge(order, "ORL^O34^ORL_O34", "ORC|OK|1.GLU")
        await side.cancel("1", "P1")
        cancel = await device.hear()
        assert [line[:12] for line in cancel[4:]] == ["ORC|CA|1.GLU", "OBR||1.GLU||"]
        device.acknowledge(cancel, "ORL^O34^ORL_O34", "ORC|CR|1.GLU")
        await side.order("2", "P2", "L2", "GLU")
        assert "SAC|||L2" in await device.hear()
        await device.aclose()


async def test_a_device_that_takes_nothing_is_left_alone_for_a_while(tmp_path: Path) -> None:
    """Orders nobody took are offered again after a rest, and no sooner."""
    async with ehr(tmp_path) as side:
        menu = Menu(catalogue()["generic-astm"], {"GLU": "2345-7"}, {})
        asking = {"dev": Asking("dev", menu, ZoneInfo("UTC"), downloads=True)}
        downloads = Downloads(side.store, asking, side.clock)
        site = Site("dev", ("dev",), side.store, Filed(), side.notices, Noise(1))
        offers: asyncio.Queue[Download] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        pushing = Pushing(site, downloads, loop, lambda one, _: offers.put_nowait(one), rest=0.05)
        await side.order("1", "P1", "L1", "GLU")
        pushing.begin()
        for _ in range(3):
            offer = await asyncio.wait_for(offers.get(), 20)
            assert offer.job.label.specimen == "L1"
            pushing.over(taken=False)
            pushing.look()  # an order came in meanwhile: the rest is not cut short
            assert offers.empty()
        offer = await asyncio.wait_for(offers.get(), 20)
        await side.order("2", "P2", "L2", "GLU")
        await pushing.taken(offer)
        offer = await asyncio.wait_for(offers.get(), 20)
        assert offer.job.label.specimen == "L2"
        pushing.end()


async def test_an_order_whose_answer_a_question_cut_short_is_offered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that asks anew acknowledges nothing of before; orders went on only when it called
    again."""
    monkeypatch.setattr(hl7_asking, "Pushing", partial(Pushing, rest=0.0))
    async with ehr(tmp_path) as side, listening(side, "mindray-bs", late=True) as (port, _):
        await side.order("1", "P1", "L1", "GLU")
        device = await dial(port)
        offer = await device.hear()
        assert (await ask_for(device, "L9"))[-1] == "QAK|SR|NF"
        again = await device.hear()
        assert again[1:] == offer[1:]
        await device.aclose()


async def test_a_line_that_a_mistake_of_ours_ended_is_offered_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mistaken(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(Worklists, "hl7_answer", mistaken)
    attached: list[object] = []
    attach = Downloads.attach

    def attaching(self: Downloads, device: str, wake: Callable[[], None]) -> Callable[[], None]:
        detach = attach(self, device, wake)
        attached.append(wake)

        def detaching() -> None:
            attached.remove(wake)
            detach()

        return detaching

    monkeypatch.setattr(Downloads, "attach", attaching)
    async with ehr(tmp_path) as side, listening(side, "mindray-bs", late=True) as (port, _):
        device = await dial(port)
        with pytest.raises(asyncio.IncompleteReadError):
            await ask_for(device, "L9")
        assert attached == []
        await device.aclose()


async def ask_for(device: Analyzer, label: str) -> list[str]:
    return await device.ask(
        r"MSH|^~\&|Mindray|BS-240|||20260105090000||QRY^Q02|7|P|2.3.1||||||UNICODE",
        f"QRD|20260105|R|D|2|||RD|{label}|OTH|||T|",
    )
