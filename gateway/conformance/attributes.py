"""Attributes of worklist and query: read off what the services really answer with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from gateway.conformance.markdown import heading, paragraph, table
from gateway.imaging import query
from gateway.imaging.text import DEFAULT
from gateway.imaging.worklist import LIMITS, Code, ScheduledSpecimen, ScheduledStep, data_set

_CODE = Code("1", "L", "1")
_WHOLE = ScheduledStep(
    patient_id="1",
    patient_name="A",
    accession="1",
    study_uid="1.2",
    procedure_id="1",
    step_id="1",
    date=dt.date(2000, 1, 1),
    procedure_code=_CODE,
    protocol_codes=(_CODE,),
    specimens=(ScheduledSpecimen("1", "1", "1.2"),),
)
"""A row in which every sequence has an item."""


def worklist() -> Iterator[str]:
    yield from heading(5, "Attributes of the worklist")
    yield from paragraph(
        "Every attribute is a return key and may be a matching key: single value, wild card",
        "(`*`, `?`), range of dates and times, list of UIDs, sequence and universal matching.",
        "Person names are compared without regard to case and accents. An attribute that is not",
        "here is ignored for matching and answered empty.",
    )
    yield from table(("Attribute", "Tag", "VR"), _elements(data_set(_WHOLE, DEFAULT), ""))
    longest = ", ".join(f"{name.replace('_', ' ')} {limit}" for name, limit in LIMITS.items())
    yield from paragraph(
        "Values are never cut. A row whose value is longer than its VR takes is left out and told",
        f"of in the log (characters: {longest}).",
    )


def study_root() -> Iterator[str]:
    yield from heading(5, "Attributes of the study root model")
    rows = []
    for keyword in query.SUPPORTED:
        tag = tag_for_keyword(keyword)
        if tag is not None:
            rows.append((keyword, _tag(tag), dictionary_VR(tag), query.level_name(keyword)))
    yield from table(("Attribute", "Tag", "VR", "Level"), rows)
    yield from paragraph(
        "Levels above the one asked for are named by their UID (hierarchical, not relational).",
        "Matching is as for the worklist.",
    )


def _elements(found: Dataset, indent: str) -> Iterator[tuple[str, str, str]]:
    for element in found:
        name = keyword_for_tag(element.tag) or str(element.tag)
        yield f"{indent}{name}", _tag(element.tag), str(element.VR)
        if element.VR == "SQ":
            for item in element.value[:1]:
                yield from _elements(item, f"{indent}> ")


def _tag(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
