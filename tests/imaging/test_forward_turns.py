"""When a forwarder asks for commitment, with an archive whose every move the test decides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from services_site import Site, now, site
from stills import still

from gateway.archive import Instance
from gateway.delivery.base import Backoff, Patience
from gateway.delivery.courier import Courier
from gateway.delivery.dicom import DicomForwarder, ForwardOptions
from gateway.errors import StoreFull
from gateway.imaging.commitment import Request
from gateway.imaging.forwarding import Forwardings
from gateway.notices import Delivered, Noticeboard, Posted
from gateway.store import OutboxEntry

EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 0
    transfer_syntax: str = EXPLICIT
    correction: int | None = None


@dataclass(slots=True)
class Archive:
    """Takes an instance when ``finish`` is set; the first request for commitment is kept."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    finish: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Queue[Request] = field(default_factory=asyncio.Queue)

    async def open(self) -> None: ...

    async def release(self) -> None: ...

    async def store(self, instance: Instance) -> Answer:
        self.begun.set()
        await self.finish.wait()
        return Answer()

    async def request_commitment(self, request: Request) -> None:
        self.asked.put_nowait(request)


def forwarder(clinic: Site, pacs: Archive, forwardings: Forwardings) -> DicomForwarder:
    return DicomForwarder(
        "pacs",
        pacs,
        clinic.archive,
        forwardings,
        ForwardOptions(commitment=True, quiet=0.0),
        clock=now,
        make_uid=lambda: "2.25.77",
        queued=lambda _: None,
    )


async def queued(clinic: Site, forwardings: Forwardings) -> OutboxEntry:
    await forwardings.begin("pacs")
    await clinic.keep(still(1).data_set, still(1).uid)
    await forwardings.feed("pacs")
    [entry] = await clinic.store.outbox.due("pacs", 10, now())
    return entry


async def test_an_instance_that_takes_longer_than_the_quiet_is_asked_for_at_once(
    tmp_path: Path,
) -> None:
    """A cine over a slow line: whoever waits to ask has been waiting for the line since."""
    async with site(tmp_path) as clinic:
        pacs, forwardings = Archive(), Forwardings(clinic.store.engine)
        ours = forwarder(clinic, pacs, forwardings)
        entry = await queued(clinic, forwardings)
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(ours.serve(lambda _: None))
            delivery = tasks.create_task(ours.deliver(entry))
            await pacs.begun.wait()
            for _ in range(100):  # turns of the loop: the quiet is over long before the end
                await asyncio.sleep(0)
            pacs.finish.set()
            assert (await delivery).answer == "0000"
            request = await pacs.asked.get()
            serving.cancel()
        assert [one.uid for one in request.references] == [still(1).uid]


async def test_a_clock_that_was_put_back_does_not_put_off_asking_again(tmp_path: Path) -> None:
    moment = now()
    async with site(tmp_path, clock=lambda: moment) as clinic:
        forwardings = Forwardings(clinic.store.engine)
        await queued(clinic, forwardings)
        instance = await clinic.archive.index.instance(still(1).uid)
        assert instance is not None
        await forwardings.sent("pacs", instance.id, EXPLICIT, None)
        (reference,) = await forwardings.uncommitted("pacs", moment)
        await forwardings.asked("pacs", Request("2.25.77", (reference,)))
        assert await forwardings.uncommitted("pacs", moment - timedelta(hours=1)) == ()
        moment -= timedelta(days=1)
        again = await forwardings.uncommitted("pacs", moment - timedelta(hours=1))
        assert again == (reference,)


async def test_an_archive_that_does_not_answer_is_asked_less_and_less_often(tmp_path: Path) -> None:
    moment = began = now()
    async with site(tmp_path, clock=lambda: moment) as clinic:
        forwardings = Forwardings(clinic.store.engine)
        await queued(clinic, forwardings)
        instance = await clinic.archive.index.instance(still(1).uid)
        assert instance is not None
        await forwardings.sent("pacs", instance.id, EXPLICIT, None)
        asked_at = []
        for quarter in range(4 * 24 * 6):
            moment = began + timedelta(minutes=15 * quarter)
            due = await forwardings.uncommitted("pacs", moment - timedelta(hours=1))
            if due:
                await forwardings.asked("pacs", Request(f"2.25.{quarter}", due))
                asked_at.append(quarter / 4)
        assert asked_at == [0, 1, 3, 7, 15, 31, 56, 81, 106, 131]
        moment += timedelta(days=40)
        [reference] = await forwardings.uncommitted("pacs", moment - timedelta(hours=1))
        await forwardings.asked("pacs", Request("2.25.9999", (reference,)))
        kept = "SELECT transaction_uid FROM commitment_requests"
        rows = await clinic.store.engine.read(lambda c: c.execute(kept).fetchall())
        assert rows == [("2.25.9999",)]


class Unwritable(Forwardings):
    """The disk is full when the first instance has been sent."""

    failures = 1

    async def sent(self, *what: Any) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreFull("no room left")
        await super().sent(*what)


async def test_an_image_that_was_sent_while_the_disk_was_full_is_sent_again_by_itself(
    tmp_path: Path,
) -> None:
    """Parked, it would have waited for a person although nothing is wrong with it."""
    notices, outcomes = Noticeboard(now), asyncio.Queue[Posted]()
    async with site(tmp_path) as clinic:
        pacs, forwardings = Archive(), Unwritable(clinic.store.engine)
        pacs.finish.set()
        await queued(clinic, forwardings)
        courier = Courier(
            "pacs",
            clinic.store.outbox,
            forwarder(clinic, pacs, forwardings),
            clock=now,
            random=lambda: 0.0,
            notices=notices,
            patience=Patience(backoff=Backoff(0.0, 0.0)),
        )
        with notices.watched_by(outcomes.put_nowait):
            running = asyncio.create_task(courier.run())
            async with asyncio.timeout(10):
                while not isinstance((await outcomes.get()).notice, Delivered):
                    pass
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        (forwarded,) = await forwardings.of(still(1).uid)
        assert forwarded.destination == "pacs"
