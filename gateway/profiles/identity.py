"""Whose specimen, as the device wrote it.  Ids are text: trimmed, never padded, cut or repaired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.names import name_of
from gateway.profiles.context import Context
from gateway.profiles.link import Protocol
from gateway.profiles.patterns import matches
from gateway.profiles.reading import Place
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.times import ABSENT, UnreadableTime, When, read_time
from gateway.report import Patient, PatientId, Problem, ProblemCode, Specimen

SEXES: Final = frozenset("MFUAON")
"""HL7 table 0001; LIS02-A2 knows the first three."""

_SEX_WORDS: Final = {"MALE": "M", "FEMALE": "F"}
_NAME_PARTS: Final = 5
"""Family, given, middle, suffix, prefix; what follows in HL7 says what kind of name it is."""


@dataclass(frozen=True, slots=True)
class Identity:
    specimen: Specimen
    patient: Patient
    problems: tuple[Problem, ...] = ()


def read_identity(profile: AnalyzerProfile, place: Place, context: Context) -> Identity:
    """Two specimen ids that differ, at one address or two, are an identity conflict; so are two
    patient ids at one address, unless somebody else assigned the second."""
    where = profile.where
    found = [(text, path) for path in where.specimen for text in _ids(profile, place.every(path))]
    problems: list[Problem] = []
    for text, path in found[1:]:
        if text != found[0][0]:
            problems.append(Problem(ProblemCode.IDENTITY_CONFLICT, place.locate(path)))
    problems += _two_patients(profile, place)
    collected = _date(where.collected, profile, place, context, problems)
    birth = _date(where.birth, profile, place, context, problems)
    specimen = Specimen(
        id=found[0][0] if found else None,
        position=_joined(where.position, place),
        type=_trimmed(place, where.specimen_type),
        collected_at=collected.moment,
    )
    patient = Patient(
        ids=tuple(_patient_ids(profile, place)),
        name=_name(profile, place),
        birth_date=birth.day.isoformat() if birth.day else None,
        sex=_sex(_trimmed(place, where.sex)),
    )
    return Identity(specimen, patient, tuple(problems))


def _two_patients(profile: AnalyzerProfile, place: Place) -> Iterator[Problem]:
    for path in profile.where.patient:
        owners: dict[tuple[str, ...], str] = {}
        for cell in place.cells(_field(path)):
            number = int(path.rpartition(".")[2]) if _field(path) != path else 1
            parts = [part.strip() for part in cell] + [""] * number
            assigned = tuple("".join(parts[number:]).split())
            for text in _ids(profile, (parts[number - 1],)):
                if owners.setdefault(assigned, text) != text:
                    yield Problem(ProblemCode.IDENTITY_CONFLICT, place.locate(path))


def _field(path: str) -> str:
    """The whole field of an address of one of its components."""
    return path.rpartition(".")[0] if path.count(".") == 2 else path


def _patient_ids(profile: AnalyzerProfile, place: Place) -> Iterator[PatientId]:
    for path in profile.where.patient:
        for text in dict.fromkeys(_ids(profile, place.every(path))):
            yield PatientId(text, _named(path))


def _ids(profile: AnalyzerProfile, texts: Iterable[str]) -> Iterator[str]:
    """Without what the device fills ids with, and without texts that stand for none."""
    for text in texts:
        bare = text.lstrip(profile.padding) if profile.padding else text
        if bare and not (profile.no_ids and matches(profile.no_ids, (bare,))):
            yield bare


def _named(path: str) -> str:
    """The place as manuals write it: the first component of a field is the field."""
    return path.removesuffix(".1") if path.count(".") == 2 else path


def _trimmed(place: Place, path: str | None) -> str | None:
    return place.whole(path) if path else None


def _joined(paths: tuple[str, ...], place: Place) -> str | None:
    """Components with ``^`` between them: of the one cell, or from several addresses."""
    return "^".join(_components(paths, place)).rstrip("^") or None


def _components(paths: tuple[str, ...], place: Place) -> list[str]:
    match paths:
        case ():
            return []
        case (path,):
            return [part.strip() for cell in place.cells(path)[:1] for part in cell]
        case _:
            return [(place.at(path) or "").strip() for path in paths]


def _name(profile: AnalyzerProfile, place: Place) -> str | None:
    """In HL7 a family name may have subcomponents; the first is the whole of it.  Languages without
    components write the parts of a name as one text."""
    paths = profile.where.name
    match profile.link.protocol, paths:
        case Protocol.HL7, (path,) if path.count(".") == 1:
            numbers = range(1, _NAME_PARTS + 1)
            paths = tuple(f"{path}[1].{number}.1" for number in numbers)
        case ((Protocol.ASTM | Protocol.HL7), _):
            pass
        case _:
            text = _joined(paths, place) or ""
            return "^".join(text.split("^")[:_NAME_PARTS]).rstrip("^") or None
    return name_of(_components(paths, place)[:_NAME_PARTS]) or None


def _sex(text: str | None) -> str | None:
    word = (text or "").upper()
    letter = _SEX_WORDS.get(word, word)
    return letter if letter in SEXES else None


def _date(
    path: str | None,
    profile: AnalyzerProfile,
    place: Place,
    context: Context,
    problems: list[Problem],
) -> When:
    """Of the patient or the specimen: without it a result is still whole, so it does not hold."""
    text = place.whole(path) if path else None
    if path is None or text is None:
        return ABSENT
    try:
        return read_time(text, profile.dates, context.timezone, context.received_at.date())
    except UnreadableTime:
        problems.append(Problem(ProblemCode.UNREADABLE_DATE, place.locate(path), hold=False))
        return ABSENT
