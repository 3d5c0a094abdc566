"""Whether a message comes from the device a profile describes, by what its header says.

A message that says nothing at a signature's address may come from the device.  One that says
something else does not: somebody swapped two cables, and the fields would mean other things.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from gateway.profiles.astm_reading import Payload
from gateway.profiles.patterns import matches
from gateway.profiles.readers import fitting, reader_of
from gateway.profiles.reading import Place
from gateway.profiles.schema import AnalyzerProfile


class Recognised(Enum):
    YES = auto()
    MAYBE = auto()
    NO = auto()


def recognises(profile: AnalyzerProfile, place: Place) -> Recognised:
    """One matching signature is enough; a profile without any recognises nothing for sure."""
    said = False
    for signature in profile.signatures:
        texts = place.every(signature.path)
        if matches(signature.pattern, texts):
            return Recognised.YES
        said = said or bool(texts)
    return Recognised.NO if said else Recognised.MAYBE


@dataclass(frozen=True, slots=True)
class Sender:
    """``certain`` where a signature of the profile stands in the header; ``header_fits`` where
    nothing there speaks against it."""

    header_fits: bool
    certain: bool
    serial: str | None


def identify(payload: Payload, profile: AnalyzerProfile) -> Sender:
    """Who may have sent this, read as a message of this profile."""
    profile = fitting(profile, payload)
    place = reader_of(profile).header(payload, profile)
    if place is None:
        return Sender(header_fits=False, certain=False, serial=None)
    found = recognises(profile, place)
    serial = place.whole(profile.where.serial) if profile.where.serial else None
    return Sender(
        header_fits=found is not Recognised.NO,
        certain=found is Recognised.YES,
        serial=serial,
    )
