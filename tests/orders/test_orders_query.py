"""Host queries on the wire: what a device asks and what it is answered, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ehr_side import Ehr, ehr, pid

from gateway.drivers import AskingLink, Noise, Site
from gateway.orders import book
from gateway.orders.menu import Menu
from gateway.orders.model import OrderStatus
from gateway.orders.worklists import Asking, Worklists
from gateway.profiles import catalogue
from gateway.protocols.astm import Dialect, encode_frame

CAPTURE = Path(__file__).parents[3] / "shared/captures/vitros-3600-query.bin"
CODES = {"055": "2345-7", "002": "1988-5"}


class Wire(asyncio.Transport):
    """What the link writes, and the device's answers to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.came = asyncio.Event()
        self.gone = False

    def abort(self) -> None:
        self.gone = True

    def write(self, data: Any) -> None:
        self.written += data
        self.came.set()

    async def until(self, condition: Callable[[bytes], bool]) -> bytes:
        async with asyncio.timeout(5):
            while not condition(bytes(self.written)):
                self.came.clear()
                await self.came.wait()
        got = bytes(self.written)
        self.written.clear()
        return got


class Filed:
    def complete(self, arrival: Any) -> None:
        """Whatever arrived is somebody else's matter."""

    def incomplete(self, arrival: Any, reason: str) -> None:
        """Likewise."""


def link(side: Ehr, profile: str, codes: dict[str, str]) -> tuple[AskingLink, Wire]:
    menu = Menu(catalogue()[profile], codes, {"PANEL": frozenset(("2345-7", "1988-5"))})
    worklists = Worklists(side.store, {"dev": Asking("dev", menu, ZoneInfo("UTC"))}, side.clock)
    site = Site("dev", ("dev",), side.store, Filed(), side.notices, Noise(1))
    made = AskingLink(site, "test", asyncio.get_running_loop(), Dialect(), worklists)
    wire = Wire()
    made.connection_made(wire)
    return made, wire


async def ask(link: AskingLink, wire: Wire, session: bytes) -> list[str]:
    """Plays the device: sends the query frame by frame, then takes the answer."""
    frames = [part + b"\r\n" for part in session.strip(b"\x05\x04").split(b"\r\n") if part]
    link.data_received(b"\x05")
    await wire.until(lambda got: got.endswith(b"\x06"))
    for frame in frames:
        link.data_received(frame)
        await wire.until(lambda got: got.endswith(b"\x06"))
    link.data_received(b"\x04")
    await wire.until(lambda got: got == b"\x05")
    return await take(link, wire)


async def take(link: AskingLink, wire: Wire) -> list[str]:
    text = b""
    link.data_received(b"\x06")
    while True:
        got = await wire.until(lambda got: got.endswith((b"\r\n", b"\x04")))
        if got == b"\x04":
            return [line for line in text.decode("latin-1").split("\r") if line]
        assert len(got) <= 247
        text += got[2:-5]
        link.data_received(b"\x06")


def session(*records: str) -> bytes:
    texts = [f"{record}\r".encode() for record in records]
    return b"".join(encode_frame(n + 1, text, last=True) for n, text in enumerate(texts))


def query(field: str, rest: str = "") -> bytes:
    return session(r"H|\^&|||DEV||||||||LIS2-A|20260105", f"Q|1|{field}||ALL{rest}", "L|1|N")


