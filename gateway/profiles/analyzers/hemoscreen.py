"""PixCell HemoScreen: blood count from a drop, HL7 2.4 in MLLP.

PID-2 is what the operator typed or scanned, OBR-4 the kind of run (OBS, LQC).  A value that cannot
be given is ``ABN``; what is calculated from it comes as 0.00, which no cell index can be.  Marks of
doubt are bare delimiters in OBX-8 and words in the notes below.
"""

from dataclasses import replace

from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import BLOOD_COUNT
from gateway.profiles.schema import (
    Alarm,
    Analyte,
    AnalyzerProfile,
    Evidence,
    Rule,
    Shape,
    Signature,
)
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.profiles.vocabulary import Void
from gateway.protocols.hl7device import Dialect
from gateway.report import AbsentReason, Kind

_ZERO = Void(r"0+(?:\.0+)?", AbsentReason.INVALID)


def _index(code: str) -> Analyte:
    return replace(BLOOD_COUNT[code], voids=(_ZERO,))


ANALYTES = {
    "WBC": BLOOD_COUNT["WBC"],
    "RBC": BLOOD_COUNT["RBC"],
    "HGB": BLOOD_COUNT["HGB"],
    "HCT": BLOOD_COUNT["HCT"],
    "MCV": _index("MCV"),
    "MCH": _index("MCH"),
    "MCHC": _index("MCHC"),
    "RDW": BLOOD_COUNT["RDW-CV"],
    "PLT": BLOOD_COUNT["PLT"],
    "MPV": _index("MPV"),
    "NEU#": BLOOD_COUNT["NEUT#"],
    "LYM#": BLOOD_COUNT["LYMPH#"],
    "MON#": BLOOD_COUNT["MONO#"],
    "EOS#": BLOOD_COUNT["EO#"],
    "BAS#": BLOOD_COUNT["BASO#"],
    "NEU%": BLOOD_COUNT["NEUT%"],
    "LYM%": BLOOD_COUNT["LYMPH%"],
    "MON%": BLOOD_COUNT["MONO%"],
    "EOS%": BLOOD_COUNT["EO%"],
    "BAS%": BLOOD_COUNT["BASO%"],
}

PROFILE = AnalyzerProfile(
    name="hemoscreen",
    vendor="PixCell",
    model="HemoScreen",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect()),
    evidence=Evidence.SPEC,
    source=("HemoScreen connectivity HS-IL-00067, HL7 2.4 appendix",),
    signatures=(Signature("MSH.3.1", "(?i).*HemoScreen.*"), Signature("MSH.4.1", "(?i)PixCell.*")),
    where=replace(HL7V2, patient=("PID.2.1",), operator=None, model="MSH.3.1"),
    encoding="utf-8",
    analytes=ANALYTES,
    flags={**HL7_FLAGS, "\\": "A", "~": "A", "*": "A"},
    statuses=HL7_STATUSES,
    qc=(Rule(Kind.QC, "OBR.4.1", "LQC", "LQC"), Rule(Kind.QC, "MSH.11.1", "Q", "Q")),
    kinds=(Rule(Kind.UNKNOWN, "OBR.4.1", "(?!(?:OBS|LQC)$).+", "CAL"),),
    alarms=(Alarm("OBX.8.1", r"[\\~*]", "the analyzer doubts this result", hold=False),),
    shape=Shape(
        fixed={
            "MSH.3": "HemoScreen",
            "MSH.4": "PixCell",
            "MSH.12": "2.4",
            "OBR.4": "OBS",
            "OBX.11": "F",
        },
    ),
)
