"""The EHR's way in, from the configuration: an MLLP listener, a folder, the rules of matching."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

from gateway import logs
from gateway.config import Configuration
from gateway.intake import Intake, Router
from gateway.intake.late_orders import LateOrders
from gateway.intake.planning import Planner
from gateway.intake.reissue import Reissue
from gateway.matching import Check, IdType, Policy, Rules
from gateway.matching.quality import Material, Target
from gateway.matching.rules import Tests
from gateway.notices import LinkState, MessageRefused, Noticeboard
from gateway.orders import book
from gateway.orders.acknowledging import Answer
from gateway.orders.applying import Effects
from gateway.orders.dropbox import Dropbox
from gateway.orders.inbox import Inbox
from gateway.orders.inbox import Policy as InboxPolicy
from gateway.orders.listener import EhrLink
from gateway.orders.menu import Menu
from gateway.profiles import catalogue
from gateway.store import Store
from gateway.supervision import supervise
from gateway.transports import Admission, Peer, PeerRefused, StreamAddress, TcpListen, maintain
from gateway.transports.budget import Budget
from gateway.work_orders import lab_results, send_outs

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
        tuple(IdType(one.pattern, Check(one.check)) for one in section.patients),
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
            for code in menu.spellings(panel):
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


def late_orders(
    configuration: Configuration,
    store: Store,
    router: Router,
    notices: Noticeboard,
    clock: Callable[[], datetime],
) -> LateOrders | None:
    """None where nobody sends orders."""
    rules = matching_rules(configuration)
    if rules is None or not rules.matches:
        return None
    planner = Planner(router, clock, control_materials(configuration), rules)
    return LateOrders(store, planner, rules, notices, clock)


class Reception:
    """``open`` returns when the listener listens; ``port`` is the one really taken."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        notices: Noticeboard,
        clock: Callable[[], datetime],
        router: Router,
        intake: Intake,
        changed: Callable[[Answer], None] = lambda _: None,
    ) -> None:
        self._intake = intake
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
        sending = send_outs(self._configuration, self._store, self._clock)
        effects = Effects(
            lambda c, patient: self._reissue(c, patient) | sending.merged(c, patient),
            sending.ordered,
        )
        results = lab_results(self._configuration, self._store, self._intake)
        told = self._changed
        inbox = Inbox(self._store, policy, self._notices, self._clock, told, effects, results)
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

        section = self._configuration.orders
        networks = [ip_network(one, strict=False) for one in section.callers] if section else []

        def connect(peer: Peer) -> EhrLink:
            if networks and not any(ip_address(peer.host or "::") in one for one in networks):
                self._notices.post(MessageRefused(peer.host or peer.name, "not among the callers"))
                raise PeerRefused("it is not among the callers of [orders]")
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
        admission = Admission.many(_replaceable)
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
