"""HL7 analyzers that ask what to do, through a whole gateway: order, query, work, result, EHR."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from clinic import until, unused_port
from test_orders_travel import Feed, fields, message

from gateway.app import running
from gateway.config import load
from gateway.notices import Noticeboard
from gateway.profiles import catalogue
from simulators.asking import run_work_list
from simulators.asking_hl7 import AskingSpeaker
from simulators.ehr import Ehr
from simulators.pipe import open_pipe
from simulators.scenarios import Day


def clock() -> datetime:
    return datetime.now(UTC)


def configuration(folder: Path, profile: str, codes: str, ehr: int, more: str = "") -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f"""
[gateway]
site = "clinic-a"
timezone = "UTC"
data_dir = "data"

[devices.bench]
profile = "{profile}"
stream = "tcp-listen:127.0.0.1:{unused_port()}"
codes = {codes}
{more}

[orders]
listen = "127.0.0.1:{unused_port()}"

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ehr}"
""",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("profile", "code", "loinc"),
    [
        ("mindray-bs", "GLU", "2345-7"),
        ("generic-law", "GLU", "2345-7"),
        ("cepheid-genexpert-hl7", "FLUA", "80382-5"),
    ],
)
async def test_order_query_result(tmp_path: Path, profile: str, code: str, loinc: str) -> None:
    ehr = Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    config = configuration(tmp_path, profile, f'{{ "{code}" = "{loinc}" }}', port)
    async with running(load(config), notices=Noticeboard(clock), clock=clock) as parts:
        feed = Feed(parts.reception.port or 0)
        for number in range(3):
            body = message(
                f"PID|1||MRN{number}^^^EHR^MR",
                f"ORC|NW|P{number}^EHR",
                f"OBR|1|P{number}^EHR|26S000{number}|{loinc}",
                kind="ORM^O01",
                control=f"o{number}",
            )
            assert await feed.send(body) == "AA"
        address = f"tcp:127.0.0.1:{parts.lines.listening['bench'].port}"
        known = catalogue()[profile]
        device = AskingSpeaker(known, lambda: open_pipe(address), clock=clock)
        day = Day(known, random.Random(3), clock, ZoneInfo("UTC"))
        async with asyncio.timeout(60):
            await run_work_list(device, day, 3, pause=0.05)
        await until(lambda: len(ehr.inbox.messages) == 3, what="the results at the EHR")
        await device.aclose()
        await feed.aclose()
    await ehr.aclose()
    got = [fields(body) for body in ehr.inbox.messages]
    assert sorted((one["ORC"][2], one["PID"][3].split("^")[0]) for one in got) == [
        (f"P{number}^EHR", f"MRN{number}") for number in range(3)
    ]


async def test_work_is_sent_unasked_and_taken_back(tmp_path: Path) -> None:
    """A LAW analyzer that takes downloads, on a line it opened and says nothing on."""
    ehr = Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    codes, more = '{ "GLU" = "2345-7" }', "downloads = true"
    config = configuration(tmp_path, "generic-law", codes, port, more)
    async with running(load(config), notices=Noticeboard(clock), clock=clock) as parts:
        line = parts.lines.listening["bench"].port
        reader, writer = await asyncio.open_connection("127.0.0.1", line)

        async def hear() -> dict[str, list[str]]:
            block = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 30)
            found = fields(block[1:-2])
            answer = r"MSH|^~\&|||||2026||ORL^O34^ORL_O34|A1|P|2.5.1"
            text = f"{answer}\rMSA|AA|{found['MSH'][9]}\r".encode()
            writer.write(b"\x0b" + text + b"\x1c\r")
            return found

        feed = Feed(parts.reception.port or 0)
        order = ("PID|1||MRN1^^^EHR^MR", "ORC|NW|P1^EHR", "OBR|1|P1^EHR|26S0001|2345-7")
        assert await feed.send(message(*order, kind="ORM^O01", control="o1")) == "AA"
        new = await hear()
        cancel = ("PID|1||MRN1^^^EHR^MR", "ORC|CA|P1^EHR")
        assert await feed.send(message(*cancel, kind="ORM^O01", control="c1")) == "AA"
        taken_back = await hear()
        await feed.aclose()
        writer.close()
        await writer.wait_closed()
    await ehr.aclose()
    assert (new["MSH"][8], new["ORC"][1], new["SPM"][2]) == ("OML^O33^OML_O33", "NW", "26S0001")
    assert (taken_back["ORC"][1], taken_back["ORC"][2]) == ("CA", new["ORC"][2])
