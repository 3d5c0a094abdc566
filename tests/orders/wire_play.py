"""Whole dialogues of devices that ask, as transcripts: played again, or written anew.

The comments of a transcript say which profile, which codes and which orders there are:
``# orders: [["MRN1", "P1", "26S0042", "2345-7"]]`` is patient, placer number, label and test.
``python wire_play.py`` (with the gateway importable) writes the transcripts of ``SESSIONS``.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ehr_side import NOW, Ehr, ehr, pid

from gateway.drivers import AskingLink, DeviceLink, Hl7AskingLink, Noise, Site
from gateway.orders.menu import Menu
from gateway.orders.worklists import Asking, Worklists
from gateway.profiles import AnalyzerProfile, Protocol, catalogue
from gateway.protocols import mllp
from gateway.protocols.astm import (
    Comment,
    Dialect,
    Direction,
    Entry,
    Spoken,
    encode_frame,
    read_wire,
    write_wire,
)
from gateway.protocols.hl7device import Dialect as Hl7Dialect

FOLDER = Path(__file__).parent / "dialogues"
ACK, ENQ, EOT = b"\x06", b"\x05", b"\x04"


@dataclass(frozen=True)
class Dialogue:
    """``orders`` are patient, placer number, label and test; ``entries`` what was said."""

    profile: AnalyzerProfile
    codes: dict[str, str]
    names: dict[str, str]
    orders: Sequence[Sequence[str]]
    entries: tuple[Entry, ...]

    @property
    def spoken(self) -> list[Spoken]:
        return [entry for entry in self.entries if isinstance(entry, Spoken)]


def read(path: Path) -> Dialogue:
    entries = read_wire(path.read_text("utf-8"))
    notes = dict(
        entry.text.removeprefix("# ").split(": ", 1)
        for entry in entries
        if isinstance(entry, Comment) and ": " in entry.text
    )
    return Dialogue(
        catalogue()[notes["profile"]],
        json.loads(notes.get("codes", "{}")),
        json.loads(notes.get("order_codes", "{}")),
        json.loads(notes["orders"]),
        entries,
    )


class Wire(asyncio.Transport):
    """What the gateway writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.came = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += data
        self.came.set()

    async def take(self, length: int | None = None) -> bytes:
        """The next ``length`` bytes, or whatever comes first."""
        async with asyncio.timeout(20):
            while len(self.written) < (length or 1):
                self.came.clear()
                await self.came.wait()
        found = bytes(self.written[: length or len(self.written)])
        del self.written[: len(found)]
        return found


class Filed:
    """Nobody reads what arrives here."""

    def complete(self, arrival: Any) -> None:
        """It is in the journal."""

    def incomplete(self, arrival: Any, reason: str) -> None:
        raise AssertionError(reason)


@contextmanager
def line(side: Ehr, told: Dialogue) -> Iterator[tuple[DeviceLink, Wire]]:
    """The gateway's end of the device's line."""
    menu = Menu(told.profile, told.codes, {}, told.names)
    asking = {"dev": Asking("dev", menu, ZoneInfo("UTC"))}
    worklists = Worklists(side.store, asking, side.clock)
    site = Site("dev", ("dev",), side.store, Filed(), side.notices, Noise(1))
    loop, wire, ids = asyncio.get_running_loop(), Wire(), count(1)
    link: DeviceLink
    if told.profile.link.protocol is Protocol.HL7:
        clock, names = (lambda: NOW), (lambda: f"H{next(ids)}")
        link = Hl7AskingLink(site, "dev", loop, Hl7Dialect(), clock, names, worklists)
    else:
        dialect = told.profile.link.dialect or Dialect()
        link = AskingLink(site, "dev", loop, dialect, worklists)
    link.connection_made(wire)
    try:
        yield link, wire
    finally:
        link.connection_lost(None)


async def place(side: Ehr, orders: Sequence[Sequence[str]]) -> None:
    for number, placer, label, test in orders:
        segments = (f"ORC|NW|{placer}^EHR", f"OBR|1|{placer}^EHR|{label}|{test}")
        assert (await side.send(pid(number), *segments, kind="ORM^O01")).accepted


async def play(side: Ehr, told: Dialogue) -> None:
    """What the device said, said again; every byte the gateway answers must be the transcript's."""
    await place(side, told.orders)
    with line(side, told) as (link, wire):
        for one in told.spoken:
            if one.direction is Direction.DEVICE:
                link.data_received(one.data)
            else:
                assert await wire.take(len(one.data)) == one.data
        assert not wire.written


