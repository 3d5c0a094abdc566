"""What reading a transmission can find out by itself: everything but what was there before.

A draft is a filing made as if nothing had been; the store checks that in its transaction.  It is
made of plain values, so that another process may make it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Attribution, Known
from gateway.intake.interpreter import Interpreter
from gateway.intake.planning import Planner
from gateway.intake.routes import EhrRoute, Route, Router, Sender
from gateway.messages import load_tables
from gateway.profiles import AnalyzerProfile, catalogue
from gateway.store import FiledReport, Filing, OutboxMessage


@dataclass(frozen=True, slots=True)
class Draft:
    """``device`` sent it, its clock ``ahead`` of ours; ``filing`` has neither check nor
    consequences."""

    device: str
    filing: Filing
    ahead: timedelta | None = None


Packed = tuple[Any, ...]
_FILING: Final = tuple(
    one.name for one in fields(Filing) if one.name not in ("reports", "messages")
)
_REPORT: Final = tuple(one.name for one in fields(FiledReport) if one.name != "messages")
_MESSAGE: Final = tuple(one.name for one in fields(OutboxMessage))


def packed(draft: Draft) -> Packed:
    """The draft as tuples, which travel faster than frozen objects."""
    filing = draft.filing
    reports = [(_values(one, _REPORT), _packed(one.messages)) for one in filing.reports]
    rest = _values(filing, _FILING)
    return draft.device, draft.ahead, rest, reports, _packed(filing.messages)


def unpacked(data: Packed) -> Draft:
    device, ahead, rest, reports, messages = data
    filed = tuple(
        FiledReport(**dict(zip(_REPORT, values, strict=True)), messages=_messages(made))
        for values, made in reports
    )
    known = dict(zip(_FILING, rest, strict=True))
    return Draft(device, Filing(**known, reports=filed, messages=_messages(messages)), ahead)


def _values(one: object, names: Sequence[str]) -> Packed:
    return tuple([getattr(one, name) for name in names])


def _packed(messages: Sequence[OutboxMessage]) -> list[Packed]:
    return [_values(message, _MESSAGE) for message in messages]


def _messages(made: Sequence[Packed]) -> tuple[OutboxMessage, ...]:
    return tuple([OutboxMessage(*values) for values in made])


@dataclass(frozen=True, slots=True)
class DeviceSetup:
    """A ``Known`` whose profile is named; ``rest`` are its other fields."""

    profile: str
    rest: dict[str, Any]

    @classmethod
    def of(cls, known: Known) -> DeviceSetup:
        rest = {one.name: getattr(known, one.name) for one in fields(known)}
        plain = {name: dict(x) if isinstance(x, Mapping) else x for name, x in rest.items()}
        del plain["profile"]
        return cls(known.profile.name, plain)

    def known(self, profiles: Mapping[str, AnalyzerProfile]) -> Known:
        return Known(profile=profiles[self.profile], **self.rest)


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a drafter knows."""

    devices: tuple[DeviceSetup, ...]
    routes: tuple[Route, ...]
    sender: Sender
    site_key: bytes


def setup_of(devices: Mapping[str, Known], router: Router) -> Setup | None:
    """None when a device has a profile that is not in the catalogue."""
    profiles = catalogue()
    if any(profiles.get(known.profile.name) is not known.profile for known in devices.values()):
        return None
    return Setup(
        tuple(map(DeviceSetup.of, devices.values())), router.routes, router.sender, router.site_key
    )


class Drafter:
    """Reads transmissions; changes nothing."""

    def __init__(self, setup: Setup) -> None:
        profiles = catalogue()
        devices = {known.name: known for known in (d.known(profiles) for d in setup.devices)}
        for route in setup.routes:
            if isinstance(route, EhrRoute):
                load_tables(route.profile)
        self._moment = datetime.now(UTC)
        router = Router(setup.routes, setup.sender, setup.site_key, self._now)
        self._interpreter = Interpreter(Attribution(devices), self._now)
        self._planner = Planner(router, self._now)

    def drafts(self, arrivals: Sequence[Arrival], now: datetime) -> list[Draft | None]:
        """One for each; ``now`` dates the messages."""
        self._moment = now
        return [self._attempt(arrival) for arrival in arrivals]

    def _now(self) -> datetime:
        return self._moment

    def _attempt(self, arrival: Arrival) -> Draft | None:
        """None for what is unusual: whoever asked reads it then."""
        try:
            return self._draft(arrival)
        except Exception:  # noqa: BLE001 - it fails there too, and is told there
            return None

    def _draft(self, arrival: Arrival) -> Draft | None:
        meaning = self._interpreter.read(arrival)
        if meaning.content_key is None:
            return None
        filing = self._planner.filing(meaning, meaning.findings, arrival.transmission, None)
        return Draft(meaning.known.name, filing, meaning.ahead) if filing.also is None else None
