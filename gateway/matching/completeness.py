"""Whether a panel has all the results it was ordered for, and what completes one that had not.

Expected are the tests of the ordered panel that this device does, as the site's panels say.  What
came earlier for the same order on the same specimen counts; a test without a value counts too, for
the device has answered.  A single test, and a panel only the EHR knows, are never partial.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gateway.matching.carried import carried
from gateway.matching.lifecycle import Earlier, Piece
from gateway.matching.rules import Rules
from gateway.orders.book import KnownOrder
from gateway.report import Observation, Problem, ProblemCode, Report, Status


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of the specimen on this device: ``earlier`` revisions, the latest first."""

    rules: Rules | None = None
    earlier: tuple[Earlier, ...] = ()

    def owner(self, report: str) -> int | None:
        """The patient the revisions of a report were filed under."""
        owners = [one.patient for one in self.earlier if one.report.id == report and one.patient]
        return owners[0] if owners else None

    def after(self, revision: Earlier) -> Course:
        """As it is when that has been filed too."""
        return replace(self, earlier=(revision, *self.earlier))

    def judged(self, report: Report, order: KnownOrder | None) -> Report:
        """With the problem of a partial panel, or without it, as it is now."""
        problems = tuple(p for p in report.problems if p.code is not ProblemCode.PARTIAL_PANEL)
        if self.rules is not None and order is not None and self._lacks(report, order, self.rules):
            hold = self.rules.hold_partial
            problems = (*problems, Problem(ProblemCode.PARTIAL_PANEL, "order", hold))
        return replace(report, problems=problems)

    def completed(self, part: Report, order: KnownOrder | None) -> tuple[Piece | None, Report]:
        """The earlier partial report of this order with what ``part`` adds to it, and the rest."""
        chain = list(self._open(order.id)) if order is not None else []
        if not chain:
            return None, part
        last = next(one for one in chain if not one.discarded)
        there = {_test(one) for one in last.report.observations}
        added = tuple(one for one in part.observations if _test(one) not in there)
        if not added:
            return None, part
        rest = tuple(one for one in part.observations if _test(one) in there)
        snapshot = (*last.report.observations, *added)
        kept = carried(last.report.problems, snapshot, added) if last.waits else ()
        whole = replace(
            part,
            id=last.report.id,
            observations=snapshot,
            problems=tuple(dict.fromkeys((*part.problems, *kept))),
        )
        sent = next((one.report for one in chain if one.sent), None)
        piece = Piece(whole, chain[0].revision + 1, sent, last.order)
        return piece, replace(part, observations=rest)

    def _open(self, order: int) -> Iterator[Earlier]:
        """Every revision of the latest report of the order, if it is partial and not withdrawn."""
        of_order = [one for one in self.earlier if one.order == order]
        partial = {
            one.report.id: one
            for one in sorted(of_order, key=lambda one: one.revision)
            if one.sent or one.waits
        }
        found = [one for one in partial.values() if one.report.partial and not _withdrawn(one)]
        if found:
            identity = max(found, key=lambda one: one.report.received_at).report.id
            chain = [one for one in self.earlier if one.report.id == identity]
            yield from sorted(chain, key=lambda one: -one.revision)

    def _lacks(self, report: Report, order: KnownOrder, rules: Rules) -> bool:
        expected = rules.expected.get(report.device.id, {}).get(order.code, ())
        earlier = [one.report for one in self.earlier if _counts(one, order)]
        present = set(_codes((report, *earlier)))
        return not all(test & present for test in expected)


def _counts(one: Earlier, order: KnownOrder) -> bool:
    return one.order == order.id and (one.sent or one.waits) and not _withdrawn(one)


def _withdrawn(one: Earlier) -> bool:
    return all(result.status is Status.WRONG for result in one.report.observations)


def _codes(reports: Iterable[Report]) -> Iterator[str]:
    for report in reports:
        for one in report.observations:
            yield one.code.device
            if one.code.loinc is not None:
                yield one.code.loinc


def _test(one: Observation) -> str:
    """What a receiver tells tests apart by."""
    return one.code.loinc or one.code.device