# writing them anew

LAW = (
    r"MSH|^~\&|cobas|LAB|GW|LAB|20260105||QBP^Q11^QBP_Q11|Q1|P|2.5.1|||NE|AL||"
    "UNICODE UTF-8|||LAB-27^IHE"
)
SESSIONS: dict[str, tuple[str, dict[str, str], dict[str, str], list[list[str]], list[str]]] = {
    "vitros-one": (
        *("vitros", {"055": "2345-7", "002": "1988-5"}, {}),
        [["MRN1", "P1", "26S0021", "2345-7"], ["MRN1", "P2", "26S0021", "1988-5"]],
        [r"H|\^&|||3600796||||||||LIS2-A|20260105", "Q|1|^26S0021||ALL||||||||O", "L|1|N"],
    ),
    "erba-several": (
        *("erba-xl", {}, {}),
        [["MRN1", "P1", "26S0015", "2345-7"], ["MRN2", "P2", "26S0016", "1742-6"]],
        [
            "H|`^&||||||||||P|E 1394-97|20260105101200",
            "Q|1|^26S0015`^26S0016`^26S0017||ALL||||||||O",
            "L|1|N",
        ],
    ),
    "maglumi-all": (
        *("snibe-maglumi", {}, {}),
        [["MRN1", "P1", "26S0031", "3016-3"], ["MRN2", "P2", "26S0032", "3024-7"]],
        [r"H|\^&||PSWD|Maglumi User|||||Lis||P|E1394-97|20260105", "Q|1|^ALL||ALL", "L|1|N"],
    ),
    "generic-unknown": (
        *("generic-astm", {"GLU": "2345-7"}, {}),
        [["MRN1", "P1", "26S0041", "2345-7"]],
        [r"H|\^&|||DEV", "Q|1|^26S9999||ALL", "L|1|N"],
    ),
    "generic-range": (
        *("generic-astm", {"GLU": "2345-7"}, {}),
        [[f"MRN{n}", f"P{n}", f"26S005{n}", "2345-7"] for n in range(5)],
        [r"H|\^&|||DEV", "Q|1|^26S0051|^26S0053|ALL", "L|1|N"],
    ),
    "cobas-place": (
        *("roche-e411", {"10": "3016-3", "20": "3024-7"}, {}),
        [["MRN1", "P1", "26S0182", "3016-3"], ["MRN1", "P2", "26S0182", "3024-7"]],
        [
            r"H|\^&|||cobas-e411^1|||||host|TSREQ^REAL|P|1",
            "Q|1|^^               26S0182^5^50021^3^^S1^SC||ALL||||||||O",
            "L|1|N",
        ],
    ),
    "sysmex-rack": (
        *("sysmex-xn-l", {}, {}),
        [["MRN1", "P1", "26S0042", "6690-2"], ["MRN1", "P2", "26S0042", "718-7"]],
        [
            r"H|\^&|||    XN-550^00-24^12345^^^^BD634545||||||||E1394-97|20260105101200",
            "Q|1|3^2^               26S0042^B||ALL",
            "L|1|N",
        ],
    ),
    "genexpert-delimiters": (
        *("cepheid-genexpert", {"FLUA": "80382-5"}, {}),
        [["MRN1", "P1", "26S0104", "80382-5"]],
        [
            r"H|@^\|M1||GeneXpert PC^GeneXpert^6.1|||||LIS||P|1394-97|20260105101200",
            "Q|1|^26S0104||ALL||||||||O",
            "L|1|N",
        ],
    ),
    "mindray-one": (
        *("mindray-bs", {"GLU": "2345-7", "CRP": "1988-5"}, {"GLU": "2", "CRP": "13"}),
        [["MRN1", "P1", "26S0061", "2345-7"], ["MRN1", "P2", "26S0061", "1988-5"]],
        [
            r"MSH|^~\&|Mindray|BS-240|||20260105090000||QRY^Q02|7|P|2.3.1||||||UNICODE",
            "QRD|20260105090000|R|D|2|||RD|26S0061|OTH|||T|",
            "QRF|BS-240|20260105000000|20260105235959|||RCT|COR|ALL||",
        ],
    ),
    "mindray-unknown": (
        *("mindray-bs", {"GLU": "2345-7"}, {}),
        [],
        [
            r"MSH|^~\&|Mindray|BS-240|||20260105090000||QRY^Q02|8|P|2.3.1||||||UNICODE",
            "QRD|20260105090000|R|D|2|||RD|26S9999|OTH|||T|",
        ],
    ),
    "law-several": (
        *("generic-law", {"GLU": "2345-7"}, {}),
        [["MRN1", "P1", "26S0071", "2345-7"]],
        [
            LAW,
            "QPD|WOS^Work Order Step^IHE_LABTF|T1|26S0071~26S9999",
            "RCP|I||R",
        ],
    ),
    "genexpert-hl7": (
        *("cepheid-genexpert-hl7", {"FLUA": "80382-5"}, {}),
        [["MRN1", "P1", "26S0081", "80382-5"]],
        [
            r"MSH|^~\&|GX^GeneXpert^1.0||LIS||20260105||QBP^Z03^QBP_Z03|Q2|P|2.5",
            "QPD|Z03^HOST QUERY|T8||26S0081|",
            "RCP|I",
        ],
    ),
    "mindray-count": (
        *("mindray-bc5", {}, {}),
        [["MRN1", "P1", "26S0091", "6690-2"]],
        [
            r"MSH|^~\&|BC-5380|Mindray|||20260105||ORM^O01|9|P|2.3.1||||||UNICODE",
            "ORC|RF||26S0091||IP",
        ],
    ),
}


