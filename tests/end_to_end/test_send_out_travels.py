"""An order for another laboratory through a whole gateway, and its result back to the EHR."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from clinic import glucose, until, unused_port
from test_orders_travel import Feed, fields, message

from gateway.app import Running, running
from gateway.config import load
from gateway.notices import Noticeboard
from gateway.protocols.astm import Dialect
from simulators.analyzer import Analyzer
from simulators.ehr import Ehr
from simulators.pipe import open_pipe

CODE = "62292-8"


@asynccontextmanager
async def clinic(
    folder: Path, ehr: Ehr, lab: Ehr, *, receiving: str = "REFLAB"
) -> AsyncIterator[tuple[Running, Feed]]:
    ports = [await each.listen("127.0.0.1", 0) for each in (ehr, lab)]
    path = folder / "gateway.toml"
    path.write_text(
        f"""
[gateway]
site = "clinic-a"
timezone = "UTC"
data_dir = "data"

[devices.bench]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:{unused_port()}"
codes = {{ "GLU" = "2345-7", "CREA" = "2160-0" }}

[orders]
listen = "127.0.0.1:{unused_port()}"

[orders.send_out.reflab]
tests = ["{CODE}"]
codes = {{ "VITD" = "{CODE}" }}

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ports[0]}"

[destinations.reflab]
type = "mllp"
address = "127.0.0.1:{ports[1]}"
message = "oml-o21"
receiving_application = "{receiving}"
""",
        encoding="utf-8",
    )

    def clock() -> datetime:
        return datetime.now(UTC)

    async with running(load(path), notices=Noticeboard(clock), clock=clock) as parts:
        feed = Feed(parts.reception.port or 0)
        try:
            yield parts, feed
        finally:
            await feed.aclose()
            await ehr.aclose()
            await lab.aclose()


def order(placer: str = "P1", control: str = "NW") -> bytes:
    return message(
        "PID|1||MRN1^^^EHR^MR||DOE^JANE||19700101|F",
        f"ORC|{control}|{placer}^EHR",
        f"OBR|1|{placer}^EHR|26S0042|{CODE}^25-OH vitamin D^LN",
        kind="ORM^O01",
        control=f"{control}-{placer}",
    )


def result(
    number: str,
    *,
    patient: str = "MRN1",
    value: str = "31.5",
    control: str = "R1",
    status: str = "F",
) -> bytes:
    """As the laboratory answers, with its own accession in OBR-3 and its own code."""
    found = message(
        f"PID|1||{patient}||DOE^JANE||19700101|F",
        f"ORC|RE|{number}|ACC77",
        f"OBR|1|{number}|ACC77|VITD^Vitamin D^LAB|||20260105081500|||||||||||||||20260106|||F",
        f"OBX|1|NM|VITD^Vitamin D^LAB||{value}|ng/mL|30-100|N|||{status}|||20260105120000",
        kind="ORU^R01",
        control=control,
    )
    return found.replace(b"|EHR|C|", b"|REFLAB|CITY|", 1)


async def test_out_and_back_under_the_placer_s_number(tmp_path: Path) -> None:
    ehr, lab = Ehr(), Ehr()
    async with clinic(tmp_path, ehr, lab) as (parts, feed):
        assert await feed.send(order()) == "AA"
        await until(lambda: len(lab.inbox.messages) == 1, what="the order at the laboratory")
        sent = fields(lab.inbox.messages[0])
        assert (sent["ORC"][1], sent["ORC"][4], sent["SPM"][2]) == ("NW", "P1^EHR", "26S0042")
        number = sent["OBR"][2]
        assert await feed.send(result(number)) == "AA"
        await until(lambda: len(ehr.inbox.messages) == 1, what="the result at the EHR")
        got = fields(ehr.inbox.messages[0])
        assert (got["ORC"][2], got["OBR"][2]) == ("P1^EHR", "P1^EHR")
        assert got["OBR"][4] == f"{CODE}^25-OH vitamin D^LN"
        assert got["PID"][3] == "MRN1^^^EHR^MR"
        assert (got["OBX"][5], got["OBX"][3].split("^")[0]) == ("31.5", CODE)
        # the same again, then a correction
        assert await feed.send(result(number)) == "AA"
        assert await feed.send(result(number, control="R2")) == "AA"
        assert await feed.send(result(number, value="29.5", control="R3", status="C")) == "AA"
        await until(lambda: len(ehr.inbox.messages) == 2, what="the correction")
        assert fields(ehr.inbox.messages[1])["OBX"][11] == "C"
        await parts.intake.drained()
        assert len(lab.inbox.messages) == 1


async def test_a_cancelled_order_is_taken_back(tmp_path: Path) -> None:
    ehr, lab = Ehr(), Ehr()
    async with clinic(tmp_path, ehr, lab) as (_, feed):
        await feed.send(order())
        await feed.send(order(control="CA"))
        await until(lambda: len(lab.inbox.messages) == 2, what="the cancel at the laboratory")
        first, second = map(fields, lab.inbox.messages)
        assert (first["ORC"][1], second["ORC"][1]) == ("NW", "CA")
        assert first["ORC"][2] == second["ORC"][2]


async def test_what_does_not_fit_the_order_is_held(tmp_path: Path) -> None:
    ehr, lab = Ehr(), Ehr()
    async with clinic(tmp_path, ehr, lab) as (parts, feed):
        await feed.send(order())
        await until(lambda: len(lab.inbox.messages) == 1, what="the order at the laboratory")
        number = fields(lab.inbox.messages[0])["OBR"][2]
        assert await feed.send(result(number, patient="MRN9")) == "AA"
        assert await feed.send(result("SOMEBODY-S", control="R2")) == "AA"
        await parts.intake.drained()
        held = await parts.store.holds.count()
        assert held == 2
        assert ehr.inbox.messages == []


async def test_a_device_s_results_never_go_under_an_order_that_was_sent_out(
    tmp_path: Path,
) -> None:
    """One tube, a test done here and one sent out: what nobody ordered here is held."""
    ehr, lab = Ehr(), Ehr()
    async with clinic(tmp_path, ehr, lab) as (parts, feed):
        await feed.send(order())
        here = message(
            "PID|1||MRN1^^^EHR^MR||DOE^JANE||19700101|F",
            "ORC|NW|P2^EHR",
            "OBR|1|P2^EHR|26S0042|2345-7^Glucose^LN",
            kind="ORM^O01",
            control="o2",
        )
        assert await feed.send(here) == "AA"
        port = parts.lines.listening["bench"].port
        device = Analyzer(Dialect(), lambda: open_pipe(f"tcp:127.0.0.1:{port}"))
        records = glucose("26S0042", "MRN1", "5.5")
        await device.send(records)
        await until(lambda: len(ehr.inbox.messages) == 1, what="the glucose at the EHR")
        await device.send([one.replace(b"^^^GLU", b"^^^CREA") for one in records])
        async with asyncio.timeout(20):
            while not await parts.store.holds.count():
                await asyncio.sleep(0.02)
        await device.aclose()
        (held,) = await parts.desk.ask("held.list", {})
        assert len(ehr.inbox.messages) == 1
    assert fields(ehr.inbox.messages[0])["ORC"][2] == "P2^EHR"
    assert "order-mismatch" in str(held)


async def test_results_of_a_stranger_are_refused(tmp_path: Path) -> None:
    ehr, lab = Ehr(), Ehr()
    async with clinic(tmp_path, ehr, lab, receiving="OTHER") as (_, feed):
        await feed.send(order())
        assert await feed.send(result("26S0042-1")) == "AE"
        assert await feed.send(result("26S0042-1").replace(b"|REFLAB|", b"|OTHER|")) == "AA"
        await until(lambda: len(ehr.inbox.messages) == 1, what="the result at the EHR")
