"""A result's value as OBX-2 and OBX-5, by what the destination reads (HL7 2.5.1 chapter 2A).

===============  ==========================  ===============================
value            written                     where SN is not understood
===============  ==========================  ===============================
``5.40``         NM, digits as sent          (the same)
``<0.01``        SN ``<^0.01``               ST ``<0.01``, OBX-8 ``<``
``1:80``         SN ``^1^:^80``              ST ``1:80``
``2-5``          SN ``^2^-^5``               ST ``2-5``
a code           CWE or CE                   (the same)
text             ST; FT when long or lines   (the same)
no result        nothing in OBX-5            (the same)
===============  ==========================  ===============================

A number of more than 16 characters, or with an exponent, does not fit NM and is written as ST.
"""

from __future__ import annotations

import re

from gateway.messages.destinations import DestinationProfile, ValueType
from gateway.messages.errors import Obstacle
from gateway.messages.oru.pen import ST_LENGTH, Pen
from gateway.protocols.hl7 import components, escape, has_line_break
from gateway.report import Absent, Coded, Comparator, Quantity, Range, Text, Titer, Value

NM_LENGTH = 16
LONGEST_NUMBER = 64

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_BEYOND_SCALE = {Comparator.LESS: "<", Comparator.GREATER: ">"}

Written = tuple[str, str, str]
"""OBX-2, OBX-5, and a flag OBX-8 must carry because the value type cannot."""


def write_value(value: Value, raw: str, profile: DestinationProfile, pen: Pen) -> Written:
    """``raw`` is the device's own text; it becomes the original text of a CWE."""
    match value:
        case Quantity(number, comparator):
            return _quantity(number, comparator, profile, pen)
        case Titer(numerator, denominator):
            return _structured(numerator, ":", denominator, profile, pen)
        case Range(low, high):
            return _structured(low, "-", high, profile, pen)
        case Coded():
            return _coded(value, raw, profile, pen)
        case Text(text):
            return (*_text(text, profile, pen), "")
        case Absent():
            return (ValueType.ST if profile.value_type_required else "", "", "")


def _quantity(
    number: str, comparator: Comparator | None, profile: DestinationProfile, pen: Pen
) -> Written:
    fits = _number(number, pen)
    if comparator is None:
        return (ValueType.NM if fits else ValueType.ST, number, "")
    if fits and profile.structured_numeric:
        return (ValueType.SN, f"{comparator}^{number}", "")
    return (ValueType.ST, comparator + number, _BEYOND_SCALE.get(comparator, ""))


def _structured(
    first: str, separator: str, second: str, profile: DestinationProfile, pen: Pen
) -> Written:
    fit = [_number(first, pen), _number(second, pen)]
    if all(fit) and profile.structured_numeric:
        return (ValueType.SN, f"^{first}^{separator}^{second}", "")
    return (ValueType.ST, f"{first}{separator}{second}", "")


def _number(number: str, pen: Pen) -> bool:
    """Whether ``number`` fits NM; what is no number at all is refused."""
    match = _NUMBER.fullmatch(number)
    if match is None or len(number) > LONGEST_NUMBER:
        raise pen.refuse(Obstacle.NOT_A_NUMBER, 5)
    return len(number) <= NM_LENGTH and match[1] is None


def _coded(value: Coded, raw: str, profile: DestinationProfile, pen: Pen) -> Written:
    if not value.code.strip() and not value.text.strip():
        raise pen.refuse(Obstacle.EMPTY, 5)
    code = pen.identifier(value.code, 5) if value.code else ""
    parts = [code, pen.text(value.text, 5), (value.system or "L") if code else ""]
    original = escape(raw)
    if profile.coded is ValueType.CWE and original.strip() and len(original) <= ST_LENGTH:
        parts += ["", "", "", "", "", pen.text(raw, 5)]
    return (profile.coded, components(*parts), "")


def _text(text: str, profile: DestinationProfile, pen: Pen) -> tuple[str, str]:
    written = escape(text)
    if not written.strip():
        raise pen.refuse(Obstacle.EMPTY, 5)
    plain = len(written) <= ST_LENGTH and not has_line_break(text)
    if plain or profile.long_text is None:
        return (ValueType.ST, pen.text(text, 5))
    return (profile.long_text, pen.formatted(text, 5))
