"""Operator and patient lists as POCT1-A messages, complete ones (OPL.R01, PTL.R01).

The objects hold what every device must understand: id and name, for patients birth date and sex.
Which devices want more (access levels, incremental lists) is not verified.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.protocols.poct1a.build import Topic, group, leaf
from gateway.protocols.poct1a.plan import Listing
from gateway.protocols.poct1a.xml import Element

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A person on a list; empty texts are left out."""

    id: str = field(repr=False)
    name: str = field(default="", repr=False)
    birth: str = field(default="", repr=False)
    sex: str = ""


def operator_list(entries: Iterable[Entry]) -> Listing:
    found = tuple(_object("OPR", one, "operator_id") for one in entries)
    return Listing("OPL.R01", Topic.OPERATORS, found)


def patient_list(entries: Iterable[Entry]) -> Listing:
    found = tuple(_object("PT", one, "patient_id") for one in entries)
    return Listing("PTL.R01", Topic.PATIENTS, found)


def _object(name: str, entry: Entry, key: str) -> Element:
    facts = (
        (key, entry.id),
        ("name", entry.name),
        ("birth_date", entry.birth),
        ("gender_cd", entry.sex),
    )
    return group(name, *(leaf(f"{name}.{k}", text[:_LONGEST]) for k, text in facts if text))
