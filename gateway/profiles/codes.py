"""Which test a result line is about: the profile's code, the site's map, or nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.profiles.context import Context
from gateway.profiles.patterns import compiled, matches
from gateway.profiles.reading import Place, whole
from gateway.profiles.schema import Analyte, AnalyzerProfile, Aside, Scale

UNMAPPED: Final = Analyte(None, scale=Scale.ANY)


@dataclass(frozen=True, slots=True)
class Test:
    """``code`` as the profile normalises it; ``path`` where it stood; no ``analyte``: unknown."""

    code: str
    path: str
    analyte: Analyte | None


def read_test(place: Place, profile: AnalyzerProfile, context: Context) -> Test:
    """The site's map comes before the profile's, by normalised code or by the code as sent."""
    path, sent = _sent(place, profile.where.code)
    match = compiled(profile.code).fullmatch(sent)
    code = match["code"].strip() if match else sent
    known = profile.analytes.get(code)
    loinc = _mapped(context.codes, code, sent)
    if loinc is not None:
        known = replace(known or UNMAPPED, loinc=loinc, by_unit={}, number=None, display=None)
    elif known is not None and not _fits(known, place, profile):
        known = None
    return Test(code, path, known)


def _fits(analyte: Analyte, place: Place, profile: AnalyzerProfile) -> bool:
    """Whether the specimen is of a type in which this code means this test."""
    path = profile.where.specimen_type
    if not analyte.specimen or path is None:
        return True
    return matches(analyte.specimen, (whole(place, path) or "",))


def aside_of(code: str, profile: AnalyzerProfile) -> Aside | None:
    """What this line is when it is no measurement."""
    for aside in profile.asides:
        if compiled(aside.pattern).fullmatch(code):
            return aside
    return None


def _sent(place: Place, paths: tuple[str, ...]) -> tuple[str, str]:
    for path in paths:
        if text := whole(place, path):
            return path, text
    return paths[0], ""


def _mapped(codes: Mapping[str, str], code: str, sent: str) -> str | None:
    return (codes.get(code) or codes.get(sent)) if code else None
