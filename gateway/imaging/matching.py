"""Matching of a query's identifier against what there is (PS3.4 C.2.2.2), and its answer.

Universal, single value, wild card, range, list of UIDs and sequence matching.  Person names:
case and accents do not count, spellings of a small character set match (``MUELLER`` finds
``Müller``), and a key that names fewer components than there are compares those it names
(``DOE`` finds ``DOE^JANE``).  All other text is compared as it is.  A time range beside a date
range is one stretch of time.  A key that the candidate does not have, not even empty, is not
supported: its value is ignored (K.2.2.1.1.2).  What it has empty meets no value (K.2.2.1.1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from gateway.imaging import datasets, ranges
from gateway.imaging.datasets import element_of, plain
from gateway.imaging.text import folded, spelled

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

Matcher = Callable[[tuple[str, ...]], bool]

_TIMES: Final = frozenset({"DA", "TM", "DT"})
_WILD: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_NUMERIC: Final = frozenset({"IS", "DS", "US", "SS", "UL", "SL"})
_NOT_KEYS: Final = frozenset({0x00080005, 0x00080052, 0x00080053, 0x00080054, 0x00080201})
_PAIRS: Final = (
    (0x00080020, 0x00080030),  # Study Date and Time
    (0x00400002, 0x00400003),  # Scheduled Procedure Step Start Date and Time
)


def matches(identifier: Dataset, candidate: Dataset) -> bool:
    """Whether every key of the identifier is met."""
    paired = set(_paired(identifier))
    if not all(_pair_matches(identifier, candidate, *pair) for pair in paired):
        return False
    joined = {tag for pair in paired for tag in pair}
    return all(
        _element_matches(element, candidate)
        for element in identifier
        if _is_key(element) and element.tag not in joined
    )


def answer(identifier: Dataset, candidate: Dataset) -> Dataset:
    """The keys asked for with the candidate's values; empty where it has none.  Of a sequence
    only the items that match."""
    found = datasets.new()
    for element in identifier:
        if element.tag.element == 0 or element.tag == 0x00080005:
            continue
        found.add(_answered(element, candidate))
    return found


def _answered(element: DataElement, candidate: Dataset) -> DataElement:
    known = element_of(candidate, element.tag)
    if element.VR != "SQ":
        return datasets.element(element.tag, element.VR, None) if known is None else known
    wanted = _item(element)
    have = [] if known is None or known.VR != "SQ" else list(known.value)
    if wanted is None:
        return datasets.element(element.tag, "SQ", have)
    chosen = [answer(wanted, item) for item in have if matches(wanted, item)]
    return datasets.element(element.tag, "SQ", chosen)


def _is_key(element: DataElement) -> bool:
    return element.tag.element != 0 and element.tag not in _NOT_KEYS and not element.tag.is_private


def _element_matches(key: DataElement, candidate: Dataset) -> bool:
    known = element_of(candidate, key.tag)
    if known is None:
        return True
    if key.VR == "SQ":
        wanted = _item(key)
        if wanted is None or not any(_is_asking(element) for element in wanted):
            return True
        return any(matches(wanted, item) for item in (known.value if known.VR == "SQ" else ()))
    wanted_values = _values(key)
    return not wanted_values or matcher(str(key.VR), wanted_values)(_values(known))


def _is_asking(element: DataElement) -> bool:
    """Whether it narrows anything."""
    if element.VR == "SQ":
        item = _item(element)
        return item is not None and any(_is_asking(inner) for inner in item)
    return _is_key(element) and bool(_values(element)) and _values(element) != ("*",)


def _item(element: DataElement) -> Dataset | None:
    """The one item of a sequence key that says anything."""
    items = list(element.value or ())
    return items[0] if items and len(items[0]) else None


def _values(element: DataElement) -> tuple[str, ...]:
    return tuple(value for value in plain(element.value) if value)


@lru_cache(maxsize=512)
def matcher(vr: str, wanted: tuple[str, ...]) -> Matcher:
    """What compares an element's values with those of a key."""
    if vr == "PN":
        return _any(tuple(_name(value) for value in wanted))
    if vr in _TIMES:
        return _any(tuple(_time(value, vr) for value in wanted))
    if vr in _NUMERIC:
        return _any(tuple(_number(value) for value in wanted))
    if vr in _WILD:
        return _any(tuple(_text(value) for value in wanted))
    chosen = frozenset(wanted)
    return lambda have: any(value in chosen for value in have)


