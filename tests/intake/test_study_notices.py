"""EHRs hear of a study once each time: when it is quiet, when it grows, when it was not theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.intake import EhrRoute, Router, Sender
from gateway.intake.study_notices import StudyNotices
from gateway.messages import DESTINATION_PROFILES, Envelope, NotEncodable, Obstacle
from gateway.messages.study import StudyNotice, check_study, encode_study
from gateway.orders import patients, placing
from gateway.orders.model import Identifier, ImagingStep, OrderData, Person
from gateway.protocols.hl7 import Message, read
from gateway.report import Patient, PatientId
from gateway.store import Store
from gateway.store.moments import to_micros

ZONE = ZoneInfo("Europe/Berlin")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Department:
    store: Store
    clock: Clock
    notices: StudyNotices

    async def run(self, statement: str, *bindings: Any) -> None:
        await self.store.engine.write(lambda c: c.execute(statement, bindings).get)

    async def order(self, placer: str, number: str, name: str = "DOE^JANE") -> int:
        step = ImagingStep(f"S{placer}", f"ACC{placer}", f"RP{placer}")
        data = OrderData(placer, "EHR", "US-THYROID", imaging=(step,))
        person = Person((Identifier(number, "EHR", "MR"),), name, "1970-01-01", "F")

        def operation(connection: Any) -> int:
            owner = patients.register(connection, person, to_micros(self.clock()))
            return placing.place(connection, data, owner, 1, self.clock(), timedelta(days=30))

        return await self.store.engine.write(operation)

    async def study(self, uid: str = "1.2.3", images: int = 2) -> None:
        now = to_micros(self.clock())
        await self.run(
            "INSERT INTO studies (uid, device, patient_id, issuer, patient_name, birth_date, sex, "
            "accession, study_id, study_date, study_time, description, referring, first_at, "
            "changed_at, instances) VALUES (?, 'us', '', '', '', '', '', '', '', '20260105', "
            "'101500.25', '', '', ?, ?, ?)",
            *(uid, now, now, images),
        )

    async def link(self, order: int | None, uid: str = "1.2.3") -> None:
        await self.run(
            "UPDATE studies SET match_state = ?, match_order = ?, matched_at = ? WHERE uid = ?",
            "unmatched" if order is None else "matched",
            None if order is None else str(order),
            to_micros(self.clock()),
            uid,
        )

    async def images(self, count: int, uid: str = "1.2.3") -> None:
        now = to_micros(self.clock())
        await self.run(
            "UPDATE studies SET instances = ?, changed_at = ? WHERE uid = ?", count, now, uid
        )

    async def told(self, destination: str = "ehr") -> list[Message]:
        """New messages, in their order."""
        await self.notices.look()
        entries = await self.store.outbox.due(destination, 100, self.clock())
        for entry in entries:
            await self.store.outbox.mark_delivered(entry, "AA")
        return [read(entry.body.decode()) for entry in entries]


@asynccontextmanager
async def department(
    folder: Path, *routes: EhrRoute, begins: bool = True
) -> AsyncIterator[Department]:
    clock = Clock()
    store = await Store.open(folder, clock=clock)
    try:
        every = routes or (EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"], studies=True),)
        router = Router(
            every, Sender("GATEWAY", "clinic"), store.site_key, lambda: clock().astimezone(ZONE)
        )
        page = "https://gateway.example/a&b/s/{}".format
        made = Department(store, clock, StudyNotices(store, router, clock, page=page))
        if begins:
            await made.notices.begin()
        yield made
    finally:
        await store.aclose()


async def test_a_quiet_study_is_told_of_once(tmp_path: Path) -> None:
    async with department(tmp_path) as clinic:
        order = await clinic.order("A1", "MRN1")
        await clinic.study()
        assert await clinic.told() == []
        await clinic.link(order)
        clinic.clock.later(seconds=100)
        assert await clinic.told() == []
        clinic.clock.later(seconds=100)
        [message] = await clinic.told()
        assert [message.at(place) for place in ("PID-3", "OBR-2", "OBR-18", "OBR-24")] == [
            "MRN1",
            "A1",
            "ACCA1",
            "RUS",
        ]
        assert message.at("OBR-7") == "20260105101500+0100"
        assert [message.at(f"OBX(1)-{n}") for n in (2, 3, 5, 11)] == ["ST", "113014", "1.2.3", "O"]
        assert message.at("OBX(2)-5") == "2"
        assert message.at("ORC-5") == "CM"
        clinic.clock.later(hours=1)
        assert await clinic.told() == []


async def test_a_completed_step_is_enough(tmp_path: Path) -> None:
    async with department(tmp_path) as clinic:
        await clinic.study()
        await clinic.link(await clinic.order("A1", "MRN1"))
        await clinic.run(
            "INSERT INTO procedure_steps (uid, calling, status, study_uid, accession, patient_id, "
            "started_at, changed_at, content) VALUES ('2.25.1', '', 'COMPLETED', '1.2.3', '', '', "
            "0, 0, '{}')"
        )
        assert await clinic.told() == []
        clinic.clock.later(seconds=11)
        assert len(await clinic.told()) == 1


async def test_more_images_are_told_under_the_same_number(tmp_path: Path) -> None:
    async with department(tmp_path) as clinic:
        await clinic.study()
        await clinic.link(await clinic.order("A1", "MRN1"))
        clinic.clock.later(minutes=4)
        [first] = await clinic.told()
        await clinic.images(5)
        assert await clinic.told() == []
        clinic.clock.later(minutes=4)
        [second] = await clinic.told()
        assert second.at("OBX(2)-5") == "5"
        assert second.at("OBR-3") == first.at("OBR-3")
        assert second.control_id != first.control_id


async def test_a_study_that_was_another_s_is_taken_back_there(tmp_path: Path) -> None:
    async with department(tmp_path) as clinic:
        first, other = await clinic.order("A1", "MRN1"), await clinic.order("B1", "MRN2")
        await clinic.study()
        await clinic.link(first)
        clinic.clock.later(minutes=4)
        [told] = await clinic.told()
        await clinic.link(other)
        back, again = await clinic.told()
        assert (back.at("PID-3"), back.at("OBX(1)-11"), back.at("OBR-3")) == (
            "MRN1",
            "W",
            told.at("OBR-3"),
        )
        assert (again.at("PID-3"), again.at("OBX(1)-11")) == ("MRN2", "O")
        assert again.at("OBR-3") != told.at("OBR-3")
        await clinic.link(None)
        [back] = await clinic.told()
        assert (back.at("PID-3"), back.at("OBX(1)-11")) == ("MRN2", "W")
        assert await clinic.told() == []
        await clinic.link(first)
        [once_more] = await clinic.told()
        assert (once_more.at("PID-3"), once_more.at("OBX(1)-11")) == ("MRN1", "O")


async def test_what_was_there_before_and_other_devices_are_not_told(tmp_path: Path) -> None:
    profile = DESTINATION_PROFILES["oru-2.5.1"]
    only = EhrRoute("ehr", profile, frozenset({"us"}), studies=True)
    others = EhrRoute("other", profile, frozenset({"us-2"}), studies=True)
    async with department(tmp_path, only, others, begins=False) as clinic:
        order = await clinic.order("A1", "MRN1")
        await clinic.study("1.2.1")
        for _ in range(2):  # each start
            await clinic.notices.begin()
        await clinic.study("1.2.2")
        await clinic.link(order, "1.2.1")
        await clinic.link(order, "1.2.2")
        clinic.clock.later(minutes=4)
        [message] = await clinic.told()
        assert message.at("OBX(1)-5") == "1.2.2"
        assert await clinic.told("other") == []


async def test_what_cannot_be_written_is_not_sent_and_stands_in_the_audit_trail(
    tmp_path: Path,
) -> None:
    latin = EhrRoute("ehr", DESTINATION_PROFILES["oru-2.3"], studies=True)
    async with department(tmp_path, latin) as clinic:
        await clinic.study()
        await clinic.link(await clinic.order("A1", "MRN1", "Жуков^Дмитрий"))
        clinic.clock.later(minutes=4)
        assert await clinic.told() == []
        entries = await clinic.store.audit.list()
        assert [e.action for e in entries] == ["study not told"]
        assert await clinic.told() == []
        assert len(await clinic.store.audit.list()) == 1


async def test_an_ehr_that_wants_it_gets_a_link_to_the_page(tmp_path: Path) -> None:
    profile = DESTINATION_PROFILES["oru-2.5.1"]
    wants = EhrRoute("ehr", profile, studies=True, study_page=True)
    async with department(tmp_path, wants, EhrRoute("other", profile, studies=True)) as clinic:
        order = await clinic.order("A1", "MRN1")
        await clinic.study()
        await clinic.link(order)
        clinic.clock.later(minutes=4)
        [message] = await clinic.told()
        observations = message.all("OBX")
        assert [message.at(f"OBX(3)-{n}") for n in (2, 3, 11)] == ["RP", "GWLINK", "O"]
        address = "https://gateway.example/a&b/s/1"
        assert observations[2].components(5) == (address, "GATEWAY", "TEXT", "HTML")
        [plain] = await clinic.told("other")
        assert len(plain.all("OBX")) == 2
        await clinic.link(None)
        [taken] = await clinic.told()
        assert [line.at(11) for line in taken.all("OBX")] == ["W", "W"]


def test_a_message_that_says_something_else_is_caught() -> None:
    profile = DESTINATION_PROFILES["oru-2.5.1"]
    at = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    patient = Patient((PatientId("MRN|1", "PID.3"),), "DOE^JANE")
    notice = StudyNotice("1.2.3", "ACC1", "F1", patient, 2, at, page="https://g.example/s/1")
    envelope = Envelope("C1", at)
    message = encode_study(notice, envelope, profile)
    check_study(message, notice, envelope, profile)
    for wrong, right in (
        (b"|1.2.3|", b"|1.2.4|"),
        (b"MRN", b"MRX"),
        (b"|2|{", b"|3|{"),
        (b"/s/1", b"/s/2"),
    ):
        with pytest.raises(NotEncodable, match="different"):
            check_study(message.replace(wrong, right), notice, envelope, profile)
    with pytest.raises(NotEncodable) as caught:
        encode_study(StudyNotice("1.2.3", "", "F1", Patient(), 2, at), envelope, profile)
    assert caught.value.obstacle is Obstacle.PATIENT_REQUIRED