async def record(name: str) -> str:
    profile, codes, names, orders, records = SESSIONS[name]
    notes = [
        f"# profile: {profile}",
        f"# codes: {json.dumps(codes)}",
        f"# order_codes: {json.dumps(names)}",
        f"# orders: {json.dumps(orders)}",
        "# source: composed; what the gateway answers is its own",
    ]
    told = Dialogue(catalogue()[profile], codes, names, orders, ())
    with tempfile.TemporaryDirectory() as folder:
        async with ehr(Path(folder)) as side:
            await place(side, orders)
            with line(side, told) as (link, wire):
                hl7 = told.profile.link.protocol is Protocol.HL7
                spoken = await (_hl7 if hl7 else _astm)(link, wire, records)
    return write_wire([*map(Comment, notes), *spoken])


async def _astm(link: DeviceLink, wire: Wire, records: Sequence[str]) -> list[Spoken]:
    """The device asks, then takes the answer frame by frame."""
    frames = [
        encode_frame(number, f"{record}\r".encode("latin-1"), last=True)
        for number, record in enumerate(records, start=1)
    ]
    spoken: list[Spoken] = []
    for data in (ENQ, *frames):
        _say(link, spoken, data)
        await _hear(wire, spoken)
    _say(link, spoken, EOT)
    heard = await _hear(wire, spoken)
    while heard != EOT:
        _say(link, spoken, ACK)
        heard = await _hear(wire, spoken)
    return spoken


async def _hl7(link: DeviceLink, wire: Wire, segments: Sequence[str]) -> list[Spoken]:
    """The device asks and acknowledges what carries work."""
    spoken: list[Spoken] = []
    body = "".join(f"{segment}\r" for segment in segments).encode()
    _say(link, spoken, mllp.encode_block(body))
    while True:
        for message in (await _hear(wire, spoken)).decode().split("\x1c\r"):
            fields = message.split("|")
            if len(fields) < 10 or fields[8] not in ("DSR^Q03", "OML^O33^OML_O33"):
                continue
            kind = "ACK^Q03" if fields[8] == "DSR^Q03" else "ORL^O34^ORL_O34"
            answer = rf"MSH|^~\&|dev||||20260105||{kind}|A{fields[9]}|P|{fields[11]}"
            text = f"{answer}\rMSA|AA|{fields[9]}\r".encode()
            _say(link, spoken, mllp.encode_block(text))
        try:
            async with asyncio.timeout(0.5):
                while not wire.written:
                    wire.came.clear()
                    await wire.came.wait()
        except TimeoutError:
            return spoken


def _say(link: DeviceLink, spoken: list[Spoken], data: bytes) -> None:
    spoken.append(Spoken(Direction.DEVICE, data))
    link.data_received(data)


async def _hear(wire: Wire, spoken: list[Spoken]) -> bytes:
    data = await wire.take()
    spoken.append(Spoken(Direction.HOST, data))
    return data


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in SESSIONS:
        text = await record(name)
        await asyncio.to_thread((FOLDER / f"{name}.wire").write_text, text, "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
