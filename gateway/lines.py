"""The device side, from the configuration: one kept-open pipe for each stream.

Devices that share a listener share a line: the caller's address narrows down who it may be, the
header decides (``gateway.intake.attribution``).
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from gateway.config import Configuration, DeviceSection
from gateway.drivers import (
    AskingLink,
    AstmLink,
    DeviceLink,
    FolderLink,
    Hl7AskingLink,
    Hl7Link,
    Lis3Link,
    Noise,
    Poct1aLink,
    RecordingLink,
    Site,
    TextLink,
)
from gateway.drivers.poct1a import Lists
from gateway.intake import Intake
from gateway.notices import LinkChanged, LinkState, NoiseAlarm, Noticeboard
from gateway.orders.downloads import Downloads
from gateway.orders.rosters import Rosters
from gateway.orders.worklists import Worklists
from gateway.profiles import AnalyzerProfile, Protocol, catalogue
from gateway.profiles.text_views import LIS3, framing
from gateway.protocols.astm import Dialect, Framing
from gateway.protocols.hl7device import Dialect as Hl7Dialect
from gateway.protocols.tables import looks_whole
from gateway.store import Store
from gateway.supervision import supervise
from gateway.transports import (
    Admission,
    Folder,
    Peer,
    PeerRefused,
    TcpListen,
    configured,
    maintain,
)
from gateway.transports.budget import Budget
from gateway.transports.inbox import Inbox
from gateway.transports.tape import Tape


class Lines:
    """All lines; ``open`` returns when every listener listens or has found its port taken; a line
    that dials may take time."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        intake: Intake,
        notices: Noticeboard,
        worklists: Worklists | None = None,
        downloads: Downloads | None = None,
        tapes: Mapping[str, Tape] | None = None,
        rosters: Rosters | None = None,
    ) -> None:
        self._rosters = rosters
        self._lists_of: dict[str, Lists] = {}
        self._tapes = tapes or {}
        self._worklists = worklists
        self._downloads = downloads
        self._configuration = configuration
        self._store = store
        self._intake = intake
        self._notices = notices
        self._profiles = catalogue()
        self.listening: dict[str, TcpListen] = {}
        self._closed: set[str] = set()
        self._budget = Budget()
        self._all_open = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        streams: dict[str, dict[str, DeviceSection]] = {}
        for name, device in self._configuration.analyzers.items():
            streams.setdefault(device.stream, {})[name] = device
        opened: list[asyncio.Future[None]] = []
        tasks = [self._begin(stream, devices, opened) for stream, devices in streams.items()]
        self._reconsider()
        try:
            await asyncio.gather(*opened)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def all_listening(self) -> None:
        """Every listener is open: those whose port somebody else has are tried again for ever."""
        await self._all_open.wait()

    def _reconsider(self) -> None:
        if not self._closed:
            self._all_open.set()

    def _begin(
        self,
        stream: str,
        devices: dict[str, DeviceSection],
        opened: list[asyncio.Future[None]],
    ) -> asyncio.Task[None]:
        address = configured(stream)
        line = "+".join(devices)
        if isinstance(address, Folder):
            return self._watch(address, line, devices)
        listening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if isinstance(address, TcpListen):
            opened.append(listening)
            self._closed.add(line)

        def observe(state: LinkState, text: str) -> None:
            for name in devices:
                self._notices.post(LinkChanged(name, state, text))
            if state is LinkState.FAILED and not listening.done():
                listening.set_result(None)

        def now_listening(where: TcpListen) -> None:
            for name in devices:
                self.listening[name] = where
            self._closed.discard(line)
            self._reconsider()
            if not listening.done():
                listening.set_result(None)

        noise = Noise(min(device.noise_limit for device in devices.values()))
        factory = self._factory(devices, noise)
        return asyncio.create_task(
            supervise(
                f"line {line}",
                lambda: maintain(
                    address,
                    factory,
                    observe=observe,
                    admission=Admission.many(_replaceable),
                    damaged=lambda _, count: self._damaged(devices, noise, count),
                    listening=now_listening,
                ),
            )
        )

    def _watch(
        self, folder: Folder, line: str, devices: dict[str, DeviceSection]
    ) -> asyncio.Task[None]:
        """A folder instead of a line; it belongs to one device."""

        def observe(state: LinkState, text: str) -> None:
            self._notices.post(LinkChanged(line, state, text))

        device = devices[line]
        noise = Noise(device.noise_limit)
        site = Site(line, (line,), self._store, self._intake, self._notices, noise)
        inbox = Inbox(folder, time.monotonic, looks_whole)
        link = self._profiles[device.profile].link
        files = FolderLink(site, self._store, inbox, link, observe)
        return asyncio.create_task(supervise(f"folder {line}", files.run))

    def _damaged(self, devices: dict[str, DeviceSection], noise: Noise, count: int) -> None:
        """Characters that a serial line marked as damaged; the frame they stand in is refused."""
        now = asyncio.get_running_loop().time()
        if sum(noise.count(now, refused=True) for _ in range(min(count, 1000))):
            for name in devices:
                self._notices.post(NoiseAlarm(name, noise.refused, noise.frames))

    def _factory(
        self, devices: dict[str, DeviceSection], noise: Noise
    ) -> Callable[[Peer], DeviceLink]:
        loop = asyncio.get_running_loop()
        profiles = {name: self._profiles[device.profile] for name, device in devices.items()}
        sites: dict[tuple[str, ...], Site] = {}

        def connect(peer: Peer) -> DeviceLink:
            caller = peer.host if isinstance(peer.address, TcpListen) else None
            names = candidates(devices, caller)
            if not names:
                raise PeerRefused("no device of this line may call from there")
            if names not in sites:
                line = "+".join(names)
                tape = self._tapes.get(next(iter(devices))) or Tape()
                parts = (self._store, self._intake, self._notices, noise)
                sites[names] = Site(line, names, *parts, tape, self._budget)
            talking = [profiles[name] for name in names]
            asked = self._worklists
            if asked is not None and asked.asks(names):
                late = self._downloads
                return asking_link_for(talking, sites[names], peer.name, loop, asked, late)
            return link_for(talking, sites[names], peer.name, loop, self._lists(names))

        return connect

    def _lists(self, names: tuple[str, ...]) -> Lists | None:
        """Of the first device that may be calling and wants any."""
        rosters = self._rosters
        for name in names if rosters is not None else ():
            if rosters is not None and rosters.wants(name):
                return self._lists_of.setdefault(name, Lists(partial(rosters.listings, name)))
        return None


