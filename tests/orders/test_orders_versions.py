"""The events and versions an EHR may send, each with what it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ehr_side import Ehr, ehr, message, pid

from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.orders.model import OrderStatus
from gateway.orders.patients import KnownPatient
from gateway.protocols.hl7 import read_acknowledgment


async def order(side: Ehr, label: str) -> KnownOrder:
    (found,) = await side.store.engine.read(lambda c: book.labelled(c, label))
    return found


async def person(side: Ehr, number: str) -> KnownPatient | None:
    def query(connection: Any) -> KnownPatient | None:
        found = patients.with_number(connection, number)
        return patients.find(connection, found[0]) if found else None

    return await side.store.engine.read(query)


@pytest.mark.parametrize("version", ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6"])
async def test_orm_of_every_version(tmp_path: Path, version: str) -> None:
    """The priority stands in OBR-27 (ORC-7) up to 2.4, in TQ1 from 2.5 on."""
    timed = version >= "2.5"
    orc = "ORC|NW|P1^EHR" + ("" if timed else "|||||^^^20260105110000^^S")
    segments = [pid("1"), "PV1|1|O|||||||||||||||||V7", orc]
    segments += ["TQ1|1||||||20260105110000||S"] if timed else []
    segments += ["OBR|1|P1^EHR|F1|GLU^Glucose^L", "NTE|1||fasting", "ZXX|1|of the site"]
    async with ehr(tmp_path) as side:
        body = message(*segments, kind="ORM^O01", control="1", version=version)
        answer = await side.inbox.receive(body, "test")
        text = answer.blocks[0].decode()
        assert read_acknowledgment(answer.blocks[0]).code == "AA"
        assert text.split("\r")[0].split("|")[11] == version
        found = await order(side, "F1")
        assert (found.priority, found.visit, found.filler) == ("S", "V7", "F1")


@pytest.mark.parametrize("event", ["A01", "A04", "A08", "A31", "A03"])
async def test_adt_events(tmp_path: Path, event: str) -> None:
    async with ehr(tmp_path) as side:
        segments = (
            "EVN||20260105",
            pid("1", "OLD^NAME"),
            "PV1|1|I|WARD",
            "NK1|1|DOE^JACK",
            "AL1|1||NUTS",
        )
        assert (await side.send(*segments, kind=f"ADT^{event}")).accepted
        await side.send(pid("1", "NEW^NAME"), kind=f"ADT^{event}")
        found = await person(side, "1")
        assert found is not None
        assert found.name == "NEW^NAME"
        answer = await side.order("1", "P1", "L1")
        assert answer.accepted
        await side.send('PID|1||1^^^EHR^MR||""', kind="ADT^A08")
        found = await person(side, "1")
        assert found is not None
        assert (found.name, found.birth_date) == (None, "1970-01-01")


async def test_a_merge_of_the_whole_list(tmp_path: Path) -> None:
    """Two pairs of PID and MRG in one message; each MRG-1 with two numbers."""
    async with ehr(tmp_path) as side:
        segments = (
            *("EVN|A40|20260105", pid("B"), "MRG|A1^^^EHR^MR~A2^^^EHR^MR"),
            *(pid("D"), "MRG|C^^^EHR^MR"),
        )
        assert (await side.send(*segments, kind="ADT^A40^ADT_A39")).accepted
        for prior, survivor in (("A1", "B"), ("A2", "B"), ("C", "D")):
            found = await person(side, prior)
            assert found is not None
            assert [one.value for one in found.identifiers] == [survivor]


@pytest.mark.parametrize(
    ("kind", "cancelled"),
    [("ORM^O01", "CA"), ("OML^O21", "CA"), ("OML^O33", "CA"), ("OML^O21", "DC"), ("ORM^O01", "OC")],
)
async def test_every_form_places_and_cancels(tmp_path: Path, kind: str, cancelled: str) -> None:
    async with ehr(tmp_path) as side:
        spm = ("SPM|1|L1||SER",)
        new = ("ORC|NW|P1^EHR", "OBR|1|P1^EHR||GLU")
        ahead, behind = (spm, ()) if kind == "OML^O33" else ((), spm)
        placed = await side.send(pid("1"), *ahead, *new, *behind, kind=kind)
        assert placed.accepted
        assert (await order(side, "L1")).code == "GLU"
        taken = await side.send(
            pid("1"), *ahead, f"ORC|{cancelled}|P1^EHR", "OBR|1|P1^EHR||GLU", *behind, kind=kind
        )
        assert taken.accepted
        assert (await order(side, "L1")).status is OrderStatus.CANCELLED


async def test_one_of_a_number_s_tests_is_cancelled(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        both = ("ORC|NW|P1^EHR", "OBR|1|P1^EHR|L1|GLU", "OBR|2|P1^EHR|L1|CRP")
        assert (await side.send(pid("1"), *both, kind="ORM^O01")).accepted
        one = ("ORC|CA|P1^EHR", "OBR|1|P1^EHR|L1|CRP")
        assert (await side.send(pid("1"), *one, kind="ORM^O01")).accepted
        found = await side.store.engine.read(lambda c: book.labelled(c, "L1"))
        assert {o.code: o.status for o in found} == {
            "GLU": OrderStatus.ACTIVE,
            "CRP": OrderStatus.CANCELLED,
        }


async def test_foreign_delimiters_and_characters(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        text = (
            "MSH#*~\\&#EHR#C#GW#L#20260105##ORM*O01#1#P#2.5######8859/1\r"
            "PID#1##1***EHR*MR##M\u00fcller*Zo\u00eb\r"
            "ORC#NW#P1*EHR\rOBR#1#P1*EHR#L1#GLU*Glucose # of the day*L\r"
        ).replace(" # ", " \\F\\ ")
        answer = await side.inbox.receive(text.encode("latin-1"), "test")
        assert read_acknowledgment(answer.blocks[0]).code == "AA"
        assert (await order(side, "L1")).text == "Glucose # of the day"
        found = await person(side, "1")
        assert found is not None
        assert found.name == "Müller^Zoë"
