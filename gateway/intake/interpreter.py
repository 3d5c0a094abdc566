"""A transmission's bytes to what they mean, with today's profiles and site maps.

Nothing is written here: the same bytes may be read again at any time, for a recovery or a replay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from gateway import logs
from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Attribution, Known
from gateway.intake.planning import Meaning
from gateway.logs import describe
from gateway.profiles import Context, read_transmission
from gateway.protocols.astm import Ack
from gateway.report import Problem, ProblemCode, Report
from gateway.store import OpenTransmission


class Interpreter:
    """``clock`` dates what arrives now; what comes from the journal has its own time."""

    def __init__(self, attribution: Attribution, clock: Callable[[], datetime]) -> None:
        self._attribution = attribution
        self._clock = clock

    def known(self, line: str) -> tuple[str, ...]:
        """The configured devices of a line as the journal names it."""
        return self._attribution.known(line)

    def first(self, arrival: Arrival) -> Known:
        """The device of evidence that nobody can read, or the first that may have sent it."""
        return self._attribution.first(arrival)

    def attempt(self, arrival: Arrival) -> Meaning:
        """As ``read``; a mistake of ours becomes a problem that holds the bytes."""
        try:
            return self.read(arrival)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not lose a result
            logs.get().error("intake.failed", failure=describe(error))
            problems = (Problem(ProblemCode.UNREADABLE, ""),)
            return Meaning(self.first(arrival), None, (), problems)

    def read(self, arrival: Arrival) -> Meaning:
        """What the transmission means with today's profiles; changes nothing."""
        known, doubt = self._attribution.resolve(arrival)
        context = Context(
            device_id=known.name,
            timezone=known.timezone,
            received_at=(arrival.received_at or self._clock()).astimezone(known.timezone),
            transmission=str(arrival.transmission),
            codes=known.codes,
            units=known.units,
            limits=known.limits,
        )
        reading = read_transmission(
            arrival.payload, known.reads_by, context, checked=arrival.checked
        )
        doubts = () if doubt is None else (doubt,)
        if not reading.reports and not reading.problems:
            return Meaning(known, None)
        reports = tuple(r.doubted(*doubts, *_uncertified(known, r)) for r in reading.reports)
        problems = () if reports else (*reading.problems, *doubts)
        key = hashlib.sha256(known.name.encode() + b"\0" + reading.content_key).digest()
        ahead = None if arrival.received_at else _ahead(reading.sent_at, context.received_at)
        return Meaning(known, key, reports, problems, ahead=ahead)

    def rebuilt(
        self,
        transmission: int,
        device: str,
        protocol: str,
        entries: Sequence[bytes],
        peer: str,
        received_at: datetime,
    ) -> Arrival | None:
        """A transmission from its journal entries; None when they are not a whole one."""
        names = self._attribution.known(device)
        if not names:
            return None
        link = self._attribution.device(names[0]).profile.link
        return Arrival.stored(transmission, names, protocol, entries, peer, received_at, link)

    def recovered(self, opened: OpenTransmission) -> Arrival | None:
        """What a crash left open, if it is whole."""
        if opened.damaged:
            return None
        entries = opened.entries or self._acknowledged_chunks(opened)
        return self.rebuilt(
            opened.id, opened.device, opened.protocol, entries, opened.peer, opened.opened_at
        )

    def _acknowledged_chunks(self, opened: OpenTransmission) -> tuple[bytes, ...]:
        """A device that wants every read acknowledged may believe it is done before we were."""
        dialect = self._attribution.device(opened.device.split("+")[0]).profile.link.dialect
        if dialect is None or dialect.ack is not Ack.PER_CHUNK:
            return ()
        return tuple(piece.data for piece in opened.evidence)


def _uncertified(known: Known, report: Report) -> tuple[Problem, ...]:
    return () if known.certification is None else known.certification.doubts(report)


def _ahead(sent_at: datetime | None, received_at: datetime) -> timedelta | None:
    """How far the device's clock is ahead of ours, as far as this transmission tells."""
    return None if sent_at is None else sent_at - received_at
