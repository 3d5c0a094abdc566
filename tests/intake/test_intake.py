"""What the intake makes of transmissions: filed in order, held when unreadable, recovered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from gateway.errors import StoreError
from gateway.intake import Arrival, EhrRoute, Intake, Known, MqttRoute, Router, Sender
from gateway.messages import DESTINATION_PROFILES, PatientData
from gateway.notices import DuplicateSeen, Noticeboard, Posted, ReportFiled
from gateway.profiles import catalogue
from gateway.store import MessageState, ReportState, Store

NOW = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
RESULT = (
    b"H|\\^&|||H-500^1||||||||LIS2-A2|20260105101200\r"
    b"P|1||%s||DOE^JANE\rO|1|%s||^^^GLU\rR|1|^^^GLU|%s|mg/dL||N||F||||20260105101130\rL|1|N\r"
)


def result(specimen: bytes, value: bytes, patient: bytes = b"MRN1") -> bytes:
    return RESULT % (patient, specimen, value)


def known(name: str, codes: Mapping[str, str]) -> Known:
    return Known(name, catalogue()["generic-astm"], ZoneInfo("UTC"), codes)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: NOW)
    yield opened
    await opened.aclose()


class Bench:
    """An intake on a real store with one EHR and one broker as routes."""

    def __init__(
        self, store: Store, codes: Mapping[str, str] | None = None, *more: EhrRoute
    ) -> None:
        routes = (
            EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"]),
            MqttRoute("events", PatientData.NONE),
            *more,
        )
        self.store = store
        self.seen: list[Posted] = []
        self.notices = Noticeboard(lambda: NOW)
        router = Router(routes, Sender("GATEWAY", "clinic-a"), store.site_key, lambda: NOW)
        devices = {"bench": known("bench", {"GLU": "2345-7"} if codes is None else codes)}
        self.intake = Intake(store, devices, router, self.notices, lambda: NOW)

    async def take(self, *payloads: bytes) -> None:
        with self.notices.watched_by(self.seen.append):
            for payload in payloads:
                number = self.store.open_transmission("bench", "astm", "peer")
                self.store.append(number, payload, _must_succeed)
                self.intake.complete(Arrival(number, ("bench",), "astm", payload, True, "peer"))
            await self.intake.drained()


def _must_succeed(error: StoreError | None) -> None:
    if error is not None:
        raise error


async def test_reports_and_messages_stand_in_the_order_of_arrival(store: Store) -> None:
    bench = Bench(store)
    await bench.take(*(result(b"S%d" % n, b"%d.50" % n) for n in range(1, 6)))
    due = await store.outbox.due("ehr", 10, NOW)
    assert [entry.lane for entry in due] == ["S1", "S2", "S3", "S4", "S5"]
    assert [entry.body.count(b"OBX|") for entry in due] == [1] * 5
    (copy, *_) = await store.outbox.due("events", 10, NOW)
    assert b"MRN1" not in copy.body
    assert copy.meta["content"] == "result"


async def test_a_repeat_is_recorded_and_not_delivered_twice(store: Store) -> None:
    bench = Bench(store)
    await bench.take(result(b"S1", b"5.50"), result(b"S1", b"5.50"))
    assert len(await store.outbox.due("ehr", 10, NOW)) == 1
    assert any(isinstance(posted.notice, DuplicateSeen) for posted in bench.seen)


async def test_an_unknown_test_is_held_with_its_bytes(store: Store) -> None:
    bench = Bench(store, codes={})
    await bench.take(result(b"S1", b"5.50"))
    assert await store.outbox.due("ehr", 10, NOW) == []
    (hold,) = await store.holds.list()
    item = await store.holds.show(hold.id)
    assert item is not None
    assert item.transmission.raw == result(b"S1", b"5.50")
    assert "unknown-test" in {problem.code.value for problem in hold.problems}
    (event,) = await store.outbox.due("events", 10, NOW)
    assert event.meta["content"] == "event"
    assert b"S1" not in event.body


async def test_a_specimen_without_a_patient_is_held_where_an_ehr_wants_one(store: Store) -> None:
    bench = Bench(store)
    await bench.take(result(b"S1", b"5.50", patient=b""))
    (hold,) = await store.holds.list()
    assert "no-patient" in {problem.code.value for problem in hold.problems}


async def test_one_destination_s_wish_for_a_patient_does_not_stop_another(store: Store) -> None:
    other = EhrRoute("other", DESTINATION_PROFILES["oru-2.5.1"], hold_without_patient=False)
    bench = Bench(store, None, other)
    await bench.take(result(b"S1", b"5.50", patient=b""))
    assert await store.holds.list() == []
    assert len(await store.outbox.due("other", 10, NOW)) == 1
    assert await store.outbox.due("ehr", 10, NOW) == []
    (parked,) = await store.outbox.list("ehr")
    assert parked.state is MessageState.PARKED
    assert "no patient is named" in (parked.answer or "")
    said = {entry.meta["content"]: entry for entry in await store.outbox.due("events", 10, NOW)}
    event = json.loads(said["event"].body)
    assert (event["reasons"], event["destinations"]) == (["no-patient"], ["ehr"])
    copy = json.loads(said["result"].body)
    assert {"code": "no-patient", "at": "P", "hold": False} in copy["problems"]
    (report,) = await store.reports.list()
    assert report.state is ReportState.QUEUED


async def test_what_waits_for_a_patient_at_one_destination_leaves_by_a_person(store: Store) -> None:
    other = EhrRoute("other", DESTINATION_PROFILES["oru-2.5.1"], hold_without_patient=False)
    bench = Bench(store, None, other)
    await bench.take(result(b"S1", b"5.50", patient=b""))
    (parked,) = await store.outbox.list("ehr")
    await store.outbox.resend(parked, actor="ada")
    (due,) = await store.outbox.due("ehr", 10, NOW)
    assert (due.id, due.control_id) == (parked.id, parked.control_id)


async def test_a_patient_named_later_takes_the_place_of_what_waited(store: Store) -> None:
    other = EhrRoute("other", DESTINATION_PROFILES["oru-2.5.1"], hold_without_patient=False)
    bench = Bench(store, None, other)
    await bench.take(result(b"S1", b"5.50", patient=b""), result(b"S1", b"5.50"))
    (due,) = await store.outbox.due("ehr", 10, NOW)
    assert b"|MRN1|" in due.body
    new, old = await store.outbox.list("ehr")
    assert (new.id, new.revision) == (due.id, 2)
    assert (old.state, old.answer) == (MessageState.CANCELLED, "replaced by revision 2")


async def test_controls_and_patients_are_not_stopped_by_it(store: Store) -> None:
    bench = Bench(store)
    await bench.take(result(b"S1", b"5.50"), result(b"QC01", b"5.50", patient=b""))
    assert await store.holds.list() == []
    assert [entry.lane for entry in await store.outbox.list("ehr")] == ["S1"]


async def test_a_control_names_no_patient_on_mqtt(store: Store) -> None:
    bench = Bench(store, None)
    await bench.take(result(b"QC01", b"5.50", patient=b"LEVEL-1"))
    (copy,) = await store.outbox.due("events", 10, NOW)
    assert copy.meta["content"] == "qc"
    body = json.loads(copy.body)
    assert body["kind"] == "qc"
    assert body["patient"] == {"ids": [], "name": None, "birth_date": None, "sex": None}


async def test_a_mistake_of_ours_holds_the_bytes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(store)

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("MRN1")

    monkeypatch.setattr("gateway.intake.interpreter.read_transmission", fails)
    await bench.take(result(b"S1", b"5.50"))
    monkeypatch.undo()
    (hold,) = await store.holds.list()
    assert [problem.code.value for problem in hold.problems] == ["unreadable"]
    await bench.take(result(b"S2", b"6.50"))
    assert [entry.lane for entry in await store.outbox.due("ehr", 10, NOW)] == ["S2"]


async def test_a_stop_does_not_wait_for_a_backlog_and_the_next_start_files_it(
    tmp_path: Path,
) -> None:
    from gateway.protocols.astm import split_frames

    store = await Store.open(tmp_path, clock=lambda: NOW)
    bench = Bench(store)
    for number in range(1, 31):
        payload = result(b"S%d" % number, b"5.50")
        transmission = store.open_transmission("bench", "astm", "peer")
        records = [line + b"\r" for line in payload.split(b"\r")[:-1]]
        for frame in split_frames(records):
            store.append(transmission, frame.removesuffix(b"\r\n"), _must_succeed)
        bench.intake.complete(Arrival(transmission, ("bench",), "astm", payload, True, "peer"))
    await bench.intake.ended(0)
    await store.aclose()
    again = await Store.open(tmp_path, clock=lambda: NOW)
    try:
        left = await Bench(again).intake.recover()
        due = await again.outbox.due("ehr", 100, NOW)
        assert left > 0
        assert sorted(int((entry.lane or "")[1:]) for entry in due) == list(range(1, 31))
    finally:
        await again.aclose()


async def test_what_a_crash_left_is_filed_or_kept_as_evidence(tmp_path: Path) -> None:
    from gateway.protocols.astm import split_frames

    store = await Store.open(tmp_path, clock=lambda: NOW)
    records = [line + b"\r" for line in result(b"S1", b"5.50").split(b"\r")[:-1]]
    frames = [frame.removesuffix(b"\r\n") for frame in split_frames(records)]
    for entries in (frames, frames[:-1]):
        number = store.open_transmission("bench", "astm", "peer")
        for entry in entries:
            store.append(number, entry, _must_succeed)
    await store.aclose()
    again = await Store.open(tmp_path, clock=lambda: NOW)
    try:
        bench = Bench(again)
        with bench.notices.watched_by(bench.seen.append):
            assert await bench.intake.recover() == 2
        filed = [p.notice for p in bench.seen if isinstance(p.notice, ReportFiled)]
        assert len(filed) == 1
        (report,) = await again.reports.list()
        assert report.state is ReportState.QUEUED
        assert again.unfinished() == []
        (books,) = await again.books.between(
            datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
        )
        assert (books.received, books.incomplete, books.balanced) == (1, 1, True)
    finally:
        await again.aclose()


async def test_a_parked_message_is_cancelled_and_its_lane_goes_on(store: Store) -> None:
    other = EhrRoute("other", DESTINATION_PROFILES["oru-2.5.1"], hold_without_patient=False)
    bench = Bench(store, None, other)
    await bench.take(result(b"S1", b"5.50", patient=b""))
    (parked,) = await store.outbox.list("ehr")
    await store.outbox.cancel(parked, "ada", "sent by fax")
    await bench.take(result(b"S1", b"6.50"))
    assert len(await store.outbox.due("ehr", 10, NOW)) == 1
    assert [entry.action for entry in await store.audit.list()] == ["cancel"]
