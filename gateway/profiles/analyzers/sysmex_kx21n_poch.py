"""Sysmex KX-21N and pocH-100i: blood count, fixed columns between STX and ETX; results only.

The block has no checksum and gets no answer: its length is all that protects it. Each value is
four digits with an implied point and a flag digit (1 high, 2 low, as two captures show); a slot
that is not digits is masked. The specimen's id is filled with zeros on the left. A time of day
is not sent. Controls are known by their typed id only.
"""

from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import BLOOD_COUNT
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    QcUnknown,
    Rule,
    Scale,
    Shape,
    Typical,
    Where,
)
from gateway.report import Kind

TYPED: str = r"0*(?i:qc)(?:[-_ #]?[0-9].*)?"


def _count(code: str, low: str, high: str, unit: str) -> Analyte:
    loinc = BLOOD_COUNT[code].loinc
    return Analyte(loinc, (unit,), Scale.NUMBER, Typical(low, high), unsent=unit)


def _local(display: str, low: str, high: str, unit: str) -> Analyte:
    return Analyte(None, (unit,), typical=Typical(low, high), unsent=unit, display=display)


ANALYTES = {
    "WBC": _count("WBC", "4.0", "10.0", "10*3/uL"),
    "RBC": _count("RBC", "4.00", "5.60", "10*6/uL"),
    "HGB": _count("HGB", "12.0", "16.5", "g/dL"),
    "HCT": _count("HCT", "37.0", "48.0", "%"),
    "MCV": _count("MCV", "80.0", "96.0", "fL"),
    "MCH": _count("MCH", "27.0", "33.0", "pg"),
    "MCHC": _count("MCHC", "32.0", "36.0", "g/dL"),
    "PLT": _count("PLT", "150", "400", "10*3/uL"),
    "LYM%": _count("LYMPH%", "20.0", "45.0", "%"),
    "MXD%": _local("Monocytes, basophils and eosinophils per 100 leucocytes", "3.0", "12.0", "%"),
    "NEUT%": _count("NEUT%", "40.0", "75.0", "%"),
    "LYM#": _count("LYMPH#", "1.0", "4.0", "10*3/uL"),
    "MXD#": _local("Monocytes, basophils and eosinophils", "0.2", "1.0", "10*3/uL"),
    "NEUT#": _count("NEUT#", "1.8", "7.0", "10*3/uL"),
    "RDW-SD": _count("RDW-SD", "37.0", "54.0", "fL"),
    "RDW-CV": _count("RDW-CV", "11.5", "14.5", "%"),
    "PDW": _count("PDW", "9.0", "17.0", "fL"),
    "MPV": _count("MPV", "9.0", "13.0", "fL"),
    "P-LCR": _local("Platelet large cell ratio", "13.0", "43.0", "%"),
}

WHERE = Where(
    code=("row",),
    value="row.value",
    specimen=("id",),
    flags=("row.flag",),
    observed=("date",),
)

PROFILE = AnalyzerProfile(
    name="sysmex-kx21n-poch",
    vendor="Sysmex",
    model="KX-21N / pocH-100i",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="sysmex-kx21n"),
    evidence=Evidence.CAPTURE,
    source=(
        "Sysmex KX-21N and pocH-100i interface specifications, Class A",
        "captures of a KX-21N and a pocH-100i, columns as decoded from them",
    ),
    where=WHERE,
    analytes=ANALYTES,
    dates=("YYYYMMDD",),
    padding="0",
    flags={"0": "", "1": "H", "2": "L"},
    qc=QcUnknown("the layout of control runs is not known; ids beginning QC are taken so"),
    kinds=(Rule(Kind.QC, "id", TYPED, "00000000000QC01"),),
    shape=Shape(
        fixed={"date": "20250102", "mode": "1", "info": "0000000", "row.flag": "0"},
        pads={"id": 15},
    ),
    silence_hours=None,
    setup="Switch on automatic output to the host: it is off when the analyzer is delivered.",
)
