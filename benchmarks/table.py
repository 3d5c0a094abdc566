"""Rows of a benchmark, printed as they are measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``ratio`` compares with another row of the same run; ``goal`` is what it should be."""

    what: str
    figure: str
    ratio: str = ""
    goal: str = ""


def show(rows: Sequence[Row]) -> None:
    for row in rows:
        print(f"  {row.what:<46} {row.figure:>28}  {row.ratio:<34} {row.goal}", flush=True)
