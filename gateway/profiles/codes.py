"""Which test a result line is about: the profile's code, the site's map, or nobody's."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.profiles.context import Context
from gateway.profiles.patterns import compiled, matches
from gateway.profiles.reading import Place
from gateway.profiles.schema import Analyte, AnalyzerProfile, Aside, Scale

UNMAPPED: Final = Analyte(None, scale=Scale.ANY)


class Known(NamedTuple):
    """What a profile makes of a code: its normal form, its test, or what else the line is."""

    code: str
    analyte: Analyte | None
    asides: tuple[Aside, ...]


class Test(NamedTuple):
    """``path`` is where the code stood; without an ``analyte`` the test is unknown."""

    code: str
    path: str
    analyte: Analyte | None
    aside: Aside | None = None


def read_test(place: Place, profile: AnalyzerProfile, context: Context) -> Test:
    """The site's map comes before the profile's, by normal form or by the code as sent."""
    path, sent = _sent(place, profile.where.code)
    known = _known(profile, sent)
    aside = _aside(known.asides, place) if known.asides else None
    loinc = (context.codes.get(known.code) or context.codes.get(sent)) if known.code else None
    if loinc is not None:
        return Test(known.code, path, _mapped(profile, sent, loinc), aside)
    analyte = known.analyte
    if analyte is not None and analyte.specimen and not _fits(analyte, place, profile):
        analyte = None
    return Test(known.code, path, analyte, aside)


def _aside(asides: tuple[Aside, ...], place: Place) -> Aside | None:
    return next((one for one in asides if applies(one.when, place)), None)


def applies(conditions: tuple[tuple[str, str], ...], place: Place) -> bool:
    """Whether each pattern matches what stands at its address; nothing there is an empty text."""
    return all(matches(pattern, place.every(path) or ("",)) for path, pattern in conditions)


def _sent(place: Place, paths: tuple[str, ...]) -> tuple[str, str]:
    for path in paths:
        if text := place.whole(path):
            return path, text
    return paths[0], ""


@lru_cache(maxsize=8192)
def _known(profile: AnalyzerProfile, sent: str) -> Known:
    match = compiled(profile.code).fullmatch(sent)
    code = match["code"].strip() if match else sent
    asides = tuple(aside for aside in profile.asides if matches(aside.pattern, (code,)))
    return Known(code, profile.analytes.get(code), asides)


@lru_cache(maxsize=8192)
def _mapped(profile: AnalyzerProfile, sent: str, loinc: str) -> Analyte:
    """A site that repeats the profile's own code takes nothing away from what the profile knows."""
    known = _known(profile, sent).analyte or UNMAPPED
    if known.loinc == loinc:
        return known
    return replace(known, loinc=loinc, by_unit={}, number=None, display=None)


def _fits(analyte: Analyte, place: Place, profile: AnalyzerProfile) -> bool:
    """Whether the specimen is of a type in which this code means this test."""
    path = profile.where.specimen_type
    return path is None or matches(analyte.specimen, (place.whole(path) or "",))
