"""What distinguishes one make of ultrasound unit from another, as the gateway sees it.

Context lists, syntaxes, sizes and habits follow the makers' conformance statements and manuals;
where those are silent the value is the commonest one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

US: Final = "1.2.840.10008.5.1.4.1.1.6.1"
US_MULTIFRAME: Final = "1.2.840.10008.5.1.4.1.1.3.1"
US_RETIRED: Final = "1.2.840.10008.5.1.4.1.1.6"
US_MULTIFRAME_RETIRED: Final = "1.2.840.10008.5.1.4.1.1.3"
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
ENHANCED_US_VOLUME: Final = "1.2.840.10008.5.1.4.1.1.6.2"
COMPREHENSIVE_SR: Final = "1.2.840.10008.5.1.4.1.1.88.33"
PHILIPS_PRIVATE_3D: Final = "1.3.46.670589.2.5.1.1"
VERIFICATION: Final = "1.2.840.10008.1.1"

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
RLE: Final = "1.2.840.10008.1.2.5"
JPEG: Final = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS: Final = "1.2.840.10008.1.2.4.70"

PLAIN: Final = (EXPLICIT, IMPLICIT)
GE_ORDER: Final = (JPEG, EXPLICIT, BIG_ENDIAN, IMPLICIT, RLE)


class Sending(StrEnum):
    """``AS_YOU_GO``: an association an image.  ``EXAM``: one kept open.  ``BATCH``: one at End
    Exam."""

    AS_YOU_GO = "as-you-go"
    EXAM = "exam"
    BATCH = "batch"


class Identity(StrEnum):
    """What stands in Patient ID when nobody picked from the worklist."""

    EMPTY = "empty"
    CLOCK = "clock"
    COUNTER = "counter"


class Colour(StrEnum):
    """Photometric Interpretation of uncompressed stills."""

    RGB = "RGB"
    PALETTE = "PALETTE COLOR"
    GREY = "MONOCHROME2"


@dataclass(frozen=True, slots=True)
class Offer:
    """One proposed presentation context."""

    sop_class: str
    syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """``tries`` in all, ``pause`` seconds between them, each reply awaited ``patience`` seconds."""

    tries: int = 3
    pause: float = 10.0
    patience: float = 30.0


@dataclass(frozen=True, slots=True)
class Personality:
    """``report``: whether it sends a Comprehensive SR, on an association of its own."""

    name: str
    manufacturer: str
    model: str
    software: str
    ae_title: str
    offers: tuple[Offer, ...]
    max_pdu: int
    sending: Sending
    still: str
    cine: str
    colour: Colour = Colour.RGB
    identity: Identity = Identity.COUNTER
    retry: Retry = Retry()
    worklist: tuple[str, ...] = PLAIN
    performed: bool = True
    commitment: bool = True
    report: bool = True
    private_creator: str = ""


def _each(classes: tuple[str, ...], syntaxes: tuple[str, ...]) -> tuple[Offer, ...]:
    """One context for each class with all its syntaxes."""
    return tuple(Offer(sop_class, syntaxes) for sop_class in classes)


def _pairs(classes: tuple[str, ...], syntaxes: tuple[str, ...]) -> tuple[Offer, ...]:
    """One context for each class and syntax."""
    return tuple(Offer(sop_class, (s,)) for sop_class in classes for s in syntaxes)


_RETIRED = (US_RETIRED, US_MULTIFRAME_RETIRED)

_GE = Personality(
    name="ge",
    manufacturer="GE Healthcare",
    model="Voluson S10",
    software="16.0.9",
    ae_title="VOLUSON",
    offers=(
        Offer(VERIFICATION, PLAIN),
        *_pairs((US, US_MULTIFRAME, *_RETIRED), GE_ORDER),
        *_each((SECONDARY_CAPTURE, ENHANCED_US_VOLUME, COMPREHENSIVE_SR), PLAIN),
    ),
    max_pdu=32768,
    sending=Sending.EXAM,
    still=JPEG,
    cine=JPEG,
    private_creator="GEMS_Ultrasound_ImageGroup_001",
)

_PHILIPS = Personality(
    name="philips",
    manufacturer="Philips Medical Systems",
    model="EPIQ 7C",
    software="EPIQ 7C_1.7.1",
    ae_title="EPIQ",
    offers=(
        *_each((US, US_RETIRED), (EXPLICIT, IMPLICIT, BIG_ENDIAN)),
        *_each((US_MULTIFRAME, US_MULTIFRAME_RETIRED), (RLE, EXPLICIT, IMPLICIT)),
        Offer(US_MULTIFRAME, (JPEG,)),
        *_each((SECONDARY_CAPTURE, COMPREHENSIVE_SR, PHILIPS_PRIVATE_3D), PLAIN),
    ),
    max_pdu=65536,
    sending=Sending.AS_YOU_GO,
    still=EXPLICIT,
    cine=RLE,
    colour=Colour.PALETTE,
    identity=Identity.CLOCK,
    retry=Retry(patience=60.0),
    private_creator="Philips US Imaging DD 001",
)

_SONOSITE = Personality(
    name="sonosite",
    manufacturer="SonoSite, Inc.",
    model="PX",
    software="1.2.3",
    ae_title="SONOSITE",
    offers=(
        *_each((US, US_MULTIFRAME), (JPEG, EXPLICIT, IMPLICIT)),
        Offer(COMPREHENSIVE_SR, PLAIN),
    ),
    max_pdu=16384,
    sending=Sending.BATCH,
    still=JPEG,
    cine=JPEG,
    private_creator="SonoSite_Private",
)

_MINDRAY = Personality(
    name="mindray",
    manufacturer="Mindray",
    model="Resona R9",
    software="03.02.00",
    ae_title="MINDRAY",
    offers=(
        Offer(US, (RLE, EXPLICIT, IMPLICIT)),
        Offer(US_MULTIFRAME, (JPEG, EXPLICIT, IMPLICIT, BIG_ENDIAN, RLE)),
        Offer(COMPREHENSIVE_SR, PLAIN),
    ),
    max_pdu=32768,
    sending=Sending.BATCH,
    still=RLE,
    cine=JPEG,
    retry=Retry(tries=3, pause=5.0),
)

_SAMSUNG = Personality(
    name="samsung",
    manufacturer="Samsung Medison",
    model="V8",
    software="3.00.03",
    ae_title="SAMSUNG",
    offers=(
        *_pairs((US, US_MULTIFRAME), (EXPLICIT, IMPLICIT, JPEG)),
        Offer(COMPREHENSIVE_SR, (IMPLICIT,)),
    ),
    max_pdu=16000,
    sending=Sending.AS_YOU_GO,
    still=EXPLICIT,
    cine=JPEG,
    identity=Identity.CLOCK,
    worklist=(IMPLICIT,),
)

_HAND_HELD = Personality(
    name="hand-held",
    manufacturer="Butterfly Network",
    model="iQ",
    software="2.1",
    ae_title="HANDHELD",
    offers=(Offer(US, (EXPLICIT, IMPLICIT)), Offer(US_MULTIFRAME, (JPEG, EXPLICIT))),
    max_pdu=65536,
    sending=Sending.BATCH,
    still=EXPLICIT,
    cine=JPEG,
    colour=Colour.GREY,
    identity=Identity.EMPTY,
    retry=Retry(tries=5, pause=2.0),
    performed=False,
    commitment=False,
    report=False,
)

PERSONALITIES: Final[Mapping[str, Personality]] = MappingProxyType(
    {p.name: p for p in (_GE, _PHILIPS, _SONOSITE, _MINDRAY, _SAMSUNG, _HAND_HELD)}
)