def _any(tests: tuple[Callable[[str], bool], ...]) -> Matcher:
    def compare(have: tuple[str, ...]) -> bool:
        # A bare "*" is met by nothing at all too.
        return any(test(value) for test in tests for value in have or ("",))

    return compare


def _text(value: str) -> Callable[[str], bool]:
    if "*" not in value and "?" not in value:
        return lambda have: have == value
    return partial(wildcard, value)


def _number(value: str) -> Callable[[str], bool]:
    return lambda have: have != "" and have.lstrip("+0") == value.lstrip("+0")


def _time(value: str, vr: str) -> Callable[[str], bool]:
    wanted = ranges.asked(value, vr)

    def compare(have: str) -> bool:
        named = ranges.span(have, vr) if have else None
        return wanted is not None and named is not None and wanted.holds(named)

    return (lambda _: True) if value == "*" else compare


def _name(value: str) -> Callable[[str], bool]:
    groups = [_group(group) for group in value.split("=") if group.strip("^ ")]

    def compare(have: str) -> bool:
        forms = {form for group in have.split("=") for form in _forms(group)} or {""}
        return all(any(test(form) for form in forms) for test in groups)

    return compare


def _forms(group: str) -> Iterator[str]:
    bare = group.rstrip("^ ")
    yield folded(bare)
    yield folded(spelled(bare))


def _group(value: str) -> Callable[[str], bool]:
    wanted = folded(value.rstrip("^ "))
    if "*" in wanted or "?" in wanted:
        return partial(wildcard, wanted)
    parts = [part.strip() for part in wanted.split("^")]

    def compare(have: str) -> bool:
        known = [part.strip() for part in have.split("^")]
        known += [""] * (len(parts) - len(known))
        return all(part in ("", known[n]) for n, part in enumerate(parts))

    return compare


def wildcard(pattern: str, value: str) -> bool:
    """``*`` any characters, ``?`` one.  Takes no longer than the product of the lengths."""
    at, mark, star = 0, 0, -1
    position = 0
    while position < len(value):
        if at < len(pattern) and pattern[at] == "*":
            star, mark, at = at, position, at + 1
        elif at < len(pattern) and pattern[at] in ("?", value[position]):
            at, position = at + 1, position + 1
        elif star >= 0:
            mark += 1
            at, position = star + 1, mark
        else:
            return False
    return not pattern[at:].strip("*")


def _paired(identifier: Dataset) -> Iterator[tuple[int, int]]:
    for date, time in _PAIRS:
        if _is_range(identifier, date) and _is_range(identifier, time):
            yield date, time


def _is_range(identifier: Dataset, tag: int) -> bool:
    element = element_of(identifier, tag)
    return element is not None and any(ranges.is_range(value) for value in _values(element))


def _pair_matches(identifier: Dataset, candidate: Dataset, date: int, time: int) -> bool:
    if element_of(candidate, date) is None:
        return True
    days, hours = (
        ranges.asked(_first(identifier, date), "DA"),
        ranges.asked(_first(identifier, time), "TM"),
    )
    day = ranges.span(_first(candidate, date), "DA")
    hour = ranges.span(_first(candidate, time), "TM")
    if days is None or hours is None or day is None or hour is None:
        return False
    return ranges.joined(days, hours).holds(ranges.joined(day, hour))


def _first(data_set: Dataset, tag: int) -> str:
    element = element_of(data_set, tag)
    found = () if element is None else _values(element)
    return found[0] if found else ""