def _replaceable(protocol: asyncio.Protocol) -> bool:
    """Whether a connection may give its place to a new one from the same address."""
    return isinstance(protocol, DeviceLink) and protocol.idle


def candidates(devices: dict[str, DeviceSection], host: str | None) -> tuple[str, ...]:
    """Who may be calling from ``host``; devices bound to that address come before the others."""
    if host is None:
        return tuple(devices)
    caller = ipaddress.ip_address(host)
    bound = tuple(
        name
        for name, device in devices.items()
        if device.address and caller in ipaddress.ip_network(device.address, strict=False)
    )
    return bound or tuple(name for name, device in devices.items() if device.address is None)


def link_for(
    profiles: list[AnalyzerProfile],
    site: Site,
    peer: str,
    loop: asyncio.AbstractEventLoop,
    lists: Lists | None = None,
) -> DeviceLink:
    """The driver of the first profile's language; devices of one listener speak the same."""
    link = profiles[0].link
    match link.protocol:
        case Protocol.HL7:
            return Hl7Link(site, peer, loop, link.hl7 or Hl7Dialect(), _now, _control_id)
        case Protocol.POCT1A:
            return Poct1aLink(site, peer, loop, link.mode, _now, lists)
        case Protocol.RECORDING:
            return RecordingLink(site, peer, loop)
        case Protocol.TEXT if link.codec == LIS3:
            return Lis3Link(site, peer, loop)
        case Protocol.TEXT:
            return TextLink(site, peer, loop, framing(link.codec or ""))
        case _:
            return AstmLink(site, peer, loop, common_dialect(profiles))


def asking_link_for(
    profiles: list[AnalyzerProfile],
    site: Site,
    peer: str,
    loop: asyncio.AbstractEventLoop,
    worklists: Worklists,
    downloads: Downloads | None = None,
) -> DeviceLink:
    """The driver of devices that ask for their work, in ASTM or HL7."""
    link = profiles[0].link
    if link.protocol is Protocol.HL7:
        dialect = link.hl7 or Hl7Dialect()
        return Hl7AskingLink(site, peer, loop, dialect, _now, _control_id, worklists, downloads)
    return AskingLink(site, peer, loop, common_dialect(profiles), worklists, downloads)


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


def _control_id() -> str:
    return secrets.token_hex(10)


def common_dialect(profiles: list[AnalyzerProfile]) -> Dialect:
    """The dialect all of them speak; with different framings the first bytes decide."""
    dialects = {profile.link.dialect or Dialect() for profile in profiles}
    if len(dialects) == 1:
        return dialects.pop()
    return Dialect(framing=Framing.AUTO)
