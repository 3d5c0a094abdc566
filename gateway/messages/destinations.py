"""Destination profiles: what one kind of receiver wants to find in an ORU^R01.  Data only.

No single ORU is accepted everywhere.  OpenEMR fails a whole file on a segment it does not know,
reads a fixed number of PID fields, shows component 9 of a CWE, understands one abnormal flag and
throws the zone of a time away; OpenMRS core is bound to 2.5 and throws on SN, TX and FT; both
file by patient, so a message without one is refused here.  HL7 2.3 knows neither SPM, CWE nor
OBX-18/19 and (by its tables) asks for OBX-2, ORC-7 and OBR-27.  The catalogue is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from gateway.messages.envelope import CodedElement


class Charset(StrEnum):
    """MSH-18 by table 0211; a character outside of it makes a report not encodable."""

    UTF_8 = "UNICODE UTF-8"
    LATIN_1 = "8859/1"

    @property
    def codec(self) -> str:
        return "utf-8" if self is Charset.UTF_8 else "latin-1"


class ValueType(StrEnum):
    """Of HL7 table 0125 (OBX-2), what results are written in."""

    NM = "NM"
    SN = "SN"
    ST = "ST"
    FT = "FT"
    CE = "CE"
    CWE = "CWE"


class Acknowledging(StrEnum):
    """Which acknowledgments MSH-15 and MSH-16 ask for."""

    ORIGINAL = "original"
    COMMIT_ONLY = "commit-only"
    COMMIT_AND_APPLICATION = "commit-and-application"


class PointOfCare(StrEnum):
    """What the receiver is to do about the order of a point-of-care result (IHE LPOCT, LAB-32)."""

    CREATE = "R30"
    FIND = "R31"
    KNOWN = "R32"


_PANEL = CodedElement("LAB", "Laboratory results", "L")


@dataclass(frozen=True, slots=True)
class DestinationProfile:
    """``long_text`` is the type for text of several lines or over 199 characters; None where the
    receiver takes none.  ``analysis_fields`` says whether OBX-18 and OBX-19 exist, ``timing``
    whether ORC-7 and OBR-27 must be there, ``pid_fields`` how many separators PID must show,
    ``order_control`` is ORC-1.
    """

    name: str
    description: str
    version: str = "2.5.1"
    message_type: str = "ORU^R01^ORU_R01"
    charset: Charset = Charset.UTF_8
    segments: frozenset[str] = frozenset({"MSH", "PID", "PV1", "ORC", "OBR", "NTE", "OBX", "SPM"})
    structured_numeric: bool = True
    coded: ValueType = ValueType.CWE
    long_text: ValueType | None = ValueType.FT
    value_type_required: bool = False
    analysis_fields: bool = True
    timing: bool = False
    several_flags: bool = True
    zone_offset: bool = True
    patient_required: bool = False
    pid_fields: int = 0
    acknowledging: Acknowledging = Acknowledging.ORIGINAL
    panel: CodedElement = _PANEL
    section: str = "LAB"
    order_control: str = "RE"

    @property
    def structure(self) -> str:
        """MSH-9.3, or what it would be in versions that do not name it."""
        return (*self.message_type.split("^"), "", "ORU_R01")[2] or "ORU_R01"


_PROFILES = (
    DestinationProfile("oru-2.5.1", "ORU^R01 of HL7 2.5.1"),
    DestinationProfile(
        "oru-2.3",
        "ORU^R01 of HL7 2.3, Latin-1",
        version="2.3",
        message_type="ORU^R01",
        charset=Charset.LATIN_1,
        segments=frozenset({"MSH", "PID", "PV1", "ORC", "OBR", "NTE", "OBX"}),
        coded=ValueType.CE,
        value_type_required=True,
        analysis_fields=False,
        timing=True,
    ),
    DestinationProfile(
        "openemr",
        "OpenEMR, electronic results",
        several_flags=False,
        zone_offset=False,
        patient_required=True,
        pid_fields=13,
    ),
    DestinationProfile(
        "openmrs",
        "OpenMRS core, HL7 2.5",
        version="2.5",
        structured_numeric=False,
        long_text=None,
        patient_required=True,
    ),
)

DESTINATION_PROFILES: Mapping[str, DestinationProfile] = MappingProxyType(
    {profile.name: profile for profile in _PROFILES}
)


@cache
def point_of_care(profile: DestinationProfile, what: PointOfCare) -> DestinationProfile:
    """``profile`` with ORU^R30, R31 or R32 instead of R01: one patient, one order, no SPM (the
    structure has no place for it); ORC-1 is NW where the receiver makes the order."""
    return replace(
        profile,
        name=f"{profile.name} {what.value}",
        message_type=f"ORU^{what.value}^ORU_R30",
        segments=profile.segments - {"SPM"},
        patient_required=True,
        order_control="NW" if what is PointOfCare.CREATE else "RE",
    )
