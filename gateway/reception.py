"""The EHR's way in, from the configuration: an MLLP listener, a folder, the rules of matching."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway import logs
from gateway.config import Configuration
from gateway.intake import Router
from gateway.intake.reissue import Reissue
from gateway.matching import Check, IdType, Policy, Rules
from gateway.matching.quality import Material, Target
from gateway.matching.rules import Tests
from gateway.notices import LinkState, Noticeboard
from gateway.orders import book
from gateway.orders.acknowledging import Answer
from gateway.orders.applying import Effects
from gateway.orders.downloads import Downloads
from gateway.orders.dropbox import Dropbox
from gateway.orders.inbox import Inbox
from gateway.orders.inbox import Policy as InboxPolicy
from gateway.orders.listener import Budget, EhrLink
from gateway.orders.menu import Menu
from gateway.orders.worklists import Asking, Worklists
from gateway.profiles import AnalyzerProfile, Protocol, catalogue
from gateway.store import Store
from gateway.supervision import supervise
from gateway.transports import Admission, Peer, StreamAddress, TcpListen, maintain

_CONNECTIONS = 1024
_EXPIRY_PAUSE = 60.0


def matching_rules(configuration: Configuration) -> Rules | None:
    """None where nobody sends orders: then nothing is matched."""
    section = configuration.orders
    held = configuration.qc is not None and configuration.qc.hold_patients
    if section is None:
        return Rules({}, matches=False, hold_failed=True) if held else None
    return Rules(
        {name: Policy(configuration.order_policy(name)) for name in configuration.analyzers},
        tuple(IdType(one.pattern, Check(one.check)) for one in section.specimens),
        panels={code: frozenset(tests) for code, tests in section.panels.items()},
        known=frozenset(_known_codes(configuration)),
        hold_failed=held,
        late=timedelta(hours=section.late_hours),
        expected=dict(_expected(configuration)),
        hold_partial=section.partial == "hold",
    )


def _expected(configuration: Configuration) -> Iterator[tuple[str, Mapping[str, Tests]]]:
    """By device and panel the tests it brings here; codes of one LOINC are one test."""
    panels = configuration.orders.panels if configuration.orders else {}
    for name, device in configuration.analyzers.items():
        profile = catalogue()[device.profile]
        loincs = {code: one.loinc for code, one in profile.analytes.items()} | dict(device.codes)
        menu = Menu(profile, device.codes, {code: frozenset(t) for code, t in panels.items()})
        tests: dict[str, Tests] = {}
        for panel in panels:
            by_loinc: dict[str, set[str]] = {}
            for code in menu.tests(panel):
                loinc = loincs.get(code) or code
                by_loinc.setdefault(loinc, {loinc}).add(code)
            tests[panel] = tuple(map(frozenset, by_loinc.values()))
        yield name, tests


def control_materials(configuration: Configuration) -> dict[str, Material]:
    """The site's controls by the id devices send for them."""
    section = configuration.qc
    return {
        name: Material(
            one.lot,
            one.level,
            {code: Target(target.mean, target.sd) for code, target in one.targets.items()},
        )
        for name, one in (section.materials.items() if section else ())
    }


def worklists(
    configuration: Configuration, store: Store, clock: Callable[[], datetime]
) -> Worklists | None:
    """Answers for the devices whose profile says how they ask."""
    asking = _askers(configuration)
    return None if asking is None else Worklists(store, asking, clock)


def downloads(
    configuration: Configuration, store: Store, clock: Callable[[], datetime]
) -> Downloads | None:
    """Late orders for the devices that are to get them unasked."""
    asking = _askers(configuration)
    if asking is None:
        return None
    return Downloads(store, {n: one for n, one in asking.items() if one.downloads}, clock)


def _askers(configuration: Configuration) -> dict[str, Asking] | None:
    section = configuration.orders
    if section is None:
        return None
    panels = {code: frozenset(tests) for code, tests in section.panels.items()}
    profiles = catalogue()
    return {
        name: Asking(
            name,
            Menu(profiles[device.profile], device.codes, panels, device.order_codes),
            ZoneInfo(device.timezone or configuration.gateway.timezone),
            device.downloads,
        )
        for name, device in configuration.analyzers.items()
        if _may_ask(profiles[device.profile])
    }


def _may_ask(profile: AnalyzerProfile) -> bool:
    """An HL7 device shows how it asks when it does; the others' profiles say it."""
    match profile.link.protocol:
        case Protocol.HL7:
            return True
        case Protocol.ASTM:
            return profile.query is not None
    return False


def _known_codes(configuration: Configuration) -> Iterator[str]:
    """Every code that names a single test of a device here."""
    profiles = catalogue()
    for device in configuration.analyzers.values():
        for code, analyte in profiles[device.profile].analytes.items():
            yield code
            if analyte.loinc:
                yield analyte.loinc
        yield from device.codes
        yield from device.codes.values()


class Reception:
    """``open`` returns when the listener listens; ``port`` is the one really taken."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        notices: Noticeboard,
        clock: Callable[[], datetime],
        router: Router,
        changed: Callable[[Answer], None] = lambda _: None,
    ) -> None:
        self._configuration = configuration
        self._store = store
        self._notices = notices
        self._clock = clock
        self._changed = changed
        self._reissue = Reissue(store.engine, router)
        self.port: int | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        section = self._configuration.orders
        if section is None:
            yield
            return
        general = self._configuration.gateway
        keep = timedelta(days=section.keep_days)
        policy = InboxPolicy(ZoneInfo(general.timezone), general.processing, keep)
        effects = Effects(merged=self._reissue)
        inbox = Inbox(self._store, policy, self._notices, self._clock, self._changed, effects)
        tasks = [asyncio.create_task(supervise("orders expiry", self._expire))]
        listening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if section.listen is not None:
            tasks.append(self._listen(section.listen, inbox, listening))
        else:
            listening.set_result(None)
        if section.directory is not None:
            dropbox = Dropbox(section.directory, inbox.receive, self._notices)
            tasks.append(asyncio.create_task(supervise("orders folder", dropbox.run)))
        try:
            await listening
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _listen(
        self, endpoint: str, inbox: Inbox, listening: asyncio.Future[None]
    ) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        budget = Budget()

        def connect(peer: Peer) -> EhrLink:
            return EhrLink(inbox.receive, peer.host or peer.name, budget, self._notices, loop)

        def observe(state: LinkState, text: str) -> None:
            if state in (LinkState.FAILED, LinkState.RETRYING):
                logs.get().warning("orders.line", state=state.value)
            if state is LinkState.FAILED and not listening.done():
                listening.set_result(None)

        def taken(where: TcpListen) -> None:
            self.port = where.port
            if not listening.done():
                listening.set_result(None)

        address = StreamAddress.parse(f"tcp-listen:{endpoint}")
        admission = Admission(_CONNECTIONS, _CONNECTIONS, _replaceable)
        return asyncio.create_task(
            supervise(
                "orders line",
                lambda: maintain(
                    address, connect, observe=observe, admission=admission, listening=taken
                ),
            )
        )

    async def _expire(self) -> None:
        while True:
            await self._store.engine.write(lambda c: book.expire(c, self._clock()))
            await asyncio.sleep(_EXPIRY_PAUSE)


def _replaceable(protocol: asyncio.Protocol) -> bool:
    return isinstance(protocol, EhrLink) and protocol.idle
