"""What a site says about its ids and orders, as data.

An ``IdType`` is a pattern and a check digit; an id that fits none of a site's types was misread or
mistyped.  ``panels`` says which tests an ordered panel means; ``known`` are the codes that name a
single test here, so that an order for glucose does not take a potassium.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from gateway.matching.check_digits import mod_10, mod_37_2

_LONGEST = 199


class Policy(StrEnum):
    """What a result without a known order does.

    ``OPTIONAL``: it goes to its patient without one (point of care).  ``REQUIRED``: it waits, and
    leaves by itself when an order with its label arrives.  ``HOLD``: a person decides; an order
    that arrives later is no more than a suggestion.
    """

    OPTIONAL = "optional"
    REQUIRED = "required"
    HOLD = "hold"


class Check(StrEnum):
    NONE = "none"
    MOD_10 = "mod-10"
    MOD_37_2 = "mod-37-2"

    def passes(self, text: str) -> bool:
        match self:
            case Check.MOD_10:
                return mod_10(text)
            case Check.MOD_37_2:
                return mod_37_2(text)
            case Check.NONE:
                return True


@dataclass(frozen=True, slots=True)
class IdType:
    """``pattern`` matches a whole id; its group ``id``, if any, is what the check covers."""

    pattern: str
    check: Check = Check.NONE

    def fits(self, text: str) -> bool:
        match = re.fullmatch(self.pattern, text) if len(text) <= _LONGEST else None
        if match is None:
            return False
        return self.check.passes(match.groupdict().get("id") or text)


Tests = tuple[frozenset[str], ...]
"""The tests of a panel on one device, each by every code it may come under."""


@dataclass(frozen=True, slots=True)
class Rules:
    """``policies`` by device; empty ``specimens`` and ``patients`` take every id.

    ``matches`` is false where nobody sends orders, ``hold_failed`` holds patients' results of a
    test whose control failed.  ``late``: how long after a result its order may come and take it by
    itself.  ``expected``: by device and ordered code, what a whole panel brings; ``hold_partial``
    holds one that is not whole.
    """

    policies: Mapping[str, Policy]
    specimens: tuple[IdType, ...] = ()
    patients: tuple[IdType, ...] = ()
    panels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    matches: bool = True
    hold_failed: bool = False
    late: timedelta = timedelta(hours=24)
    expected: Mapping[str, Mapping[str, Tests]] = field(default_factory=dict)
    hold_partial: bool = False

    def policy(self, device: str) -> Policy:
        return self.policies.get(device, Policy.REQUIRED)


def fits(types: tuple[IdType, ...], text: str) -> bool:
    return not types or any(one.fits(text) for one in types)
