"""Which property a LOINC code stands for and which one a unit has: mass or moles in a volume, ...

LOINC gives glucose in mg/dL one code (2345-7, mass in a volume) and glucose in mmol/L another
(14749-6, moles in a volume).  A result whose code says one and whose unit says the other is read
wrongly by whoever goes by the code.  Both are derived from what ships with the gateway: the words
in square brackets of a long common name, else the unit of the list; a unit by its atoms.  What they
do not say is not known, and what is not known contradicts nothing.  Nothing is ever converted.

Enzyme activity and arbitrary units count as one property, and so do moles, equivalents and osmoles:
devices write ``U/L`` and ``IU/L``, ``mmol/L`` and ``mEq/L`` for the same code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.profiles.loinc import display_of, names, terms
from gateway.profiles.ucum import Factor, factors


class Dimension(StrEnum):
    """What properties are made of."""

    MASS = "mass"
    MOLES = "moles"
    UNITS = "units"
    NUMBER = "number"
    VOLUME = "volume"
    AREA = "area"
    LENGTH = "length"
    TIME = "time"
    PRESSURE = "pressure"
    TEMPERATURE = "temperature"
    PH = "pH"
    FIELD = "field"
    INR = "INR"
    FRACTION = "fraction"
    RATIO = "ratio"


class Property(NamedTuple):
    """An amount, by itself or for each of what is ``below``: mass/volume."""

    above: Dimension
    below: Dimension | None = None

    def __str__(self) -> str:
        return self.above if self.below is None else f"{self.above}/{self.below}"


_FRACTION: Final = Property(Dimension.FRACTION)
_RATIO: Final = Property(Dimension.RATIO)
_INR: Final = Property(Dimension.INR)
_MASS_RATIO: Final = Property(Dimension.MASS, Dimension.MASS)
_MOLE_RATIO: Final = Property(Dimension.MOLES, Dimension.MOLES)

NAMED: Final = {
    "Mass/volume": Property(Dimension.MASS, Dimension.VOLUME),
    "Moles/volume": Property(Dimension.MOLES, Dimension.VOLUME),
    "Units/volume": Property(Dimension.UNITS, Dimension.VOLUME),
    "Enzymatic activity/volume": Property(Dimension.UNITS, Dimension.VOLUME),
    "#/volume": Property(Dimension.NUMBER, Dimension.VOLUME),
    "Volume Fraction": _FRACTION,
    "Mass Ratio": _MASS_RATIO,
}
"""What stands in the square brackets of long common names."""

_WHOLE: Final = {"%": _FRACTION, "{INR}": _INR, "{ratio}": _RATIO, "{index}": _RATIO}
_ATOMS: Final = {
    "g": Dimension.MASS,
    **dict.fromkeys(("mol", "eq", "osm"), Dimension.MOLES),
    **dict.fromkeys(("U", "[IU]", "[iU]", "kat", "[arb'U]", "[USP'U]"), Dimension.UNITS),
    **dict.fromkeys(("L", "l"), Dimension.VOLUME),
    **dict.fromkeys(("s", "min", "h", "d", "wk", "mo", "a"), Dimension.TIME),
    **dict.fromkeys(("m[Hg]", "Pa", "bar"), Dimension.PRESSURE),
    **dict.fromkeys(("[HPF]", "[LPF]"), Dimension.FIELD),
    "Cel": Dimension.TEMPERATURE,
    "[pH]": Dimension.PH,
    "": Dimension.NUMBER,
}
_METRES: Final = {1: Dimension.LENGTH, 2: Dimension.AREA, 3: Dimension.VOLUME}
_PARTS: Final = frozenset((Dimension.VOLUME, Dimension.NUMBER))
"""Of themselves these are a fraction: ``L/L``, ``/100{WBCs}``."""

_COMPATIBLE: Final = frozenset(
    frozenset(pair)
    for pair in (
        (_FRACTION, _RATIO),
        (_FRACTION, _MASS_RATIO),
        (_RATIO, _MASS_RATIO),
        (_RATIO, _MOLE_RATIO),
        (_RATIO, _INR),
    )
)
"""Numbers without a dimension that may be the same.  A per cent is not mmol/mol: HbA1c has a code
for each, of two calibrations; and a Quick in per cent is no INR."""

_BRACKETS: Final = re.compile(r"\[([^\]]+)\]")


@lru_cache(maxsize=1024)
def property_of_unit(ucum: str) -> Property | None:
    """None where the unit does not say, or says more than one amount in another."""
    if ucum in _WHOLE:
        return _WHOLE[ucum]
    found = factors(ucum)
    if found is None:
        return None
    above = _dimensions(one for one in found if one.power > 0)
    below = _dimensions(one._replace(power=-one.power) for one in found if one.power < 0)
    match above, below:
        case (Dimension() as only,), ():
            return Property(only) if only is not Dimension.NUMBER else None
        case ((), (Dimension() as under,)):
            return _within(Dimension.NUMBER, under)
        case (Dimension() as over,), (Dimension() as under,):
            return _within(over, under)
        case _:
            return None


def _within(over: Dimension, under: Dimension) -> Property:
    return _FRACTION if over is under and over in _PARTS else Property(over, under)


def _dimensions(found: Iterable[Factor]) -> tuple[Dimension | None, ...]:
    """Numbers beside something else only scale it."""
    named = [_dimension(factor) for factor in found]
    counted = [one for one in named if one is not Dimension.NUMBER]
    return tuple(counted or named[:1])


def _dimension(factor: Factor) -> Dimension | None:
    if factor.atom == "m":
        return _METRES.get(factor.power)
    return _ATOMS.get(factor.atom) if factor.power == 1 else None


@lru_cache(maxsize=1024)
def property_of_code(loinc: str) -> Property | None:
    """None for codes that do not ship with the gateway, and for answers in words."""
    bracketed = _BRACKETS.search(names().get(loinc, ""))
    if bracketed is not None and bracketed[1] in NAMED:
        return NAMED[bracketed[1]]
    term = terms().get(loinc)
    return property_of_unit(term.unit) if term is not None and term.unit else None


@lru_cache(maxsize=4096)
def contradict(loinc: str, ucum: str) -> bool:
    """Whether the code is known to stand for another property than the unit has."""
    code, unit = property_of_code(loinc), property_of_unit(ucum)
    if code is None or unit is None or code == unit:
        return False
    return frozenset((code, unit)) not in _COMPATIBLE


def explained(device: str, loinc: str, ucum: str) -> str:
    """A contradiction in words, and what helps; ``device`` is the device's own code."""
    other = counterpart(loinc, ucum)
    fitting = (
        f"{other} ({display_of(other)})" if other else f"the LOINC code of this test in {ucum}"
    )
    said, has = property_of_code(loinc), property_of_unit(ucum)
    return (
        f"'{device}' is mapped to {loinc} ({display_of(loinc)}), which is {said}; {ucum} is {has}. "
        f"Map it to {fitting}, or have the device send the unit of the code"
    )


def counterpart(loinc: str, ucum: str) -> str | None:
    """The code whose name differs in nothing but the property, where it ships with the gateway."""
    name, wanted = names().get(loinc, ""), property_of_unit(ucum)
    bare = _BRACKETS.sub("[]", name)
    fitting = (
        code
        for code, other in names().items()
        if _BRACKETS.sub("[]", other) == bare and property_of_code(code) == wanted
    )
    return next(fitting, None) if bare != name else None
