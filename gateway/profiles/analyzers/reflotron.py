"""Roche Reflotron: dry chemistry, one result in five or six lines between STX and ETX.

Name, comparator, number and unit may be glued together (``CHOL<15.26mmol/l``).  No checksum and no
answer; what the operator typed is the only id.  Specimens may be blood or plasma: codes of serum
or plasma stand for both, as the device reports them.
"""

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import CHEMISTRY, CHOLESTEROL, HDL, TRIGLYCERIDE, named
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    QcUnknown,
    Rule,
    Shape,
    Where,
)
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="reflotron",
    vendor="Roche",
    model="Reflotron",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="reflotron"),
    evidence=Evidence.CAPTURE,
    source=("text blocks of a Reflotron published with an integrator's driver",),
    where=Where(
        code=("row",),
        value="row.value",
        specimen=("id",),
        unit="row.unit",
        observed=("date+time",),
    ),
    dates=("DD.MM.YY hh:mm:ss", "DD.MM.YY"),
    analytes={
        **named(CHOLESTEROL, "CHOL"),
        **named(TRIGLYCERIDE, "TRIG", "TG"),
        **named(HDL, "HDL"),
        **named(CHEMISTRY["GLUCOSE"], "GLUC", "GLU"),
        **named(CHEMISTRY["CREATININE"], "CREA"),
        **named(CHEMISTRY["URATE"], "URIC", "UA"),
        **named(CHEMISTRY["BILIRUBIN"], "BILI"),
        **named(CHEMISTRY["AST"], "GOT"),
        **named(CHEMISTRY["ALT"], "GPT"),
        **named(CHEMISTRY["GGT"], "GGT"),
        **named(CHEMISTRY["AMYLASE"], "AMYL"),
        "ALP": CHEMISTRY["ALP"],
        "UREA": Analyte(None, ("mg/dL", "mmol/L"), display="Urea"),
        "CK": Analyte("2157-6", ("U/L",)),
        "HB": Analyte(None, ("g/dL", "mmol/L"), display="Haemoglobin"),
    },
    qc=QcUnknown("no marking of controls is known; ids beginning QC are taken so"),
    kinds=(Rule(Kind.QC, "id", TYPED_QC, "QC01"),),
    shape=Shape(alone=True, fixed={"date": "05.01.26", "time": "10:15:00"}),
)
