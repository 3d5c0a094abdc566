"""When a forwarder asks for commitment, with an archive whose every move the test decides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from services_site import Site, now, site
from stills import still

from gateway.archive import Instance
from gateway.delivery.dicom import DicomForwarder, ForwardOptions
from gateway.imaging.commitment import Request
from gateway.imaging.forwarding import Forwardings
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
