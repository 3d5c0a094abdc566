"""Recordings of unknown devices: nothing is read from them, they wait for a person."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from gateway.profiles.astm_reading import Payload
from gateway.profiles.reading import Place, Reading
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.text_place import TextPlace
from gateway.protocols.text import Fields
from gateway.report import Problem, ProblemCode

_WORD: Final = re.compile(rb"[\x20-\x7e]{3}")


def says_something(data: bytes) -> bool:
    """Whether there is more than handshakes and noise."""
    return _WORD.search(data) is not None


def read_capture_only(payload: Payload, _profile: AnalyzerProfile) -> Reading:
    """No specimen and an unknown device; handshakes alone say nothing."""
    raw = payload if isinstance(payload, bytes) else b""
    if not says_something(raw):
        return Reading((), "")
    problem = Problem(ProblemCode.UNKNOWN_DEVICE, "recording")
    return Reading((), sha256(raw).hexdigest(), (problem,))


def capture_header(_payload: Payload, _profile: AnalyzerProfile) -> Place:
    """It says nothing that anybody could read yet."""
    return TextPlace(Fields("recording", {}), "latin-1")


def is_capture_address(_path: str) -> bool:
    """Nothing is addressed in a recording."""
    return True
