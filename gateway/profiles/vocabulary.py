"""Words most analyzers share: statuses and flags of LIS02-A2, marks that stand for no value.

A profile takes these tables as they are, adds to them or brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.report import AbsentReason, Status


@dataclass(frozen=True, slots=True)
class Void:
    """A text that stands for no value: ``pattern`` matches all of it, blanks around it apart."""

    pattern: str
    reason: AbsentReason


STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        "F": Status.FINAL,
        "C": Status.CORRECTED,
        "P": Status.PRELIMINARY,
        "S": Status.PARTIAL,
        "M": Status.PARTIAL,  # a MIC level, one of several answers
        "R": Status.FINAL,  # transmitted before
        "Q": Status.FINAL,  # sent in answer to a query
        "V": Status.FINAL,  # verified by the operator
        "I": Status.PENDING,
        "N": Status.PENDING,  # carries only what is needed for a new order
        "W": Status.PENDING,  # validity in doubt
        "X": Status.NO_RESULT,
    }
)
"""LIS02-A2 R.9 to HL7 table 0085.  I, N, W and X never become final."""

SENT_BEFORE: Final = "R"
"""The R.9 letter that says only that the same result was sent before."""

FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {flag: flag for flag in ("L", "H", "LL", "HH", "<", ">", "N", "A", "AA", "U", "D", "B", "W")}
)
"""LIS02-A2 R.7, the same letters as in HL7 table 0078."""

VOIDS: Final = (
    Void(r"[-.]*-[-.]*-[-.]*", AbsentReason.MASKED),
    Void(r"\.{2,}", AbsentReason.NOT_MEASURED),
    Void(r"[.]*\*[*.]*", AbsentReason.MASKED),
    Void(r"\*0+", AbsentReason.MASKED),
    Void(r"\++\.\++|\+{5,}", AbsentReason.ABOVE_RANGE),
    Void(r"#+|\?{2,}", AbsentReason.ERROR),
    Void(r"(?i:no result|not measured|not tested|ni|null|none)", AbsentReason.NOT_MEASURED),
    Void(r"(?i:n\.?/?a\.?|not applicable)", AbsentReason.NOT_APPLICABLE),
    Void(r"(?i:cancell?ed)", AbsentReason.CANCELLED),
    Void(r"(?i:invalid|abn|nan)", AbsentReason.INVALID),
    Void(r"(?i:error|err|fail(?:ed)?)[ ._:#-]{0,2}[A-Za-z]?[0-9]{0,6}", AbsentReason.ERROR),
    Void(r"(?i:e)[-._ ][0-9]{1,4}", AbsentReason.ERROR),
    Void(r"(?i:over|overflow|over range|out of range high)|HI", AbsentReason.ABOVE_RANGE),
    Void(r"(?i:under|underflow|under range|out of range low)|LO", AbsentReason.BELOW_RANGE),
    Void(r"(?i:[-+]?inf(?:inity)?|out of range)", AbsentReason.ERROR),
)
"""Marks that are nowhere an answer.  ``+`` to ``++++`` and a lone ``-`` are answers of urine strips
and stand here only where a point shows that they fill the places of a number."""
