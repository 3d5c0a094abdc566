"""What the archive's index knows of a study, series or instance, by tag; and QIDO-RS matching.

Queries are put into SQL over names of our own; values travel as bindings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.archive.rows import as_corrected
from gateway.errors import GatewayError


class BadQuery(GatewayError):
    """A query that makes no sense; names the parameter, never its value."""


class Level(StrEnum):
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class Attribute:
    """``column`` is of tables s (studies), e (series), i (instances)."""

    tag: str
    keyword: str
    vr: str
    column: str
    level: Level = Level.STUDY


_MODALITIES: Final = "(SELECT group_concat(DISTINCT modality) FROM series WHERE study = s.id)"
_SERIES_COUNT: Final = "(SELECT COUNT(*) FROM series WHERE study = s.id)"

_GONE: Final = "state IN ('purging', 'purged')"
_GONE_OF_SERIES: Final = f"EXISTS (SELECT 1 FROM instances x WHERE x.series = e.id AND x.{_GONE})"  # noqa: S608
_GONE_OF_STUDY: Final = (
    "EXISTS (SELECT 1 FROM instances x JOIN series y ON y.id = x.series "  # noqa: S608
    f"WHERE y.study = s.id AND x.{_GONE})"
)


def _availability(gone: str, level: Level) -> Attribute:
    """Of several instances the worst."""
    column = f"(CASE WHEN {gone} THEN 'UNAVAILABLE' ELSE 'ONLINE' END)"
    return Attribute("00080056", "InstanceAvailability", "CS", column, level)


ATTRIBUTES: Final[Sequence[Attribute]] = (
    Attribute("00080020", "StudyDate", "DA", "s.study_date"),
    Attribute("00080030", "StudyTime", "TM", "s.study_time"),
    Attribute("00080050", "AccessionNumber", "SH", "s.accession"),
    Attribute("00080061", "ModalitiesInStudy", "CS", _MODALITIES),
    Attribute("00080090", "ReferringPhysicianName", "PN", "s.referring"),
    Attribute("00081030", "StudyDescription", "LO", "s.description"),
    Attribute("00100010", "PatientName", "PN", as_corrected("patient_name")),
    Attribute("00100020", "PatientID", "LO", as_corrected("patient_id")),
    Attribute("00100021", "IssuerOfPatientID", "LO", as_corrected("issuer")),
    Attribute("00100030", "PatientBirthDate", "DA", as_corrected("birth_date")),
    Attribute("00100040", "PatientSex", "CS", as_corrected("sex")),
    Attribute("0020000D", "StudyInstanceUID", "UI", "s.uid"),
    Attribute("00200010", "StudyID", "SH", "s.study_id"),
    Attribute("00201206", "NumberOfStudyRelatedSeries", "IS", _SERIES_COUNT),
    Attribute("00201208", "NumberOfStudyRelatedInstances", "IS", "s.instances"),
    _availability(_GONE_OF_STUDY, Level.STUDY),
    Attribute("00080060", "Modality", "CS", "e.modality", Level.SERIES),
    Attribute("0008103E", "SeriesDescription", "LO", "e.description", Level.SERIES),
    Attribute("0020000E", "SeriesInstanceUID", "UI", "e.uid", Level.SERIES),
    Attribute("00200011", "SeriesNumber", "IS", "e.number", Level.SERIES),
    Attribute("00201209", "NumberOfSeriesRelatedInstances", "IS", "e.instances", Level.SERIES),
    _availability(_GONE_OF_SERIES, Level.SERIES),
    Attribute("00080016", "SOPClassUID", "UI", "i.sop_class", Level.INSTANCE),
    Attribute("00080018", "SOPInstanceUID", "UI", "i.uid", Level.INSTANCE),
    _availability(f"i.{_GONE}", Level.INSTANCE),
    Attribute("00080023", "ContentDate", "DA", "i.content_date", Level.INSTANCE),
    Attribute("00080033", "ContentTime", "TM", "i.content_time", Level.INSTANCE),
    Attribute("00083002", "AvailableTransferSyntaxUID", "UI", "i.transfer_syntax", Level.INSTANCE),
    Attribute("00200013", "InstanceNumber", "IS", "i.number", Level.INSTANCE),
    Attribute("00280008", "NumberOfFrames", "IS", "i.frames", Level.INSTANCE),
    Attribute("00280010", "Rows", "US", "i.rows", Level.INSTANCE),
    Attribute("00280011", "Columns", "US", "i.columns", Level.INSTANCE),
)
_LEVELS: Final = (Level.STUDY, Level.SERIES, Level.INSTANCE)
RETRIEVE_URL: Final = "00081190"
_ONE: Final = r"(?:[0-9A-Fa-f]{8}|[A-Z][A-Za-z0-9]{2,63})"
_NAME: Final = re.compile(rf"{_ONE}(?:\.{_ONE}){{0,7}}")
_LONGEST: Final = 1024


def of_level(level: Level) -> tuple[Attribute, ...]:
    """What is answered at a level: its own and everything above."""
    upto = _LEVELS[: _LEVELS.index(level) + 1]
    return tuple({a.tag: a for a in ATTRIBUTES if a.level in upto}.values())


def named(name: str, level: Level) -> Attribute | None:
    """By keyword or tag, joined by dots within sequences; None for one that is not answered at
    this level; BadQuery for no attribute."""
    if not _NAME.fullmatch(name):
        raise BadQuery("a parameter is neither an attribute nor limit, offset, includefield")
    for attribute in of_level(level):
        if name == attribute.keyword or name.upper() == attribute.tag:
            return attribute
    return None


def condition(attribute: Attribute, value: str) -> tuple[str, list[str]]:
    """SQL and bindings for one matching key; universal matching is no condition."""
    if len(value) > _LONGEST:
        raise BadQuery(f"{attribute.keyword}: longer than {_LONGEST} characters")
    if value in ("", "*"):
        return "1", []
    column = attribute.column
    each = value.replace("\\", ",").split(",")
    if attribute.keyword == "ModalitiesInStudy":
        any_of = " OR ".join(["m.modality GLOB ?"] * len(each))
        found = f"EXISTS (SELECT 1 FROM series m WHERE m.study = s.id AND ({any_of}))"  # noqa: S608
        return found, [_glob(one) for one in each]
    match attribute.vr:
        case "UI":
            return f"{column} IN ({','.join('?' * len(each))})", each
        case "DA" | "TM" if "-" in value:
            return _range(attribute, value)
        case "PN":
            return f"'=' || {column} || '=' GLOB ?", [f"*={_any_case(value)}=*"]
        case "LO" | "SH" | "CS" if "*" in value or "?" in value:
            return f"{column} GLOB ?", [_glob(value)]
        case _:
            return f"{column} = ?", [value]


def _range(attribute: Attribute, value: str) -> tuple[str, list[str]]:
    low, _, high = value.partition("-")
    bounds = [(">=", low), ("<=", high + "~" if high else "")]
    used = [(sign, bound) for sign, bound in bounds if bound]
    if not used or not all(b.rstrip("~").replace(".", "").isdigit() for _, b in used):
        raise BadQuery(f"{attribute.keyword}: a range is written 20260101-20260131")
    terms = [f"{attribute.column} {sign} ?" for sign, _ in used]
    return f"({attribute.column} <> '' AND {' AND '.join(terms)})", [b for _, b in used]


def _glob(pattern: str) -> str:
    """DICOM's wild cards are GLOB's; a bracket is none."""
    return pattern.replace("[", "[[]")


def _any_case(pattern: str) -> str:
    """The same for names, of which upper and lower case are one."""
    return "".join(_letter(one) if one.isalpha() else _glob(one) for one in pattern)


def _letter(one: str) -> str:
    cases = {one, *(case for case in (one.upper(), one.lower()) if len(case) == 1)}
    return f"[{''.join(sorted(cases))}]"


def as_json(attributes: Iterable[Attribute], row: Sequence[Any]) -> dict[str, Any]:
    """One match in the DICOM JSON model (PS3.18 F.2)."""
    shown: dict[str, Any] = {}
    for attribute, value in zip(attributes, row, strict=True):
        shown[attribute.tag] = {"vr": attribute.vr, **_value(attribute, value)}
    return dict(sorted(shown.items()))


def _value(attribute: Attribute, value: Any) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    match attribute.vr:
        case "PN":
            names = ("Alphabetic", "Ideographic", "Phonetic")
            groups = zip(names, str(value).split("="), strict=False)
            return {"Value": [{name: text for name, text in groups if text}]}
        case "IS" | "US":
            text = str(value).strip()
            return {"Value": [int(text)]} if text.lstrip("+-").isdigit() else {}
        case _ if attribute.keyword == "ModalitiesInStudy":
            return {"Value": str(value).split(",")}
        case _:
            return {"Value": str(value).split("\\")}
