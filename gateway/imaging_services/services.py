"""The services around images, from the configuration: worklist, performed procedure steps,
commitment, query/retrieve, and a forwarder for each PACS.

``providers`` go to the node, ``forwarders`` to couriers, ``runs`` to supervisors; ``units`` are the
archives that may call us with their commitment reports; ``stored`` is to be called whenever
the archive has filed an instance.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway import logs
from gateway.archive import Archive
from gateway.config import Configuration, DicomSection
from gateway.delivery.dicom import QUIET, DicomForwarder, ForwardOptions
from gateway.drivers.dicom import Blocks, Provider, Routing, Unit
from gateway.drivers.dicom.services.commitment import StorageCommitment
from gateway.drivers.dicom.services.commitment_report import CommitmentReports
from gateway.drivers.dicom.services.procedure_step import PerformedProcedureStep
from gateway.drivers.dicom.services.reporter import Reporter
from gateway.drivers.dicom.services.retrieve import Retrieve
from gateway.drivers.dicom.services.storage_user import StorageUser
from gateway.drivers.dicom.services.transcoder import Transcoder
from gateway.drivers.dicom.services.worklist import View, Worklist
from gateway.imaging.commitments import Commitments
from gateway.imaging.forwarding import Forwardings
from gateway.imaging.inspection import Inspector
from gateway.imaging.outgoing import Outgoing
from gateway.imaging.procedure_step import Effect
from gateway.imaging.procedure_steps import ProcedureSteps
from gateway.imaging.worklist import Sources, WorklistSource
from gateway.imaging.worklist_file import WorklistFile
from gateway.imaging_services.addresses import Addresses
from gateway.imaging_services.ordered import OrderedProcedures
from gateway.imaging_services.peers import archives, calling, commits, named, remotes
from gateway.imaging_services.performed import PerformedOrders
from gateway.notices import Heard, Posted
from gateway.rendering.process import Renderer
from gateway.store import Store


@dataclass(frozen=True, slots=True)
class ImagingServices:
    """What is to be plugged in.  ``ordered`` is to be called when orders came or changed,
    ``heard`` with every notice."""

    providers: tuple[Provider, ...]
    forwarders: Mapping[str, DicomForwarder]
    units: Mapping[str, Unit]
    runs: Mapping[str, Callable[[], Awaitable[None]]]
    steps: ProcedureSteps
    commitments: Commitments
    forwardings: Forwardings
    ordered: Callable[[], None]
    called: Callable[[str], None]

    def stored(self) -> None:
        """The archive has something new."""
        for forwarder in self.forwarders.values():
            forwarder.stored()

    def heard(self, posted: Posted) -> None:
        """A device called, among other things."""
        if isinstance(posted.notice, Heard):
            self.called(posted.notice.device)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the parts need of the world.  ``stepped``: a performed procedure step changed.
    ``forward_quiet``: seconds without anything to send before commitment is asked for."""

    clock: Callable[[], datetime]
    random: Callable[[], float]
    stepped: Callable[[str, Effect], None] = lambda _uid, _effect: None
    report_first: float = 10.0
    forward_quiet: float = QUIET


def new_uid() -> str:
    """A UID derived from a UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


async def imaging_services(
    configuration: Configuration,
    section: DicomSection,
    store: Store,
    archive: Archive,
    world: Surroundings,
    *,
    sources: Sequence[WorklistSource] = (),
) -> ImagingServices:
    """Before the node listens.  ConfigurationError when TLS files cannot be used."""
    steps = ProcedureSteps(store.engine)
    commitments = Commitments(store.engine)
    forwardings = Forwardings(store.engine)
    outgoing = Outgoing(archive, store.engine, Renderer())
    transcoder = Transcoder(archive, outgoing)
    performed = PerformedOrders(store)

    def stepped(uid: str, effect: Effect) -> None:
        performed.stepped(uid, effect)
        world.stepped(uid, effect)

    reporter = _reporter(configuration, section, archive, commitments, world)
    reports = CommitmentReports(forwardings, store.outbox.announce)
    if configuration.orders is not None:
        zone = ZoneInfo(configuration.gateway.timezone)
        sources = (*sources, OrderedProcedures(store, world.clock, zone))
    views = {
        name: View(device.character_set, filtered=device.worklist_rows == "own")
        for name, device in configuration.ultrasounds.items()
    }
    called, pacs = remotes(configuration), archives(configuration)
    addresses = Addresses(named(pacs))
    providers: tuple[Provider, ...] = (
        Worklist(Sources((*_files(section), *sources)), views),
        PerformedProcedureStep(steps, make_uid=new_uid, changed=stepped),
        StorageCommitment(commitments, reporter),
        reports,
        Retrieve(
            archive,
            transcoder,
            ae_title=section.ae_title,
            peers={remote.ae_title: remote for remote in (*called.values(), *pacs.values())},
            views=views,
        ),
    )
    for name, remote in pacs.items():
        await forwardings.begin(name, remote.ae_title)
    answering = Routing((reports,), None, Blocks(0))
    users = {
        name: StorageUser(
            remote,
            section.ae_title,
            transcoder,
            routing=answering,
            commitment=commits(configuration, name),
        )
        for name, remote in pacs.items()
    }
    forwarders = {
        name: _forwarder(name, configuration, user, store, archive, forwardings, world)
        for name, user in users.items()
    }
    units = {name: calling(name, remote, addresses) for name, remote in pacs.items()}
    runs = {"commitment reports": reporter.run, "performed steps": performed.run}
    if named(pacs):
        runs["archives' addresses"] = addresses.run
    return ImagingServices(
        providers,
        forwarders,
        units,
        runs,
        steps,
        commitments,
        forwardings,
        performed.ordered,
        reporter.called,
    )


def _files(section: DicomSection) -> list[WorklistSource]:
    return [] if section.worklist is None else [WorklistFile(section.worklist, _complain)]


def _complain(mistake: str) -> None:
    logs.get().warning("worklist.mistake", detail=mistake)


def _reporter(
    configuration: Configuration,
    section: DicomSection,
    archive: Archive,
    commitments: Commitments,
    world: Surroundings,
) -> Reporter:
    ultrasounds = configuration.ultrasounds
    return Reporter(
        commitments,
        Inspector(archive).reason,
        ae_title=section.ae_title,
        ports={n: d.port for n, d in ultrasounds.items() if d.port is not None},
        clock=world.clock,
        random=world.random,
        first=world.report_first,
    )


def _forwarder(
    name: str,
    configuration: Configuration,
    user: StorageUser,
    store: Store,
    archive: Archive,
    forwardings: Forwardings,
    world: Surroundings,
) -> DicomForwarder:
    devices = configuration.destinations[name].devices
    return DicomForwarder(
        name,
        user,
        archive,
        forwardings,
        ForwardOptions(
            commitment=commits(configuration, name),
            quiet=world.forward_quiet,
            devices=devices,
        ),
        clock=world.clock,
        make_uid=new_uid,
        queued=store.outbox.announce,
    )
