"""What holds the next revision of a report, of what holds the one before it.

A hold about orders and patients is decided anew.  One about how results were written ends when the
very results that leave were read without it: all of them sent again, or, where a result shows it by
itself, none showing it any more.  Whatever else holds a report waits for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.report import Absent, AbsentReason, Observation, Problem, ProblemCode, Status

_DECIDED_ANEW = frozenset(
    (
        ProblemCode.UNKNOWN_ORDER,
        ProblemCode.UNKNOWN_PATIENT,
        ProblemCode.ORDER_MISMATCH,
        ProblemCode.NO_PATIENT,
        ProblemCode.PARTIAL_PANEL,
    )
)
_SHOWN = frozenset(
    (ProblemCode.UNREADABLE_VALUE, ProblemCode.UNKNOWN_STATUS, ProblemCode.STATUS_NOT_FINAL)
)
"""What a result shows by itself."""

_READ_ANEW = _SHOWN | {
    ProblemCode.UNKNOWN_TEST,
    ProblemCode.UNKNOWN_UNIT,
    ProblemCode.UNIT_MISSING,
    ProblemCode.UNIT_MISMATCH,
    ProblemCode.UNKNOWN_FLAG,
}
_OPEN = frozenset((Status.PENDING, Status.PRELIMINARY, Status.PARTIAL))


def carried(
    problems: Iterable[Problem], snapshot: Sequence[Observation], said: Sequence[Observation]
) -> Iterator[Problem]:
    """``problems`` are those of the revision that waits, ``snapshot`` what is to leave in its
    place, ``said`` what of it was sent and read just now."""
    over = _DECIDED_ANEW
    if all(one in said for one in snapshot):
        over |= _READ_ANEW
    elif all(map(settled, snapshot)):
        over |= _SHOWN
    yield from (one for one in problems if one.hold and one.code not in over)


def read_anew(problems: Iterable[Problem]) -> bool:
    """Whether it is about the writing of results that they hold, and nothing needs a person."""
    codes = {one.code for one in problems if one.hold}
    return bool(codes & _READ_ANEW) and codes <= _READ_ANEW | _DECIDED_ANEW


def awaits_the_end(problems: Iterable[Problem]) -> bool:
    """Whether they hold nothing but unfinished results."""
    codes = {one.code for one in problems if one.hold}
    return codes - _DECIDED_ANEW == {ProblemCode.STATUS_NOT_FINAL}


def settled(one: Observation) -> bool:
    """Neither unfinished nor unreadable by itself."""
    if isinstance(one.value, Absent):
        return one.status not in _OPEN and one.value.reason is not AbsentReason.UNREADABLE
    return one.status not in _OPEN and one.status is not Status.NO_RESULT
