"""Who is told what to do, from the configuration: devices that ask, devices that take orders
unasked, laboratories tests are sent to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.config import Configuration
from gateway.config.operators import read_operators
from gateway.intake import Intake
from gateway.intake.lab_results import Laboratory, LabResults
from gateway.orders.downloads import Downloads
from gateway.orders.menu import Menu
from gateway.orders.rosters import Rosters
from gateway.orders.send_out import Plan, SendOuts
from gateway.orders.send_out_message import Parties
from gateway.orders.worklists import Asking, Worklists
from gateway.profiles import AnalyzerProfile, Protocol, catalogue
from gateway.profiles.encodings import written_in
from gateway.store import Store


def worklists(
    configuration: Configuration, store: Store, clock: Callable[[], datetime]
) -> Worklists | None:
    """Answers for the devices whose profile says how they ask."""
    asking = _askers(configuration)
    return None if asking is None else Worklists(store, asking, clock)


def rosters(
    configuration: Configuration, store: Store, clock: Callable[[], datetime]
) -> Rosters | None:
    """Lists for point-of-care devices; None where no device is given any."""
    wanted = {n: frozenset(d.lists) for n, d in configuration.analyzers.items() if d.lists}
    if not wanted:
        return None
    section, orders = configuration.operators, configuration.orders
    operators = () if section is None else read_operators(section.file)
    keep = timedelta(days=orders.keep_days if orders is not None else 0)
    return Rosters(store, operators, wanted, clock, keep)


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
            Menu(
                written_in(profiles[device.profile], device.encoding),
                device.codes,
                panels,
                device.order_codes,
            ),
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


def send_outs(
    configuration: Configuration, store: Store, clock: Callable[[], datetime]
) -> SendOuts:
    """Orders for the laboratories the site names, none by default."""
    plans = [
        Plan(name, parties(configuration, name), frozenset(section.tests), section.unperformed)
        for name, section in configuration.send_outs.items()
    ]
    menus = list(_menus(configuration))
    zone = ZoneInfo(configuration.gateway.timezone)

    def performed(code: str) -> bool:
        return any(menu.tests(code) for menu in menus)

    return SendOuts(plans, performed, store.engine, store.site_key, zone, clock)


def lab_results(configuration: Configuration, store: Store, intake: Intake) -> LabResults | None:
    """Where their results go; None where no orders are sent out."""
    laboratories = {}
    for name in configuration.send_outs:
        theirs = parties(configuration, name)
        laboratories[name] = Laboratory(theirs.receiving_application, theirs.receiving_facility)
    return LabResults(store, intake, laboratories) if laboratories else None


def parties(configuration: Configuration, destination: str) -> Parties:
    """Who speaks to whom in orders for a laboratory."""
    general = configuration.gateway
    section = configuration.destinations.get(destination)
    return Parties(
        general.application,
        general.site[:20],
        getattr(section, "receiving_application", ""),
        getattr(section, "receiving_facility", ""),
        general.processing,
    )


def _menus(configuration: Configuration) -> Iterator[Menu]:
    """What each device here can do."""
    section = configuration.orders
    panels = {code: frozenset(tests) for code, tests in (section.panels if section else {}).items()}
    profiles = catalogue()
    for device in configuration.analyzers.values():
        yield Menu(profiles[device.profile], device.codes, panels, device.order_codes)
