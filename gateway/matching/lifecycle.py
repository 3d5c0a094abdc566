"""What a report is to the ones before it: new, a repeat, a correction, a further measurement.

A result is known by test, replicate and completion time on one specimen of one device.  The same
again is a repeat; any difference, and the first naming of a patient, makes a revision of the report
that brought it, which holds all of that report's results.  Another completion time is another
measurement.  A result without a time is a repeat only when the same came within ten minutes; later
it goes, marked as a possible duplicate.  Neither a control id nor specimen and test alone ever
decide.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.report import Observation, Problem, ProblemCode, Report

WINDOW = timedelta(minutes=10)
DECIDED_ANEW = frozenset(
    (
        ProblemCode.UNKNOWN_ORDER,
        ProblemCode.UNKNOWN_PATIENT,
        ProblemCode.ORDER_MISMATCH,
        ProblemCode.NO_PATIENT,
        ProblemCode.PARTIAL_PANEL,
    )
)
"""What held a revision says nothing of the next one where it depends on orders and patients."""

_READ_ANEW = frozenset(
    (
        ProblemCode.UNKNOWN_TEST,
        ProblemCode.UNKNOWN_UNIT,
        ProblemCode.UNIT_MISSING,
        ProblemCode.UNIT_MISMATCH,
        ProblemCode.UNREADABLE_VALUE,
        ProblemCode.UNKNOWN_STATUS,
        ProblemCode.UNKNOWN_FLAG,
        ProblemCode.STATUS_NOT_FINAL,
    )
)
"""Nor where it is about the writing of results that have all been sent again: the final result
leaves though the preliminary one waits."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A stored revision.  ``sent``: messages were made of it; ``waits``: it is still held."""

    report: Report
    revision: int
    sent: bool
    waits: bool
    order: int | None = None
    patient: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be filed: ``report`` with its final id, its ``revision`` (from 1), the report as
    it was last sent, and the order of the report it revises."""

    report: Report
    revision: int = 1
    previous: Report | None = None
    order: int | None = None

    @property
    def revises(self) -> bool:
        return self.revision > 1


class Key(NamedTuple):
    code: str
    replicate: int
    at: datetime | None


def pieces(report: Report, earlier: Sequence[Earlier], transmission: str) -> tuple[Piece, ...]:
    """Nothing when all of it was there before."""
    chains = _chains(earlier)
    fresh: list[Observation] = []
    changed: dict[str, dict[Key, Observation]] = {}
    doubtful = False
    for key, observation in keyed(report.observations):
        if key.at is None:
            seen = [
                one.report.received_at
                for one in earlier
                if _holds(one, key, observation) and not _names_first(report, (one,))
            ]
            if any(report.received_at - moment <= WINDOW for moment in seen):
                continue
            doubtful = doubtful or bool(seen)
            fresh.append(observation)
            continue
        chain = _chain_with(chains, key)
        if chain is None:
            fresh.append(observation)
        elif _names_first(report, chains[chain]) or not any(
            _holds(one, key, observation) for one in chains[chain]
        ):
            changed.setdefault(chain, {})[key] = observation
    revised = [_revision(report, chains[chain], new) for chain, new in changed.items()]
    if fresh:
        revised.append(Piece(_fresh(report, fresh, earlier, transmission, doubtful=doubtful)))
    return tuple(revised)


def keyed(observations: Iterable[Observation]) -> Iterator[tuple[Key, Observation]]:
    """Replicates of one test at one time are told apart by their order."""
    seen: Counter[tuple[str, datetime | None]] = Counter()
    for observation in observations:
        place = (observation.code.device, observation.observed_at)
        seen[place] += 1
        yield Key(place[0], seen[place], place[1]), observation


def content(observation: Observation) -> tuple[object, ...]:
    """Everything that makes a difference to whoever reads the result."""
    one = observation
    return (one.value, one.raw.strip(), one.flags, one.range, one.status, one.operator, one.notes)


def _chains(earlier: Sequence[Earlier]) -> dict[str, list[Earlier]]:
    """Revisions by report id, the oldest first; the latest report first."""
    chains: dict[str, list[Earlier]] = {}
    for one in earlier:
        chains.setdefault(one.report.id, []).append(one)
    for revisions in chains.values():
        revisions.sort(key=lambda one: one.revision)
    return chains


def _chain_with(chains: dict[str, list[Earlier]], key: Key) -> str | None:
    for name, revisions in chains.items():
        if any(other == key for other, _ in keyed(revisions[-1].report.observations)):
            return name
    return None


def _names_first(report: Report, chain: Sequence[Earlier]) -> bool:
    """Whether it says whose the result is, which nobody knew so far."""
    return report.patient.known and not chain[-1].report.patient.known


def _holds(one: Earlier, key: Key, observation: Observation) -> bool:
    found = dict(keyed(one.report.observations)).get(key)
    return found is not None and content(found) == content(observation)


def _revision(report: Report, chain: list[Earlier], new: dict[Key, Observation]) -> Piece:
    """The full snapshot: the report as it last was, with what is different now."""
    last = chain[-1]
    snapshot = tuple(new.get(key, old) for key, old in keyed(last.report.observations))
    problems = tuple(dict.fromkeys((*report.problems, *_kept(last, report))))
    sent = next((one.report for one in reversed(chain) if one.sent), None)
    merged = replace(report, id=last.report.id, observations=snapshot, problems=problems)
    order = next((one.order for one in reversed(chain) if one.order is not None), None)
    return Piece(merged, last.revision + 1, sent, order)


def _kept(last: Earlier, report: Report) -> Iterator[Problem]:
    """What holds the next revision too, of what holds the last one."""
    if not last.waits:
        return
    again = {key for key, _ in keyed(report.observations)}
    whole = all(key in again for key, _ in keyed(last.report.observations))
    settled = DECIDED_ANEW | _READ_ANEW if whole else DECIDED_ANEW
    yield from (p for p in last.report.problems if p.hold and p.code not in settled)


def _fresh(
    report: Report,
    observations: list[Observation],
    earlier: Sequence[Earlier],
    transmission: str,
    *,
    doubtful: bool,
) -> Report:
    """A report of its own; its id follows from what it holds of the one that came."""
    whole = len(observations) == len(report.observations)
    identity = report.id if whole else derived(report.id, _summary(observations))
    if any(one.report.id == identity for one in earlier):
        identity = derived(identity, transmission)
    problems = report.problems
    if doubtful:
        problems = (*problems, Problem(ProblemCode.POSSIBLE_DUPLICATE, "R", hold=False))
    return replace(report, id=identity, observations=tuple(observations), problems=problems)


def _summary(observations: Sequence[Observation]) -> str:
    return "\n".join(f"{key.code}/{key.replicate}/{key.at}" for key, _ in keyed(observations))


def derived(identity: str, part: str) -> str:
    """The id of a part of a report."""
    return hashlib.sha256(f"{identity}\0{part}".encode()).hexdigest()[: len(identity)]
