"""What stands alike in message after message: which test it was, and in which unit.

Both are read from the text and from nothing else, so an answer holds for every message; the last
ones are remembered.  Nothing of a patient is asked here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from gateway.messages.verification.comparison import same_parts, same_repetitions
from gateway.messages.verification.readback import seen_in_line, wire_length
from gateway.messages.verification.values import ST_LENGTH

_REMEMBERED: Final = 2048
_LONGEST: Final = 1000
"""Characters of a name or unit that may be remembered."""


def same_test(text: str, device: str, loinc: str | None, display: str | None) -> bool:
    """Whether OBX-3 names this test: the LOINC first, else the device's own code."""
    ask = _same_test if display and len(display) > _LONGEST else _same_test_as_before
    return ask(text, device, loinc, display)


def same_unit(text: str, device: str, ucum: str | None) -> bool:
    """Whether OBX-6 is this unit: UCUM first, else as the device wrote it."""
    ask = _same_unit if len(device) > _LONGEST else _same_unit_as_before
    return ask(text, device, ucum)


def _same_test(text: str, device: str, loinc: str | None, display: str | None) -> bool:
    if loinc is None:
        return same_parts(text, (device, seen_in_line(display or device), "L"))
    shown = seen_in_line(display or "")
    shown = shown if wire_length(shown) <= ST_LENGTH else ""
    return same_parts(text, (loinc, shown, "LN", device, device, "L"))


def _same_unit(text: str, device: str, ucum: str | None) -> bool:
    device = seen_in_line(device)
    if ucum is None:
        wanted = [device, device, "L"] if device else []
    elif device in ("", ucum):
        wanted = [ucum, ucum, "UCUM"]
    else:
        wanted = [ucum, device, "UCUM", device, device, "L"]
    return same_repetitions(text, [wanted] if wanted else [])


_same_test_as_before = lru_cache(_REMEMBERED)(_same_test)
_same_unit_as_before = lru_cache(_REMEMBERED)(_same_unit)