@pytest.mark.skipif(not CAPTURE.is_file(), reason="the captures are not on this machine")
async def test_the_captured_vitros_query(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.send(
            pid("MRN1"),
            *("ORC|NW|P1", "OBR|1|P1|1068687|2345-7|||||||||||||||||||||||^^^^^S"),
            *("ORC|NW|P2", "OBR|1|P2|1068687|1988-5"),
            kind="ORM^O01",
        )
        made, wire = link(side, "vitros", CODES)
        assert await ask(made, wire, CAPTURE.read_bytes()) == [
            r"H|\^&|||GATEWAY|||||||P|LIS2-A|20260105090000",
            "P|1|MRN1|||DOE^JANE||19700101|F",
            r"O|1|1068687||^^^1.0000+055+1.0\^^^1.0000+002+1.0|S|20260105090000|||||N||||||||||||||Q",
            "L|1|F",
        ]
        made.connection_lost(None)


@pytest.mark.parametrize(
    ("field", "rest", "answer"),
    [
        ("^L1", "", ["P|1|1", "O|1|L1", "L|1|F"]),
        ("^L1\\^L3", "", ["P|1|1", "O|1|L1", "P|2|2", "O|1|L3", "L|1|F"]),
        ("ALL", "", ["P|1|1", "O|1|L1", "O|2|L2", "P|2|2", "O|1|L3", "L|1|F"]),
        ("^ALL", "", ["P|1|1", "O|1|L1", "O|2|L2", "P|2|2", "O|1|L3", "L|1|F"]),
        ("^L9", "", ["L|1|I"]),
        ("^L1\\^L9", "", ["P|1|1", "O|1|L1", "L|1|F"]),
        ("^DEAD", "", ["L|1|I"]),
    ],
)
async def test_queries(tmp_path: Path, field: str, rest: str, answer: list[str]) -> None:
    async with ehr(tmp_path) as side:
        for number, placer, label in (("1", "A", "L1"), ("1", "B", "L2"), ("2", "C", "L3")):
            await side.send(
                pid(number),
                f"ORC|NW|{placer}",
                f"OBR|1|{placer}||2345-7",
                f"SPM|1|{label}",
                kind="OML^O21",
            )
        await side.send(pid("2"), "ORC|NW|D", "OBR|1|D|DEAD|2345-7", kind="ORM^O01")
        await side.send(pid("2"), "ORC|CA|D", kind="ORM^O01")
        made, wire = link(side, "generic-astm", {"GLU": "2345-7"})
        got = await ask(made, wire, query(field, rest))
        assert got[0].startswith("H|")
        assert [line[: len(want)] for line, want in zip(got[1:], answer, strict=True)] == answer
        made.connection_lost(None)


async def test_a_range(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        for number in range(5):
            await side.order("1", f"P{number}", f"26S000{number}", "GLU")
        made, wire = link(side, "generic-astm", {"GLU": "2345-7"})
        asked = session(r"H|\^&", "Q|1|^26S0001|^26S0003|ALL", "L|1|N")
        got = await ask(made, wire, asked)
        assert [line.split("|")[2] for line in got if line[0] == "O"] == [
            "26S0001",
            "26S0002",
            "26S0003",
        ]
        made.connection_lost(None)


async def test_rack_and_position_are_repeated(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "26S0042", "6690-2")
        made, wire = link(side, "sysmex-xn-l", {})
        got = await ask(made, wire, query("000123^05^             26S0042^B"))
        assert [line.split("|")[3] for line in got if line[0] == "O"] == [
            "000123^05^             26S0042^B"
        ]
        made.connection_lost(None)


@pytest.mark.parametrize("profile", ["roche-c311", "roche-e411"])
async def test_a_cobas_gets_place_and_container_back(tmp_path: Path, profile: str) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "26S0042", "1742-6")
        made, wire = link(side, profile, {"685": "1742-6"})
        asked = query("^^               26S0042^5^50021^3^^S1^SC")
        got = await ask(made, wire, asked)
        assert got[0].split("|")[10] == "TSDWN^REPLY"
        (tube,) = (line for line in got if line[0] == "O")
        cells = tube.split("|")
        assert cells[2:5] == ["               26S0042", "5^50021^3^^S1^SC", "^^^685"]
        assert (cells[5], cells[11], cells[25]) == ("R", "A", "O")
        made.connection_lost(None)


async def test_long_answers_come_in_frames_of_240(tmp_path: Path) -> None:
    """``take`` checks each frame; here a record is longer than one."""
    async with ehr(tmp_path) as side:
        codes = {f"TEST{number:03}": f"X{number:03}" for number in range(60)}
        for number in range(60):
            await side.order("1", f"P{number}", "L1", f"X{number:03}")
        made, wire = link(side, "generic-astm", codes)
        got = await ask(made, wire, query("^L1"))
        (tube,) = (line for line in got if line[0] == "O")
        assert tube.split("|")[4] == "\\".join(f"^^^{code}" for code in codes)
        made.connection_lost(None)


async def test_what_was_given_is_in_progress_and_given_again(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1", "GLU")
        made, wire = link(side, "generic-astm", {"GLU": "2345-7"})
        first = await ask(made, wire, query("^L1"))
        async with asyncio.timeout(5):
            while True:
                (order,) = await side.store.engine.read(lambda c: book.labelled(c, "L1"))
                if order.status is OrderStatus.IN_PROGRESS:
                    break
        assert await ask(made, wire, query("^L1")) == first
        assert [line[:5] for line in await ask(made, wire, query("ALL"))][1:] == ["L|1|I"]
        made.connection_lost(None)


async def test_the_device_goes_first_after_a_collision(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1", "GLU")
        made, wire = link(side, "generic-astm", {"GLU": "2345-7"})
        asked = query("^L1")
        frames = [part + b"\r\n" for part in asked.split(b"\r\n") if part]
        made.data_received(b"\x05")
        await wire.until(lambda got: got.endswith(b"\x06"))
        for frame in frames:
            made.data_received(frame)
            await wire.until(lambda got: got.endswith(b"\x06"))
        made.data_received(b"\x04")
        await wire.until(lambda got: got == b"\x05")
        made.data_received(b"\x05")  # it wants to send as well
        made.data_received(b"\x05")
        await wire.until(lambda got: got.endswith(b"\x06"))
        for frame in frames:
            made.data_received(frame)
            await wire.until(lambda got: got.endswith(b"\x06"))
        made.data_received(b"\x04")
        await wire.until(lambda got: got == b"\x05")
        assert (await take(made, wire))[-1] == "L|1|F"
        made.connection_lost(None)


async def test_fifty_devices_ask_at_once(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        for number in range(50):
            await side.order(f"{number}", f"P{number}", f"L{number}", "GLU")
        links = [link(side, "generic-astm", {"GLU": "2345-7"}) for _ in range(50)]
        answers = await asyncio.gather(
            *(ask(made, wire, query(f"^L{n}")) for n, (made, wire) in enumerate(links))
        )
        for number, answer in enumerate(answers):
            assert [line.split("|")[2] for line in answer if line[0] == "O"] == [f"L{number}"]
        for made, _ in links:
            made.connection_lost(None)


async def test_a_delimiter_in_a_name_is_one_character_for_the_device(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        name = "D\\S\\O\\T\\E&x&y^J\\F\\A\\R\\N\\E\\E"
        segments = ("ORC|NW|P1^EHR", "OBR|1|P1^EHR|L1|2345-7^^L")
        await side.send(pid("MRN1", name), *segments, kind="ORM^O01")
        made, wire = link(side, "generic-astm", {"GLU": "2345-7"})
        answer = await ask(made, wire, query("^L1"))
        (patient,) = [line for line in answer if line.startswith("P|")]
        assert patient.split("|")[5] == "D&S&O&E&E^J&F&A~N&R&E"


async def test_a_flood_before_our_answer_ends_the_connection(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        made, wire = link(side, "vitros", CODES)
        made.data_received(b"\x05")
        await wire.until(lambda got: got.endswith(b"\x06"))
        made.data_received(session("H|\\^&"))
        made.data_received(b"x" * 1_000_000)
        assert wire.gone
        made.connection_lost(None)
