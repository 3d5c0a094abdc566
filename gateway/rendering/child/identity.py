"""Whose a data set is: another identity, with what was there before kept beside it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pydicom import Dataset
from pydicom.charset import convert_encodings
from pydicom.sequence import Sequence as Items

from gateway.rendering.trouble import Refused, Trouble


def correct(instance: Dataset, correction: Mapping[str, Any] | None) -> None:
    """New identity, with what was there before in Original Attributes (PS3.3 C.12.1.1.9)."""
    if not correction:
        return
    if not _fits(instance, correction["values"]):
        _to_unicode(instance)
    before = Dataset()
    for name in correction["names"]:
        if name in instance:
            before.add(copy.deepcopy(instance[name]))
        elif name != "IssuerOfPatientID":
            setattr(before, name, "")
    for name, value in zip(correction["names"], correction["values"], strict=True):
        if value or name != "IssuerOfPatientID":
            setattr(instance, name, value)
        elif name in instance:
            del instance[name]
    entry = Dataset()
    entry.SourceOfPreviousValues = ""
    entry.AttributeModificationDateTime = correction["at"]
    entry.ModifyingSystem = correction["system"]
    entry.ReasonForTheAttributeModification = "CORRECT"
    entry.ModifiedAttributesSequence = Items([before])
    entries = list(instance.get("OriginalAttributesSequence") or ())
    instance.OriginalAttributesSequence = Items([*entries, entry])


def correct_only(instance: Dataset, correction: Mapping[str, Any] | None) -> None:
    """New identity, without the note of what was there before."""
    correct(instance, correction)
    if "OriginalAttributesSequence" in instance:
        del instance.OriginalAttributesSequence


def _fits(instance: Dataset, values: Sequence[str]) -> bool:
    """Whether the instance's own character set can write them."""
    text = "".join(values)
    if text.isascii():
        return True
    named = instance.get("SpecificCharacterSet")
    if not named:
        return False
    try:
        text.encode(convert_encodings(named)[0])
    except (UnicodeError, LookupError):
        return False
    return True


def _to_unicode(instance: Dataset) -> None:
    """Every text decoded by the set it came in, to be written in UTF-8."""
    instance.decode()
    _say_unicode(instance, 32)
    instance.SpecificCharacterSet = "ISO_IR 192"


def _say_unicode(data_set: Dataset, depth: int) -> None:
    if depth == 0:
        raise Refused(Trouble.UNDECODABLE)
    for element in data_set:
        for item in element.value if element.VR == "SQ" else ():
            if "SpecificCharacterSet" in item:
                item.SpecificCharacterSet = "ISO_IR 192"
            _say_unicode(item, depth - 1)
