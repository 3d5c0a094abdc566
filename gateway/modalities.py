"""The imaging side, from the configuration: the archive and the node in front of it."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.archive import Archive, Filed, Instance, StudyNews, Verdict
from gateway.archive.news import UNKNOWN
from gateway.archive.sweep import Pace, Sweep
from gateway.archive.walks import Walks
from gateway.config import Configuration, DicomDestination, DicomSection, MqttDestination
from gateway.drivers.dicom import Blocks, Callers, Node, Provider, Routing, Storage, Unit
from gateway.drivers.dicom.verification import Verification
from gateway.errors import ConfigurationError, StreamUnavailable, said
from gateway.imaging.retention import Keeping, Retention
from gateway.imaging.worklist import WorklistSource
from gateway.imaging_services import ImagingServices, Surroundings, imaging_services
from gateway.notices import ImageDamaged, Noticeboard, PurgeFailed
from gateway.protocols.dicom import Settings, Timers
from gateway.starting import whole
from gateway.store import SpacePolicy, Store
from gateway.supervision import supervise

_FOLDER = "archive"
_ARTIM = 15.0


@dataclass(frozen=True, slots=True)
class Modalities:
    """The running parts."""

    archive: Archive
    node: Node
    news: StudyNews
    services: ImagingServices
    port: int


@asynccontextmanager
async def modalities(
    configuration: Configuration,
    section: DicomSection,
    store: Store,
    *,
    notices: Noticeboard,
    clock: Callable[[], datetime],
    providers: Sequence[Provider] = (),
    worklists: Sequence[WorklistSource] = (),
    space: SpacePolicy | None = None,
    randomness: Callable[[], float] = random.random,
) -> AsyncIterator[Modalities]:
    """Listening until the block ends.  GatewayError when archive or listener cannot be opened."""
    folder = section.archive_dir or configuration.gateway.data_dir / _FOLDER
    async with AsyncExitStack() as stack:
        opening = Archive.open(
            folder,
            store,
            clock=clock,
            token=lambda: secrets.token_hex(16),
            space=space or SpacePolicy(),
            sender=senders(configuration).get,
        )
        archive = await whole(opening, Archive.aclose)
        stack.push_async_callback(archive.aclose)
        news = StudyNews(store, outlets(configuration), post=notices.post, clock=clock)
        await _kept_running(stack, "study news", news.run)
        world = Surroundings(clock, randomness)
        services = await imaging_services(
            configuration, section, store, archive, world, sources=worklists
        )
        stack.enter_context(notices.watched_by(services.heard))
        for name, run in services.runs.items():
            await _kept_running(stack, name, run)
        storage = Storage(
            archive,
            post=notices.post,
            refuse_conflicts=refuses_conflicts(section),
            filed=lambda filed: _tell(news, services, filed),
        )
        for name, run in _upkeep(configuration, section, archive, notices, clock).items():
            await _kept_running(stack, name, run)
        # What was given counts before what is built in.
        answering = (Verification(), *services.providers, *providers)
        routing = Routing(answering, storage, Blocks())
        callers = Callers(
            {**units(configuration), **services.units},
            routing.policy,
            echo_only=admits_echo(section),
            clock=clock,
        )
        node = Node(
            routing,
            callers,
            settings=node_settings(section),
            limit=section.associations,
            post=notices.post,
            tls=server_context(section),
        )
        stack.push_async_callback(node.aclose)
        port = await _listening(node, section.listen)
        yield Modalities(archive, node, news, services, port)


def _upkeep(
    configuration: Configuration,
    section: DicomSection,
    archive: Archive,
    notices: Noticeboard,
    clock: Callable[[], datetime],
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What looks after the archive: the sweep, and forgetting what others keep."""
    walks = Walks(archive.engine)
    found: dict[str, Callable[[], Awaitable[None]]] = {}
    if section.sweep_days > 0:
        pace = Pace(timedelta(days=section.sweep_days), section.sweep_megabytes * 1e6)

        def damaged(instance: Instance) -> None:
            notices.post(ImageDamaged(instance.device or UNKNOWN, instance.uid))

        found["image sweep"] = Sweep(archive, walks, pace, clock=clock, damaged=damaged).run
    if section.keep_days is not None:
        keeping = _keeping(configuration, timedelta(days=section.keep_days))

        def failed(reason: str) -> None:
            notices.post(PurgeFailed(reason))

        found["retention"] = Retention(archive, walks, keeping, clock=clock, failed=failed).run
    return found


def _keeping(configuration: Configuration, after: timedelta) -> Keeping:
    archives = {
        name: destination
        for name, destination in configuration.destinations.items()
        if isinstance(destination, DicomDestination)
    }
    promising = tuple(name for name, destination in archives.items() if destination.commitment)
    return Keeping(after, promising, tuple(archives))


def node_settings(section: DicomSection) -> Settings:
    """What the node announces and puts up with."""
    return Settings(timers=Timers(artim=_ARTIM, idle=section.idle_minutes * 60))


def refuses_conflicts(section: DicomSection) -> bool:
    """Whether other bytes under a known UID are answered as a failure."""
    return section.duplicate_conflict == "refuse"


def admits_echo(section: DicomSection) -> bool:
    """Whether a caller in no section may at least verify the connection."""
    return section.unknown_callers == "echo-only"


def outlets(configuration: Configuration) -> Callable[[str], Sequence[str]]:
    """Which brokers hear of a device's studies."""
    brokers = {
        name: section.devices
        for name, section in configuration.destinations.items()
        if isinstance(section, MqttDestination)
    }
    return lambda device: [n for n, only in brokers.items() if only is None or device in only]


def _tell(news: StudyNews, services: ImagingServices, filed: Filed) -> None:
    if filed.verdict is Verdict.STORED and filed.study is not None:
        news.changed(filed.study)
        services.stored()


async def _kept_running(
    stack: AsyncExitStack, name: str, run: Callable[[], Awaitable[None]]
) -> None:
    """A supervised task that ends with the stack."""
    task = asyncio.create_task(supervise(name, run))

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)


def units(configuration: Configuration) -> dict[str, Unit]:
    """Who may call."""
    return {
        name: Unit(
            name,
            device.ae_title,
            ipaddress.ip_network(device.address, strict=False),
            device.private_classes,
        )
        for name, device in configuration.ultrasounds.items()
    }


def senders(configuration: Configuration) -> dict[str, str]:
    """Devices by the AE title that only they have."""
    found: dict[str, list[str]] = {}
    for name, device in configuration.ultrasounds.items():
        found.setdefault(device.ae_title, []).append(name)
    return {title: names[0] for title, names in found.items() if len(names) == 1}


def server_context(section: DicomSection) -> ssl.SSLContext | None:
    """TLS when the section names a certificate; the units' too when it names their CA."""
    if section.certificate_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(section.certificate_file, section.key_file)
        if section.client_ca_file is not None:
            context.load_verify_locations(section.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        text = f"dicom: the TLS files cannot be used ({error.strerror or type(error).__name__})"
        raise ConfigurationError([text]) from None
    return context


async def _listening(node: Node, listen: str) -> int:
    host, _, port = listen.rpartition(":")
    try:
        return await node.start(host.strip("[]"), int(port))
    except OSError as error:
        why = said(error)
        raise StreamUnavailable(f"dicom: cannot listen on {listen} ({why})") from error
