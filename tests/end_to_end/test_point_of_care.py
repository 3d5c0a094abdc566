"""Point-of-care results nobody ordered: ORU^R30, the EHR's ACK^R33 with its number, ORU^R32."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clinic import glucose, until, unused_port
from test_orders_travel import Feed, fields, message, order

from gateway.app import Running, running
from gateway.config import load
from gateway.errors import ConfigurationError
from gateway.notices import Noticeboard
from gateway.protocols.astm import Dialect
from simulators.analyzer import Analyzer
from simulators.ehr import Ehr
from simulators.pipe import open_pipe


def clock() -> datetime:
    return datetime.now(UTC)


def configuration(folder: Path, ehr: int, what: str = "create", form: str = "oru-2.5.1") -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f"""
[gateway]
site = "clinic-a"
timezone = "UTC"
data_dir = "data"

[devices.ward]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:{unused_port()}"
codes = {{ "GLU" = "2345-7" }}
orders = "optional"

[orders]
listen = "127.0.0.1:{unused_port()}"

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ehr}"
message = "{form}"
point_of_care = "{what}"
""",
        encoding="utf-8",
    )
    return path


async def test_the_ehr_makes_the_order_and_its_number_is_kept(tmp_path: Path) -> None:
    ehr = Ehr()
    config = configuration(tmp_path, await ehr.listen("127.0.0.1", 0))
    async with running(load(config), notices=Noticeboard(clock), clock=clock) as parts:
        port = parts.lines.listening["ward"].port
        device = Analyzer(Dialect(), lambda: open_pipe(f"tcp:127.0.0.1:{port}"))
        feed = Feed(parts.reception.port or 0)
        admitted = message("PID|1||MRN1^^^EHR^MR||DOE^JANE", kind="ADT^A04", control="a1")
        assert await feed.send(admitted) == "AA"
        assert await feed.send(order("MRN2", "P1", "26S0001", "o1")) == "AA"
        await device.send(glucose("", "MRN1", "5.5"))
        await until(lambda: len(ehr.inbox.messages) == 1, what="the result at the EHR")
        await device.send(glucose("26S0001", "MRN2", "6.5", at="20260105111130"))
        await until(lambda: len(ehr.inbox.messages) == 2, what="the ordered result")
        unordered, ordered = map(fields, ehr.inbox.messages)
        report = unordered["OBR"][3].split("^")[0]
        async with asyncio.timeout(20):
            while not (given := await numbers(parts, report)):
                await asyncio.sleep(0.05)
        await device.aclose()
        await feed.aclose()
    await ehr.aclose()
    assert (unordered["MSH"][8], unordered["ORC"][1]) == ("ORU^R30^ORU_R30", "NW")
    assert "SPM" not in unordered
    assert (ordered["MSH"][8], ordered["ORC"][1:3]) == ("ORU^R32^ORU_R30", ["RE", "P1^EHR"])
    assert given == {"ehr": {"placer": "POC00001", "filler": None}}


async def numbers(parts: Running, report: str) -> dict[str, dict[str, str | None]]:
    """What the desk shows of the order of a report."""
    for one in await parts.desk.ask("reports.list", {}):
        if one["id"].startswith(report):
            shown = await parts.desk.ask("reports.show", {"id": one["id"]})
            return dict(shown["order_numbers"])
    return {}


def test_other_messages_have_no_such_form(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(configuration(tmp_path, 2575, form="oru-2.3"))
    assert "point_of_care" in str(error.value)
