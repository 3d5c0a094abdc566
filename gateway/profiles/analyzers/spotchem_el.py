"""Arkray Spotchem EL SE-1520: sodium, potassium, chloride, one line between STX and ETX.

No checksum and no answer.  The specimen's type stands in brackets; codes are those of serum and
plasma, another type makes the test unknown.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import SERUM
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


def _ion(loinc: str, low: str, high: str) -> Analyte:
    found = Analyte(loinc, ("mmol/L", "meq/L"), Scale.NUMBER, Typical(low, high))
    return replace(found, specimen=SERUM)


PROFILE = AnalyzerProfile(
    name="spotchem-el",
    vendor="Arkray",
    model="Spotchem EL SE-1520",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="spotchem-el"),
    evidence=Evidence.CAPTURE,
    source=("a capture of a Spotchem EL, the line as decoded from it",),
    where=Where(
        code=("row",),
        value="row.value",
        specimen=("id",),
        specimen_type="specimen",
        unit="row.unit",
        observed=("date+time",),
    ),
    dates=("YY/MM/DD hh:mm",),
    analytes={
        "Na": _ion("2951-2", "136", "145"),
        "K": _ion("2823-3", "3.5", "5.1"),
        "Cl": _ion("2075-0", "98", "107"),
    },
    qc=QcUnknown("no marking of controls is known; ids beginning QC are taken so"),
    kinds=(Rule(Kind.QC, "id", TYPED_QC, "QC01"),),
    shape=Shape(fixed={"date": "26/01/05", "time": "10:15"}),
)
