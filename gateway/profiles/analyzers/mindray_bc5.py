"""Mindray BC-5000, 5150, 5300, 5380, 5390, 6000 and 6800: blood count, HL7 2.3.1 in MLLP.

The BC-5000 and 5150 are TCP servers (port 5100, one client, byte 0x02 between messages as a sign of
life): the gateway dials.  The BC-6000 dials itself.  The tube's barcode is OBR-3 (OBR-2 on older
ones).  Only OBX of type NM are numbers, and not all of them: age and marks of histograms are none.
IS are modes and alarms, ST remarks, ED pictures.  PDW comes without a unit.  MSH-11 Q is a control,
OBR-3 Background a blank run.  Three-part analyzers of the same language send MID and GRAN.  Cells
counted by eye (a second OBR) are unknown tests: nobody can tell a zero that was counted from one
that nobody entered.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import BLOOD_COUNT, named
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    Rule,
    Shape,
    Signature,
    Typical,
)
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.protocols.hl7device import Dialect
from gateway.report import Kind

_COUNTS = ("10*3/uL", "10*9/L")


def _share(display: str, low: str, high: str) -> Analyte:
    return Analyte(None, ("%",), typical=Typical(low, high), display=display)


def _research(display: str, unit: tuple[str, ...] = ()) -> Analyte:
    return Analyte(None, unit, display=display)


ANALYTES = {
    code: analyte
    for code, analyte in BLOOD_COUNT.items()
    if code in ("WBC", "RBC", "HGB", "HCT", "MCV", "MCH", "MCHC", "PLT", "RDW-SD", "RDW-CV", "MPV")
} | {
    **named(BLOOD_COUNT["NEUT#"], "NEU#"),
    **named(BLOOD_COUNT["NEUT%"], "NEU%"),
    **named(BLOOD_COUNT["LYMPH#"], "LYM#"),
    **named(BLOOD_COUNT["LYMPH%"], "LYM%"),
    **named(BLOOD_COUNT["MONO#"], "MON#"),
    **named(BLOOD_COUNT["MONO%"], "MON%"),
    **named(BLOOD_COUNT["EO#"], "EOS#"),
    **named(BLOOD_COUNT["EO%"], "EOS%"),
    **named(BLOOD_COUNT["BASO#"], "BAS#"),
    **named(BLOOD_COUNT["BASO%"], "BAS%"),
    **named(replace(BLOOD_COUNT["PDW"], bare=True), "PDW", "PDW-SD", "PDW-CV"),
    "MID#": Analyte(None, _COUNTS, typical=Typical("0.10", "0.90"), display="Mid-sized cells"),
    "MID%": _share("Mid-sized cells per 100 leucocytes", "3.0", "9.0"),
    "GRAN#": Analyte(None, _COUNTS, typical=Typical("2.00", "7.00"), display="Granulocytes"),
    "GRAN%": _share("Granulocytes per 100 leucocytes", "50.0", "70.0"),
    "PCT": BLOOD_COUNT["PCT"],
    "P-LCR": BLOOD_COUNT["P-LCR"],
    "P-LCC": _research("Platelets, large, count", _COUNTS),
    "*ALY#": _research("Atypical lymphocytes, for research", _COUNTS),
    "*ALY%": _research("Atypical lymphocytes per 100 leucocytes, for research", ("%",)),
    "*LIC#": _research("Large immature cells, for research", _COUNTS),
    "*LIC%": _research("Large immature cells per 100 leucocytes, for research", ("%",)),
}

PROFILE = AnalyzerProfile(
    name="mindray-bc5",
    vendor="Mindray",
    model="BC-5xxx",
    link=Link(Protocol.HL7, "tcp", hl7=Dialect()),
    evidence=Evidence.CAPTURE,
    source=(
        "Mindray haematology communication protocol, HL7 2.3.1 (BC-5150, BC-5380)",
        "messages of a BC-5150 and of relatives as integrators published them",
    ),
    signatures=(
        Signature("MSH.3.1", "(?i)BC-?[0-9].*"),
        Signature("MSH.4.1", "(?i)(?:Mindray|BC-?[0-9]).*"),
    ),
    where=replace(
        HL7V2,
        code=("OBX.3.2", "OBX.3.1"),
        specimen=("OBR.3.1", "OBR.2.1"),
        patient=("PID.3.1",),
        operator="OBR.32.1",
        model="MSH.3.1",
    ),
    encoding="utf-8",
    analytes=ANALYTES,
    flags=HL7_FLAGS,
    statuses=HL7_STATUSES,
    qc=(
        Rule(Kind.QC, "MSH.11.1", "Q", "Q"),
        Rule(Kind.QC, "OBR.4.2", ".*QCR", "LJ QCR"),
        Rule(Kind.QC, "OBR.3.1", TYPED_QC, "QC01"),
    ),
    kinds=(Rule(Kind.OTHER, "OBR.3.1", "(?i:background)", "Background"),),
    asides=(
        Aside(".*", AsideRole.IGNORED, (("OBX.2", "IS"), ("OBX.5", "F|"))),
        Aside(".*", AsideRole.REMARK, (("OBX.2", "IS"),)),
        Aside("(?i:age)", AsideRole.IGNORED),
        Aside("(?i:remark|ref group|.* mode)", AsideRole.REMARK),
        Aside(
            r"(?i:.*(?:histogram|scattergram|binary|meta len|\bline\b).*)",
            AsideRole.IGNORED,
        ),
    ),
    shape=Shape(
        fixed={
            "MSH.3": "BC-5150",
            "MSH.4": "Mindray",
            "MSH.12": "2.3.1",
            "MSH.18": "UNICODE",
            "OBR.4": "00001^Automated Count^99MRC",
            "OBX.11": "F",
            "OBX.3.3": "99MRC",
        },
    ),
    setup="Communication must be switched on in the analyzer; it takes one connection at a time.",
)
