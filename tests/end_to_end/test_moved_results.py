"""A result that went out for the wrong patient, set right by a person; on the EHR's side of the
wire the old patient's copy is withdrawn before the right one gets it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from clinic import glucose, until
from test_orders_travel import clinic, fields, message, order, settled

from gateway.app import Running
from gateway.desk import Missing, Mistake
from simulators.ehr import Answer, Ehr

WHO: Mapping[str, str] = {"user": "ada", "reason": "tubes swapped"}


async def only_report(parts: Running, specimen: str) -> str:
    async with asyncio.timeout(30):
        while not (found := await parts.desk.ask("reports.list", {"specimen": specimen})):
            await asyncio.sleep(0.01)
    return str(found[0]["id"])


async def states(parts: Running, report: str) -> list[str]:
    shown = await parts.desk.ask("reports.show", {"id": report})
    return [message["state"] for message in shown["messages"]]


async def move(parts: Running, identity: str, **said: str) -> dict[str, Any]:
    return dict(await parts.desk.ask("reports.move", {"id": identity, **said, **WHO}))


async def test_the_wrong_patient_is_told_first_then_the_right_one_gets_it(tmp_path: Path) -> None:
    ehr = Ehr()
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        assert await feed.send(order("MRN1", "P1", "L1", "1")) == "AA"
        assert await feed.send(order("MRN2", "P2", "L2", "2")) == "AA"
        await analyzer.send(glucose("L1", "MRN1", "5.50"))
        await until(lambda: len(ehr.inbox.messages) == 1, what="the result")
        report = await only_report(parts, "L1")
        answer = await move(parts, report, order="P2")
        await until(lambda: len(ehr.inbox.messages) == 3, what="withdrawal and result")
        first, withdrawn, right = map(fields, ehr.inbox.messages)
        assert withdrawn["PID"][3] == first["PID"][3] == "MRN1^^^EHR^MR"
        assert withdrawn["OBR"][2:4] == first["OBR"][2:4]
        assert (withdrawn["OBR"][25], withdrawn["OBX"][11]) == ("C", "W")
        assert withdrawn["OBX"][3:7] == first["OBX"][3:7]
        assert b"wrong patient" in ehr.inbox.messages[1]
        assert right["PID"][3] == "MRN2^^^EHR^MR"
        assert right["OBR"][2] == "P2^EHR"
        assert right["OBR"][3] != first["OBR"][3]
        assert (right["OBR"][25], right["OBX"][11], right["OBX"][5]) == ("F", "F", "5.50")
        assert len({one["MSH"][9] for one in (first, withdrawn, right)}) == 3
        async with asyncio.timeout(30):
            while await states(parts, answer["moved_to"]) != ["delivered"]:
                await asyncio.sleep(0.01)
        (entry, *_) = await parts.store.audit.list()
        assert (entry.actor, entry.action) == ("ada", "move report")
        assert entry.detail.endswith("tubes swapped")
        books = (await parts.desk.ask("status", {}))["books"]["devices"]["bench"]
        assert books["balanced"]
        with pytest.raises(Mistake, match=f"is report {answer['moved_to']} now"):
            await move(parts, report, order="P2")
        with pytest.raises(Mistake, match="moved to another patient"):
            await parts.desk.ask("resend", {"id": 1, "user": "ada"})
        waiting = await parts.store.engine.read(
            lambda c: c.execute("SELECT status FROM orders ORDER BY id").fetchall()
        )
        assert waiting == [("active",), ("done",)]  # the right sample of P1 is still to come


async def test_what_has_not_left_is_taken_back(tmp_path: Path) -> None:
    ehr = Ehr(answers=[Answer.AE])
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        assert await feed.send(order("MRN1", "P1", "L1", "1")) == "AA"
        assert await feed.send(order("MRN2", "P2", "L2", "2")) == "AA"
        await analyzer.send(glucose("L1", "MRN1", "5.50"))
        report = await only_report(parts, "L1")
        await until(lambda: ehr.inbox.messages, what="a try")
        answer = await move(parts, report, patient_id="MRN2")
        assert len(answer["taken_back"]) == 1
        shown = await parts.desk.ask("reports.show", {"id": report})
        assert shown["messages"][0]["state"] == "cancelled"
        assert [m["revision"] for m in shown["messages"]] == [1, 2]


async def test_a_later_correction_by_the_device_waits_for_a_person(tmp_path: Path) -> None:
    ehr = Ehr()
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        assert await feed.send(order("MRN1", "P1", "L1", "1")) == "AA"
        assert await feed.send(order("MRN2", "P2", "L2", "2")) == "AA"
        await analyzer.send(glucose("L1", "MRN1", "5.50"))
        await until(lambda: len(ehr.inbox.messages) == 1, what="the result")
        moved = (await move(parts, await only_report(parts, "L1"), order="P2"))["moved_to"]
        await until(lambda: len(ehr.inbox.messages) == 3, what="withdrawal and result")
        await analyzer.send(glucose("L1", "MRN1", "5.60"))
        async with asyncio.timeout(30):
            while not (held := await parts.desk.ask("held.list", {})):
                await asyncio.sleep(0.01)
        assert [(p["code"], p["at"]) for p in held[0]["problems"] if p["hold"]] == [
            ("identity-conflict", "moved")
        ]
        assert held[0]["report_id"] == moved
        await parts.desk.ask("held.release", {"id": held[0]["id"], **WHO})
        await until(lambda: len(ehr.inbox.messages) == 4, what="the correction")
        right, correction = map(fields, ehr.inbox.messages[2:])
        assert correction["PID"][3] == "MRN2^^^EHR^MR"
        assert correction["OBR"][2:4] == right["OBR"][2:4]
        assert (correction["OBX"][5], correction["OBX"][11]) == ("5.60", "C")
        await analyzer.send(glucose("L1", "MRN1", "5.50"))  # the first one again: said before
        await settled(parts, 3)
        replay = await parts.desk.ask("replay", {"user": "ada"})
        assert not [c for c in replay["changes"] if c["done"].startswith("sent")]
        assert len(ehr.inbox.messages) == 4


async def test_neither_message_goes_to_a_dead_number(tmp_path: Path) -> None:
    ehr = Ehr()
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        assert await feed.send(order("MRN1", "P1", "L1", "1")) == "AA"
        assert await feed.send(order("MRN2", "P2", "L2", "2")) == "AA"
        await analyzer.send(glucose("L1", "MRN1", "5.50"))
        await until(lambda: len(ehr.inbox.messages) == 1, what="the result")
        for number in (1, 2):
            merge = message(
                f"PID|1||NEW{number}^^^EHR^MR||DOE^JANE",
                f"MRG|MRN{number}^^^EHR^MR",
                kind="ADT^A40",
                control=f"m{number}",
            )
            assert await feed.send(merge) == "AA"
        await move(parts, await only_report(parts, "L1"), patient_id="MRN2")
        await until(lambda: len(ehr.inbox.messages) == 3, what="withdrawal and result")
        got = [fields(body)["PID"][3] for body in ehr.inbox.messages[1:]]
        assert got == ["NEW1^^^EHR^MR", "NEW2^^^EHR^MR"]


async def test_a_move_that_makes_no_sense_changes_nothing(tmp_path: Path) -> None:
    ehr = Ehr()
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        assert await feed.send(order("MRN1", "P1", "L1", "1")) == "AA"
        await analyzer.send(glucose("L1", "MRN1", "5.50"))
        await until(lambda: len(ehr.inbox.messages) == 1, what="the result")
        report = await only_report(parts, "L1")
        for said, answer in (
            ({}, "what was wrong"),
            ({"order": "P9"}, "no order P9"),
            ({"patient_id": "NOBODY"}, "no patient"),
            ({"order": "P1"}, "already"),
            ({"patient_id": "MRN1"}, "already"),
        ):
            with pytest.raises(Mistake, match=answer):
                await move(parts, report, **said)
        with pytest.raises(Mistake, match="who does it and a reason"):
            await parts.desk.ask("reports.move", {"id": report, "order": "P1", "user": "ada"})
        with pytest.raises(Missing):
            await move(parts, "nothing", order="P1")
        await analyzer.send(glucose("L7", "", "5.70"))
        held = await only_report(parts, "L7")
        with pytest.raises(Mistake, match="held"):
            await move(parts, held, order="P1")
        assert len(await parts.desk.ask("reports.list", {"specimen": "L1"})) == 1
        assert await parts.store.audit.list() == []
        only_the_label = await move(parts, report, specimen="L1B")
        await until(lambda: len(ehr.inbox.messages) == 3, what="withdrawal and result")
        assert fields(ehr.inbox.messages[2])["SPM"][2] == "L1B^L1B"
        assert fields(ehr.inbox.messages[2])["ORC"][2] == "P1^EHR"
        assert only_the_label["moved_to"] != report


async def test_an_older_revision_is_not_sent_after_its_correction(tmp_path: Path) -> None:
    ehr = Ehr()
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        assert await feed.send(order("MRN1", "P1", "L1", "1")) == "AA"
        for value in ("5.50", "5.60"):
            await analyzer.send(glucose("L1", "MRN1", value))
        await settled(parts, 2)
        deliveries = await parts.desk.ask("deliveries.list", {})
        new, old = (entry["id"] for entry in deliveries)
        for as_new in (False, True):
            with pytest.raises(
                Mistake, match=f"revision 2 of this report followed it as .* {new};"
            ):
                await parts.desk.ask("resend", {"id": old, "as_new": as_new, "user": "ada"})
            await parts.desk.ask("resend", {"id": new, "as_new": as_new, "user": "ada"})
        await until(lambda: len(ehr.inbox.messages) == 4, what="the last one again")
    assert [fields(body)["OBX"][5] for body in ehr.inbox.messages] == ["5.50", *["5.60"] * 3]
