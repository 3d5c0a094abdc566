"""Messages of an EHR: what they change, what they are answered, what is refused and where."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ehr_side import Clock, Ehr, ehr, message, ordered, pid

from gateway.notices import Noticeboard
from gateway.orders import book, patients
from gateway.orders.inbox import Inbox, Policy
from gateway.orders.model import OrderStatus
from gateway.orders.patients import KnownPatient
from gateway.protocols.hl7 import AcknowledgmentCode, read_acknowledgment
from gateway.store import Store
from gateway.store.space import SpacePolicy


async def patient(side: Ehr, number: str) -> KnownPatient:
    def query(connection: Any) -> KnownPatient | None:
        (found,) = patients.with_number(connection, number)
        return patients.find(connection, found)

    known = await side.store.engine.read(query)
    assert known is not None
    return known


async def test_an_order_is_acknowledged_when_it_is_stored(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        answer = await side.order("MRN1", "P1", "26S0042")
        read = read_acknowledgment(answer.blocks[0])
        assert (read.code, read.control_id) == (AcknowledgmentCode.APPLICATION_ACCEPT, "1")
        (order,) = await side.store.engine.read(lambda c: book.labelled(c, "26S0042"))
        assert (order.placer, order.placer_namespace, order.code) == ("P1", "EHR", "GLU")
        assert order.status is OrderStatus.ACTIVE
        known = await patient(side, "MRN1")
        assert (known.name, known.birth_date, known.sex) == ("DOE^JANE", "1970-01-01", "F")


async def test_a_repeated_message_gets_the_stored_answer(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        body = message(*ordered("MRN1", "P1", "L1"), kind="ORM^O01", control="77")
        first = await side.inbox.receive(body, "test")
        side.clock.pass_by(hours=3)
        await side.cancel("MRN1", "P1")  # would be refused by a second reading of the order
        again = await side.inbox.receive(body, "test")
        assert again.blocks == first.blocks
        assert not again.changed
        (order,) = await side.store.engine.read(lambda c: book.labelled(c, "L1"))
        assert order.status is not OrderStatus.ACTIVE


async def test_the_same_id_with_other_content_is_refused_and_alarmed(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.send(*ordered("MRN1", "P1", "L1"), kind="ORM^O01", control="77")
        answer = await side.send(*ordered("MRN2", "P2", "L2"), kind="ORM^O01", control="77")
        read = read_acknowledgment(answer.blocks[0])
        assert read.code is AcknowledgmentCode.APPLICATION_ERROR
        assert (read.error_code, read.location) == ("205", "MSH[1]-10")
        assert side.notices.recent
        assert not await side.store.engine.read(lambda c: book.labelled(c, "L2"))


@pytest.mark.parametrize(
    ("segments", "kind", "code", "error", "location"),
    [
        (("PID|1||||DOE^JANE",), "ADT^A04", "AE", "101", "PID[1]-3"),
        (("PID|1||1||DOE^J||19701301",), "ADT^A04", "AE", "102", "PID[1]-7"),
        ((), "ADT^A04", "AE", "100", "PID[1]"),
        ((pid("1"),), "ADT^A40", "AE", "100", None),
        ((pid("1"), "MRG|"), "ADT^A40", "AE", "101", None),
        ((pid("1"),), "ADT^A99", "AR", "201", "MSH[1]-9"),
        ((pid("1"),), "MDM^T02", "AR", "200", "MSH[1]-9"),
        ((pid("1"), "ORC|NW|P1"), "ORM^O01", "AE", "100", "OBR[1]"),
        ((pid("1"), "ORC|NW||", "OBR|1|||GLU"), "ORM^O01", "AE", "101", "ORC[1]-2"),
        ((pid("1"), "ORC|ZZ|P1", "OBR|1|||GLU"), "ORM^O01", "AE", "103", "ORC[1]-1"),
        ((pid("1"), "ORC|NW|P1", "OBR|1|P1||"), "ORM^O01", "AE", "101", "OBR[1]-4"),
        ((pid("1"), "ORC|CA|P9"), "ORM^O01", "AE", "204", "ORC[1]-2"),
        ((pid("1"), "OBR|1|P1||GLU"), "ORM^O01", "AE", "100", "ORC[1]"),
        ((r"PID|1||1\X0D\2^^^EHR||DOE",), "ADT^A04", "AE", "102", "PID[1]-3"),
        ((pid("1"), r"ORC|NW|P\X02\1", "OBR|1|||GLU"), "ORM^O01", "AE", "102", "ORC[1]-2"),
        (
            (pid("1"), "ORC|NW|P1", "OBR|1|P1||G", r"SPM|1|L\X0A\1"),
            "OML^O21",
            "AE",
            "102",
            "SPM[1]-2",
        ),
        ((pid("1"), pid("2"), "ORC|NW|P1", "OBR|1|||G"), "OML^O21", "AE", "100", "PID[2]"),
    ],
)
async def test_what_is_refused_says_where(
    tmp_path: Path,
    segments: tuple[str, ...],
    kind: str,
    code: str,
    error: str,
    location: str | None,
) -> None:
    async with ehr(tmp_path) as side:
        answer = await side.send(*segments, kind=kind)
        read = read_acknowledgment(answer.blocks[0])
        assert (read.code, read.error_code) == (code, error)
        if location is not None:
            assert read.location == location
        kept = await side.store.engine.read(
            lambda c: c.execute("SELECT outcome, body FROM order_messages").fetchall()
        )
        assert [outcome for outcome, _ in kept] == ["refused"]
        assert not answer.changed


async def test_a_refused_message_changes_nothing_at_all(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        segments = (*ordered("MRN1", "P1", "L1"), "ORC|NW|P2", "OBR|1|P2||")
        answer = await side.send(*segments, kind="ORM^O01")
        assert not answer.accepted
        assert not await side.store.engine.read(lambda c: book.labelled(c, "L1"))
        assert not await side.store.engine.read(lambda c: patients.with_number(c, "MRN1"))


async def test_bytes_that_are_no_message_are_rejected_and_kept(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        answer = await side.inbox.receive(b"GET / HTTP/1.1", "test")
        assert read_acknowledgment(answer.blocks[0]).code == "AR"
        query = "SELECT body FROM order_messages"
        assert await side.store.engine.read(lambda c: c.execute(query).get) == b"GET / HTTP/1.1"


@pytest.mark.parametrize(
    ("commit", "application", "good", "bad"),
    [
        ("", "", ["AA"], ["AE"]),
        ("AL", "NE", ["CA"], ["CE"]),
        ("AL", "AL", ["CA", "AA"], ["CE", "AE"]),
        ("NE", "AL", ["AA"], ["AE"]),
        ("ER", "ER", [], ["CE", "AE"]),
        ("SU", "NE", ["CA"], []),
    ],
)
async def test_enhanced_mode(
    tmp_path: Path, commit: str, application: str, good: list[str], bad: list[str]
) -> None:
    async with ehr(tmp_path) as side:
        rest = f"|||{commit}|{application}"
        fine = message(pid("1"), kind="ADT^A04", control="1", rest=rest)
        wrong = message("PID|1", kind="ADT^A04", control="2", rest=rest)
        for body, expected in ((fine, good), (wrong, bad)):
            answer = await side.inbox.receive(body, "test")
            assert [read_acknowledgment(block).code for block in answer.blocks] == expected


async def test_cancel_change_and_replace(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1")
        await side.send(
            pid("1"), "ORC|XO|P1^EHR", "OBR|1|P1^EHR|L1|GLU^Glucose^L|S", kind="ORM^O01"
        )
        (order,) = await side.store.engine.read(lambda c: book.labelled(c, "L1"))
        assert (order.text, order.priority) == ("Glucose", "S")
        replace = (pid("1"), "ORC|RP|P1^EHR", "ORC|RO|P2^EHR", "OBR|1|P2^EHR|L2|CRP")
        assert (await side.send(*replace, kind="ORM^O01")).accepted
        (old,) = await side.store.engine.read(lambda c: book.labelled(c, "L1"))
        (new,) = await side.store.engine.read(lambda c: book.labelled(c, "L2"))
        assert (old.status, new.status) == (OrderStatus.CANCELLED, OrderStatus.ACTIVE)
        again = await side.order("1", "P1", "L1")
        assert read_acknowledgment(again.blocks[0]).error_code == "205"


async def test_an_order_number_never_changes_its_patient(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1")
        answer = await side.order("2", "P1", "L1")
        assert read_acknowledgment(answer.blocks[0]).error_code == "205"


async def test_specimens_of_oml_o21_and_o33(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        o21 = (
            pid("1"),
            "ORC|NW|P1",
            "TQ1|1||||||20260105110000|||S",
            "OBR|1|P1||GLU",
            "SPM|1|A1^B1||SER",
        )
        assert (await side.send(*o21, kind="OML^O21^OML_O21")).accepted
        o33 = (
            pid("1"),
            "SPM|1|C1||SER",
            *("ORC|NW|P2", "OBR|1|P2||GLU", "ORC|NW|P3", "OBR|1|P3||CRP"),
            *("SPM|2|D1||PLAS", "ORC|NW|P4", "OBR|1|P4||GLU"),
        )
        assert (await side.send(*o33, kind="OML^O33^OML_O33")).accepted

        def placers(label: str) -> Any:
            return side.store.engine.read(
                lambda c: [order.placer for order in book.labelled(c, label)]
            )

        assert [await placers(label) for label in ("A1", "B1", "C1", "D1")] == [
            ["P1"],
            ["P1"],
            ["P2", "P3"],
            ["P4"],
        ]


async def test_merges_end_in_the_same_state_in_any_order(tmp_path: Path) -> None:
    """A to B, B to C, one of them repeated, orders and news of dead numbers in between."""
    steps = ["ab", "bc", "order-a", "order-c", "ab", "news-a"]
    for number, order in enumerate(itertools.permutations(range(len(steps)))):
        if number % 24:
            continue
        async with ehr(tmp_path / str(number)) as side:
            for index in order:
                match steps[index]:
                    case "ab":
                        await side.merge("A", "B")
                    case "bc":
                        await side.merge("B", "C")
                    case "news-a":
                        await side.register("A", "OLD^NEWS", event="A08")
                    case step:
                        await side.order(step[-1].upper(), f"P-{step}", f"L-{step}")
            known = await patient(side, "A")
            assert {one.value for one in known.identifiers} == {"C"}
            assert {one.value for one in known.dead} == {"A", "B"}
            for label in ("L-order-a", "L-order-c"):
                (found,) = await side.store.engine.read(lambda c, x=label: book.labelled(c, x))
                assert found.patient == known.id


async def test_numbers_of_two_patients_are_joined_by_a_merge_only(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.register("1")
        await side.register("2")
        answer = await side.send("PID|1||1^^^EHR~2^^^EHR||DOE", kind="ADT^A08")
        assert read_acknowledgment(answer.blocks[0]).error_code == "205"


async def test_orders_expire(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side:
        await side.order("1", "P1", "L1")
        side.clock.pass_by(days=15)
        await side.store.engine.write(lambda c: book.expire(c, side.clock()))
        (order,) = await side.store.engine.read(lambda c: book.labelled(c, "L1"))
        assert order.status is OrderStatus.EXPIRED


async def test_imaging_orders_become_worklist_rows(tmp_path: Path) -> None:
    from gateway.orders.worklist import worklist

    async with ehr(tmp_path) as side:
        omi = (
            pid("1"),
            "ORC|NW|P1",
            "TQ1|1||||||20260106083000",
            "OBR|1|P1||76942^US guidance^C4",
            "IPC|ACC1|RP1|1.2.3|SPS1|US|||ROOM2|VOLUSON",
        )
        assert (await side.send(*omi, kind="OMI^O23^OMI_O23")).accepted
        orm = (pid("1"), "ORC|NW|P2", "OBR|1|P2||X^Thyroid" + "|" * 14 + "ACC2|RP2|SPS2||||US")
        assert (await side.send(*orm, kind="ORM^O01")).accepted
        rows = {row.placer: row for row in await worklist(side.store)}
        first, second = rows["P1"], rows["P2"]
        assert (first.accession, first.study_uid, first.step) == ("ACC1", "1.2.3", "SPS1")
        assert (first.modality, first.ae_title) == ("US", "VOLUSON")
        assert first.scheduled_at is not None
        assert first.scheduled_at.isoformat() == "2026-01-06T07:30:00+00:00"
        assert (second.accession, second.step) == ("ACC2", "SPS2")
        assert second.study_uid.startswith("2.25.")
        await side.send(pid("1"), "ORC|CA|P1", kind="OMI^O23")
        assert [row.placer for row in await worklist(side.store)] == ["P2"]


LONG, FULL = "ORDER-2026-000001", "ORDER-2026-00001"  # 17 and 16 characters


@pytest.mark.parametrize(
    ("order", "ipc", "where"),
    [
        ("P1", f"IPC|{LONG}|RP1|1.2.3|S1|US", "IPC^1^1"),
        ("P1", f"IPC|A1|{LONG}|1.2.3|S1|US", "IPC^1^2"),
        ("P1", f"IPC|A1|RP1|1.2.3|{LONG}|US", "IPC^1^4"),
        ("P1", f"IPC|A1|RP1|1.2.3|S1|US||||{LONG}", "IPC^1^9"),
        ("P1", "IPC|A1|RP1|1.2.x|S1|US", "IPC^1^3"),
        (LONG, "IPC||RP1|1.2.3|S1|US", "ORC^1^2"),
        (FULL, "IPC||||" + "|US", None),
        (LONG, "IPC|A1|RP1|1.2.3|S1|US", None),
    ],
)
async def test_a_procedure_no_worklist_can_show_is_refused_and_never_cut(
    tmp_path: Path, order: str, ipc: str, where: str | None
) -> None:
    from gateway.orders.worklist import worklist

    async with ehr(tmp_path) as side:
        omi = (pid("1"), f"ORC|NW|{order}", f"OBR|1|{order}||76942^US guidance^C4", ipc)
        answer = await side.send(*omi, kind="OMI^O23^OMI_O23")
        assert answer.accepted is (where is None)
        rows = await worklist(side.store)
        assert len(rows) == (where is None)
        if where is not None:
            assert f"ERR||{where}|102".encode() in answer.blocks[-1]
        assert all(len(row.step) <= 16 and len(row.accession) <= 16 for row in rows)


async def test_a_procedure_s_tubes_are_those_of_its_group(tmp_path: Path) -> None:
    """An OMI names no specimen; the OML of the same ORC-4 does."""
    from gateway.orders.worklist import worklist

    async with ehr(tmp_path) as side:
        omi = ("ORC|NW|P1^EHR||G7^EHR", "OBR|1|P1^EHR||76942^Biopsy", "IPC|ACC1|RP1|1.2.3|S1|US")
        assert (await side.send(pid("1"), *omi, kind="OMI^O23")).accepted
        (row,) = await worklist(side.store)
        assert row.specimens == ()
        oml = ("ORC|NW|P2^EHR||G7^EHR", "OBR|1|P2^EHR||CYTO", "SPM|1|26S0042A||ASP")
        other = ("ORC|NW|P3^EHR||G8^EHR", "OBR|1|P3^EHR||GLU", "SPM|1|26S0099||SER")
        for segments in (oml, other):
            assert (await side.send(pid("1"), *segments, kind="OML^O21")).accepted
        (row,) = await worklist(side.store)
        assert row.specimens == ("26S0042A",)


async def test_noise_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.orders.received.NOISE_KEPT", 5)
    async with ehr(tmp_path) as side:
        await side.register("1")
        for number in range(12):
            await side.inbox.receive(b"noise %d" % number, "test")
        await side.send("PID|1", kind="ADT^A04")
        kept = await side.store.engine.read(
            lambda c: c.execute("SELECT outcome, body FROM order_messages ORDER BY id").fetchall()
        )
        assert [body for _, body in kept[1:-1]] == [b"noise %d" % n for n in range(7, 12)]
        assert [outcome for outcome, _ in kept] == ["taken", *["refused"] * 6]


async def test_nothing_is_taken_while_the_disk_is_low(tmp_path: Path) -> None:
    """AE 207: the EHR keeps the message and sends it again."""
    space = SpacePolicy(share=1, most=2**62, ballast=0, interval=3600)
    clock = Clock()
    store = await Store.open(tmp_path, clock=clock, space=space)
    try:
        assert not store.accepting
        inbox = Inbox(store, Policy(ZoneInfo("UTC")), Noticeboard(clock), clock)
        body = message(*ordered("1", "P1", "L1"), kind="ORM^O01", control="1")
        answer = read_acknowledgment((await inbox.receive(body, "test")).blocks[0])
        assert (answer.code, answer.error_code) == ("AE", "207")
        assert (await inbox.receive(b"noise", "test")).blocks
        count = "SELECT COUNT(*) FROM order_messages"
        assert await store.engine.read(lambda c: c.execute(count).get) == 0
    finally:
        await store.aclose()
