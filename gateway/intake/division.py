"""A report divided among the orders it answers, and stored revisions read again."""

from __future__ import annotations

import json
from dataclasses import replace

from gateway.matching import Earlier, Match
from gateway.matching.lifecycle import derived, keyed
from gateway.matching.look import Before
from gateway.messages import report_from_json
from gateway.orders.book import KnownOrder
from gateway.report import Report
from gateway.store import FiledReport, ReportState

_SENT = (ReportState.QUEUED, ReportState.DELIVERED, ReportState.KEPT)


def divided(part: Report, whole: Report, match: Match) -> list[tuple[KnownOrder | None, Report]]:
    """The report for each order, in the order of the first result of each."""
    if not match.assigned:
        return [(None, part)]
    pairs = zip(keyed(whole.observations), match.assigned, strict=True)
    owner = {key: order for (key, _), order in pairs}
    groups: dict[int, list[int]] = {}
    for index, (key, _) in enumerate(keyed(part.observations)):
        groups.setdefault(owner.get(key, match.assigned[0]), []).append(index)
    found = []
    for number, indices in groups.items():
        observations = tuple(part.observations[index] for index in indices)
        found.append((match.order(number), replace(part, observations=observations)))
    return found


def named(part: Report, number: int, order: KnownOrder | None) -> Report:
    """The first keeps the report's id, the others have one that follows from their order."""
    if not number:
        return part
    key = f"{order.placer}/{order.placer_namespace}/{order.code}" if order else ""
    return replace(part, id=derived(part.id, key))


def read_back(filed: FiledReport) -> Earlier:
    """What is about to be filed, as it will stand in the store."""
    report = report_from_json(json.loads(filed.body))
    return Earlier(report, filed.revision, not filed.held, filed.held, filed.order, filed.patient)


def earlier(before: Before) -> Earlier:
    """A stored revision and what became of it."""
    stored = before.stored
    return Earlier(
        report_from_json(json.loads(stored.body)),
        stored.revision,
        sent=stored.state in _SENT,
        waits=stored.state is ReportState.HELD,
        order=before.order.id if before.order else None,
        patient=before.patient,
        discarded=stored.state is ReportState.DISCARDED,
    )
