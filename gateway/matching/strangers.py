"""Whether a report says of a result that was filed before that it is somebody else's.

The same measurement on the same specimen is one patient's.  When it comes again under another, no
one can say who is right: it is neither a repeat nor a correction, and a person decides.  The next
patient whose specimen has the same number, as where samples are counted anew each day, has
measurements of his own.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.matching.lifecycle import WINDOW, Earlier, keyed
from gateway.profiles.agreement import different_ids, different_persons
from gateway.report import Report


def somebody_else(report: Report, earlier: Sequence[Earlier], owner: int | None) -> bool:
    """``owner`` is the patient's row where the EHR's patients are known."""
    return any(
        (one.sent or one.waits) and another(report, one, owner) and _same_run(report, one.report)
        for one in earlier
    )


def another(report: Report, before: Earlier, owner: int | None) -> bool:
    """Whether an earlier report of the specimen is another patient's."""
    if owner is not None and before.patient is not None:
        return owner != before.patient
    one, other = report.patient, before.report.patient
    if one.ids and other.ids:
        return different_ids(one, other)
    return not (one.ids or other.ids) and different_persons(one, other)


def _same_run(report: Report, before: Report) -> bool:
    """Whether any measurement may be the same: of the same moment, or of none and shortly after."""
    known = {(key.code, key.at) for key, _ in keyed(before.observations)}
    soon = report.received_at - before.received_at <= WINDOW
    return any(
        (key.code, key.at) in known and (key.at is not None or soon)
        for key, _ in keyed(report.observations)
    )
