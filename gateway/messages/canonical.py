"""A report in the one form that is stored and hashed: equal reports, equal bytes.

It is ``report_json`` in full with sorted keys, no spaces and ASCII only.  The observations, nearly
all of it, are written straight as text; everything else goes the library's way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from gateway.messages.report_json import report_json, value_json
from gateway.report import Observation, Quantity, Report, Value

_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"))
_PLACE: Final = '"observations":[]'
"""A quote within a text is escaped, so this can only be the key."""


def canonical_text(report: Report) -> str:
    """The full form with sorted keys and no spaces."""
    before, _, after = _ENCODER.encode(report_json(replace(report, observations=()))).partition(
        _PLACE
    )
    return f'{before}"observations":[{",".join(_observations(report.observations))}]{after}'


def _observations(observations: Iterable[Observation]) -> Iterator[str]:
    """Panels repeat their times: each is written once."""
    last: datetime | None = None
    moment = "null"
    for one in observations:
        if one.observed_at is not last:
            last = one.observed_at
            moment = quoted(last.isoformat()) if last else "null"
        yield _observation(one, moment)


def _observation(one: Observation, moment: str) -> str:
    code = one.code
    return (
        f'{{"code":{{"device":{quoted(code.device)},"display":{_text(code.display)},'
        f'"loinc":{_text(code.loinc)}}},"flags":{_texts(one.flags)},"notes":{_texts(one.notes)},'
        f'"observed_at":{moment},"operator":{_text(one.operator)},"range":{_text(one.range)},'
        f'"raw":{quoted(one.raw)},"status":{quoted(one.status)},"value":{_value(one.value)}}}'
    )


def _value(value: Value) -> str:
    if not isinstance(value, Quantity):
        return _ENCODER.encode(value_json(value))
    unit = value.unit
    measured = f'{{"device":{quoted(unit.device)},"ucum":{_text(unit.ucum)}}}' if unit else "null"
    return (
        f'{{"comparator":{_text(value.comparator)},"kind":"quantity",'
        f'"number":{quoted(value.number)},"unit":{measured}}}'
    )


def _texts(texts: tuple[str, ...]) -> str:
    return f"[{','.join(map(quoted, texts))}]" if texts else "[]"


def _text(text: str | None) -> str:
    return "null" if text is None else quoted(text)
