"""What a run was for: patient, control, calibration, or nobody can say.

Any rule of the profile that matches decides; rules that disagree, a mark nobody explained and an id
that reads like a control's leave the kind undecided, and the report is held.  The processing id
(LIS02-A2 H.12, MSH-11) makes a control of ``Q`` and holds training and debugging runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.profiles.codes import applies
from gateway.profiles.patterns import LONGEST, matches
from gateway.profiles.reading import Group, Place
from gateway.profiles.schema import AnalyzerProfile, Rule
from gateway.report import Kind, Problem, ProblemCode

TYPED_QC: Final = r"(?i:abg )?(?i:qc)(?:[-_ #]?[0-9].*|[-_].*)?"
"""Ids operators and barcodes of controls have: QC, QC01, QC-12345678, Abg qc 1."""

_LIKE_A_CONTROL: Final = re.compile(
    r"(?i:.*\bqc|ctrl|control|kontroll\w{0,3}|calib\w{0,10}|background|blank)(?:[^A-Za-z].*)?",
    re.DOTALL,
)


def decide_kind(profile: AnalyzerProfile, group: Group) -> tuple[Kind, tuple[Problem, ...]]:
    """The kind, and what of it must hold the report."""
    kinds, problems = _processing(profile, group.place)
    matched = dict(_matched(profile.rules, group))
    kinds |= matched.keys()
    undecided = matched.get(Kind.UNKNOWN)
    if len(kinds) == 1 and undecided is None:
        return kinds.pop(), problems
    if not kinds:
        undecided = _suspicious(profile, group.place)
        if undecided is None:
            return Kind.PATIENT, problems
    where = undecided or next(iter(matched.values()), "H[1]")
    return Kind.UNKNOWN, (*problems, Problem(ProblemCode.KIND_UNDECIDED, where))


def _processing(profile: AnalyzerProfile, place: Place) -> tuple[set[Kind], tuple[Problem, ...]]:
    path = profile.where.processing
    letter = (place.whole(path) or "").upper() if path else ""
    if path is None or letter in ("", "P"):
        return set(), ()
    where = place.locate(path)
    match letter:
        case "Q":
            return {Kind.QC}, ()
        case "D" | "T":
            return set(), (Problem(ProblemCode.NOT_PRODUCTION, where),)
        case _:
            return set(), (Problem(ProblemCode.KIND_UNDECIDED, where),)


def _matched(rules: Iterable[Rule], group: Group) -> Iterator[tuple[Kind, str]]:
    lines = [line.place for line in group.lines]
    for rule in rules:
        for place in lines if rule.each_line else (group.place,):
            if matches(rule.pattern, place.every(rule.path)) and applies(rule.when, place):
                yield rule.kind, place.locate(rule.path)
                break


def _suspicious(profile: AnalyzerProfile, place: Place) -> str | None:
    for path in (*profile.where.specimen, *profile.where.patient):
        bare = (text.lstrip(profile.padding or None)[:LONGEST] for text in place.every(path))
        if any(map(_LIKE_A_CONTROL.fullmatch, bare)):
            return place.locate(path)
    return None
