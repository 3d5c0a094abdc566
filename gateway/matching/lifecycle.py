"""What a report is to the ones before it: new, a repeat, a correction, a further measurement.

A result is known by test, replicate and completion time on one specimen of one device.  The same
again is a repeat; any difference, and the first naming of a patient, makes a revision of the report
that brought it, which holds all of that report's results.  What comes as it stood before a
correction is a repeat when it comes alone; beside something new it is held.  Another completion
time is another measurement.  A result without a time is a repeat only when the same came within ten
minutes, and finishes what was unfinished then; later it goes, marked as a possible duplicate.
Neither a control id nor specimen and test alone ever decide.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.matching.carried import awaits_the_end, carried, read_anew, settled
from gateway.profiles.circumstances import TWICE
from gateway.report import Observation, Problem, ProblemCode, Report

WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A stored revision.  ``sent``: messages were made of it; ``waits``: it is still held;
    ``discarded``: a person wants none of it."""

    report: Report
    revision: int
    sent: bool
    waits: bool
    order: int | None = None
    patient: int | None = None
    discarded: bool = False


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
    homes = _homes(report, chains)
    fresh: list[Observation] = []
    said: dict[str, dict[Key, Observation]] = {}
    doubtful = False
    for key, observation in keyed(report.observations):
        if key in homes:
            said.setdefault(homes[key], {})[key] = observation
            continue
        seen = _seen(report, earlier, key, observation) if key.at is None else []
        if any(report.received_at - moment <= WINDOW for moment in seen):
            continue
        doubtful = doubtful or bool(seen)
        fresh.append(observation)
    revised = [
        _revision(report, chains[name], again, changed)
        for name, again in said.items()
        if (changed := _changed(report, chains[name], again)) or _frees(report, chains[name], again)
    ]
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
    notes = tuple(note for note in one.notes if note != TWICE)  # known only an hour later
    return (one.value, one.raw.strip(), one.flags, one.range, one.status, one.operator, notes)


def _chains(earlier: Sequence[Earlier]) -> dict[str, list[Earlier]]:
    """Revisions by report id, the oldest first; the latest report first."""
    chains: dict[str, list[Earlier]] = {}
    for one in earlier:
        chains.setdefault(one.report.id, []).append(one)
    for revisions in chains.values():
        revisions.sort(key=lambda one: one.revision)
    return chains


def _homes(report: Report, chains: Mapping[str, Sequence[Earlier]]) -> dict[Key, str]:
    """The earlier report that each result belongs to, where there is one."""
    found: dict[Key, str] = {}
    said = dict(keyed(report.observations))
    for name, chain in chains.items():
        there = dict(keyed(chain[-1].report.observations))
        timed = {key for key in there if key in said and key.at is not None}
        for key in timed | _unfinished(report, chain[-1], there, said):
            found.setdefault(key, name)
    return found


def _unfinished(
    report: Report,
    last: Earlier,
    there: Mapping[Key, Observation],
    said: Mapping[Key, Observation],
) -> set[Key]:
    """Of results without a time, those that a report of the last ten minutes still waits for.  A
    final one that differs tells of another run: then they are that run's own."""
    soon = report.received_at - last.report.received_at <= WINDOW
    if not (soon and last.waits and awaits_the_end(last.report.problems)):
        return set()
    both = {key for key in there if key in said and key.at is None}
    same_run = all(_same(there[key], said[key]) or not settled(there[key]) for key in both)
    return both if same_run else set()


def _seen(
    report: Report, earlier: Sequence[Earlier], key: Key, observation: Observation
) -> list[datetime]:
    """When the very same came before."""
    return [
        one.report.received_at
        for one in earlier
        if _holds(one, key, observation) and not _names_first(report, (one,))
    ]


def _changed(report: Report, chain: Sequence[Earlier], said: Mapping[Key, Observation]) -> set[Key]:
    """What of it was never said so."""
    if _names_first(report, chain):
        return set(said)
    return {key for key, one in said.items() if not any(_holds(e, key, one) for e in chain)}


def _names_first(report: Report, chain: Sequence[Earlier]) -> bool:
    """Whether it says whose the result is, which nobody knew so far."""
    return report.patient.known and not any(one.report.patient.known for one in chain)


def _holds(one: Earlier, key: Key, observation: Observation) -> bool:
    found = dict(keyed(one.report.observations)).get(key)
    return found is not None and content(found) == content(observation)


def _revision(
    report: Report, chain: list[Earlier], said: Mapping[Key, Observation], changed: Set[Key]
) -> Piece:
    """The full snapshot: the report as it last was, with what is different now."""
    last = chain[-1]
    base = _standing(chain)
    old = dict(keyed(base.report.observations)) if base else {}
    new = {key: one for key, one in said.items() if key in changed or _same(old.get(key, one), one)}
    snapshot = tuple((old | new).values())
    problems = [*report.problems, *_outstanding(base, snapshot, new)]
    if len(new) < len(said):
        problems.append(Problem(ProblemCode.CONFLICTING_RESULTS, "R"))
    sent = next((one.report for one in reversed(chain) if one.sent), None)
    standing = [one for one in reversed(chain) if not one.discarded]
    named = next((one.report.patient for one in standing if one.report.patient.known), None)
    merged = replace(
        report,
        id=last.report.id,
        patient=report.patient if report.patient.known or named is None else named,
        observations=snapshot,
        problems=tuple(dict.fromkeys(problems)),
    )
    order = next((one.order for one in standing if one.order is not None), None)
    return Piece(merged, last.revision + 1, sent, order)


def _frees(report: Report, chain: list[Earlier], said: Mapping[Key, Observation]) -> bool:
    """Whether a repeat says that nothing is wrong with what waits only for how it was written."""
    base = _standing(chain)
    if base is None or not base.waits or report.held:
        return False
    old = dict(keyed(base.report.observations))
    whole = all(key in said and _same(said[key], one) for key, one in old.items())
    return whole and read_anew(base.report.problems)


def _standing(chain: Sequence[Earlier]) -> Earlier | None:
    """The latest revision that nobody discarded."""
    return next((one for one in reversed(chain) if not one.discarded), None)


def _outstanding(
    base: Earlier | None, snapshot: Sequence[Observation], new: Mapping[Key, Observation]
) -> Iterator[Problem]:
    if base is not None and base.waits:
        yield from carried(base.report.problems, snapshot, tuple(new.values()))


def _same(one: Observation, other: Observation) -> bool:
    return content(one) == content(other)


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
