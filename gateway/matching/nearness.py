"""Ids that look like another: for a person who decides, never for a match."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MOST = 5


def near(wanted: str, others: Iterable[str]) -> tuple[str, ...]:
    """Ids that differ by one character (wrong, missing, one too many), by two neighbours swapped,
    or in letter case; at most five."""
    return tuple(_first(other for other in others if is_near(wanted, other)))


def is_near(one: str, other: str) -> bool:
    if one == other:
        return False
    if one.casefold() == other.casefold():
        return True
    if len(one) == len(other):
        return _replaced_or_swapped(one, other)
    shorter, longer = sorted((one, other), key=len)
    return len(longer) - len(shorter) == 1 and _one_more(shorter, longer)


def _replaced_or_swapped(one: str, other: str) -> bool:
    places = [
        place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]
    ]
    if len(places) == 1:
        return True
    if len(places) != 2 or places[1] - places[0] != 1:
        return False
    first, second = places
    return one[first] == other[second] and one[second] == other[first]


def _one_more(shorter: str, longer: str) -> bool:
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def _first(found: Iterable[str]) -> Iterator[str]:
    for count, other in enumerate(dict.fromkeys(found), start=1):
        yield other
        if count == MOST:
            return
