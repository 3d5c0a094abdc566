"""Westgard's multirule judgment of a control series (Clin Chem 1981;27:493).

Deviations are in standard deviations from the target, the newest first, all of one analyte, lot and
level.  1-2s warns; 1-3s, 2-2s, R-4s, 4-1s and 10-x reject.  R-4s looks at the last two results.
``no-number`` is ours: a control that should give one and does not is rejected too.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum


class Rule(StrEnum):
    WARNING_12S = "1-2s"
    RULE_13S = "1-3s"
    RULE_22S = "2-2s"
    RULE_R4S = "R-4s"
    RULE_41S = "4-1s"
    RULE_10X = "10-x"
    NO_NUMBER = "no-number"

    @property
    def rejects(self) -> bool:
        return self is not Rule.WARNING_12S


def broken(deviations: Sequence[Decimal]) -> tuple[Rule, ...]:
    """Every rule the newest result breaks."""
    if not deviations:
        return ()
    found = []
    if abs(deviations[0]) > 2:
        found.append(Rule.WARNING_12S)
    if abs(deviations[0]) > 3:
        found.append(Rule.RULE_13S)
    if _same_side(deviations, 2, 2):
        found.append(Rule.RULE_22S)
    if _range(deviations):
        found.append(Rule.RULE_R4S)
    if _same_side(deviations, 4, 1):
        found.append(Rule.RULE_41S)
    if _same_side(deviations, 10, 0):
        found.append(Rule.RULE_10X)
    return tuple(found)


def _same_side(deviations: Sequence[Decimal], count: int, limit: int) -> bool:
    last = deviations[:count]
    if len(last) < count:
        return False
    return all(one > limit for one in last) or all(one < -limit for one in last)


def _range(deviations: Sequence[Decimal]) -> bool:
    if len(deviations) < 2:
        return False
    low, high = sorted(deviations[:2])
    return low < -2 and high > 2
