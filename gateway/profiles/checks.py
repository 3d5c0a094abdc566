"""Whether a profile can be used: every mistake in it, in words."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from gateway.profiles.columns import Meaning
from gateway.profiles.link import Protocol
from gateway.profiles.loinc import is_loinc
from gateway.profiles.numbers import EITHER
from gateway.profiles.patterns import matches
from gateway.profiles.readers import READERS
from gateway.profiles.schema import AnalyzerProfile, QcUnknown, Where
from gateway.profiles.text_views import known_codec
from gateway.profiles.units import known_ucum

_NAME: Final = re.compile("[a-z0-9][a-z0-9-]{0,62}")
_ADDRESSES: Final = tuple(f.name for f in fields(Where) if f.name != "parts")


def mistakes(profile: AnalyzerProfile) -> tuple[str, ...]:
    """Empty for a sound profile."""
    return tuple(_mistakes(profile))


def _mistakes(profile: AnalyzerProfile) -> Iterator[str]:
    if not _NAME.fullmatch(profile.name):
        yield "the name must be lower-case letters, digits and dashes"
    reader = READERS.get(profile.link.protocol)
    if reader is None:
        yield f"no reader for {profile.link.protocol.value}"
    if profile.link.protocol is Protocol.TEXT and not known_codec(profile.link.codec):
        yield f"'{profile.link.codec}' is no text language"
    yield from (
        f"column '{heading}': '{meaning}' is no meaning"
        for heading, meaning in profile.columns.items()
        if meaning not in set(Meaning)
    )
    if not profile.source or not all(text.strip() for text in profile.source):
        yield "no source document"
    if not profile.qc:
        yield "no QC rule; say QcUnknown(reason) where none is known"
    if isinstance(profile.qc, QcUnknown) and not profile.qc.reason.strip():
        yield "QcUnknown without a reason"
    if not _is_encoding(profile.encoding):
        yield f"'{profile.encoding}' is no character encoding"
    if profile.decimal not in (".", ",", EITHER):
        yield "the decimal separator is neither point nor comma nor either"
    yield from _codes(profile)
    yield from _patterns(profile)
    if reader is not None:
        yield from (f"'{p}' is no address" for p in addresses(profile) if not reader.addresses(p))


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _codes(profile: AnalyzerProfile) -> Iterator[str]:
    known = known_ucum()
    for code, analyte in profile.menu.items():
        loincs = (analyte.loinc, analyte.number, *analyte.by_unit.values())
        if not all(loinc is None or is_loinc(loinc) for loinc in loincs):
            yield f"{code}: a LOINC code has a wrong check digit"
        units = (*analyte.units, *analyte.by_unit, *filter(None, (analyte.unsent,)))
        for unit in units:
            if unit not in known:
                yield f"{code}: '{unit}' is not in the list of UCUM units"
    for unit in profile.units.values():
        if unit not in known:
            yield f"'{unit}' is not in the list of UCUM units"


def _patterns(profile: AnalyzerProfile) -> Iterator[str]:
    patterns = [void.pattern for void in profile.voids]
    patterns += [rule.pattern for rule in profile.rules]
    patterns += [pattern for rule in profile.rules for _, pattern in rule.when]
    patterns += [aside.pattern for aside in profile.asides]
    patterns += [pattern for aside in profile.asides for _, pattern in aside.when]
    patterns += [alarm.pattern for alarm in profile.alarms]
    patterns.append(profile.no_ids)
    patterns += [label.pattern for label in profile.labels]
    patterns += [signature.pattern for signature in profile.signatures]
    for pattern in (*patterns, profile.code):
        try:
            re.compile(pattern)
        except re.error:
            yield f"'{pattern}' is no regular expression"
    for rule in profile.rules:
        if not matches(rule.pattern, (rule.example,)):
            yield f"the example of the rule for {rule.path} does not match it"
    if "(?P<code>" not in profile.code:
        yield "the pattern of codes has no group 'code'"


def addresses(profile: AnalyzerProfile) -> Iterator[str]:
    """Every address the profile names."""
    for name in _ADDRESSES:
        found = getattr(profile.where, name)
        yield from found if isinstance(found, tuple) else filter(None, (found,))
    yield from (rule.path for rule in profile.rules)
    yield from (path for rule in profile.rules for path, _ in rule.when)
    yield from (path for aside in profile.asides for path, _ in aside.when)
    yield from (alarm.path for alarm in profile.alarms)
    yield from (signature.path for signature in profile.signatures)
    yield from (*profile.volatile, *profile.shape.fixed, *profile.shape.pads)
    query = profile.query
    if query is not None:
        yield from (query.specimen, query.tests, query.order_specimen, query.order_test)
        yield from (address for _, address in query.echo)
        yield from query.fixed
