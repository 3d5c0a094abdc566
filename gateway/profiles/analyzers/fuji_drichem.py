"""Fuji Dri-Chem 3500: dry chemistry, fixed columns between STX and ETX; results only.

The sign has a column of its own before the value and is part of it.  Names end with ``-P`` for
plasma slides.  The specimen's id is filled with zeros on the left; mode CONTROL marks a control.
No checksum and no answer.
"""

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Flow, Link, Protocol, SerialLine
from gateway.profiles.menus import (
    CHEMISTRY,
    CHOLESTEROL,
    CRP,
    HDL,
    TRIGLYCERIDE,
    named,
)
from gateway.profiles.panels import ELECTROLYTES
from gateway.profiles.schema import Analyte, AnalyzerProfile, Evidence, Rule, Shape, Where
from gateway.profiles.vocabulary import FLAGS
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="fuji-drichem",
    vendor="Fujifilm",
    model="Dri-Chem 3500",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(flow=Flow.HARDWARE), codec="fuji-drichem"),
    evidence=Evidence.INTEGRATOR,
    source=("columns as an integrator's driver for the Dri-Chem 3500 reads them",),
    where=Where(
        code=("row",),
        value="row.value",
        specimen=("id",),
        position=("position",),
        unit="row.unit",
        flags=("row.warning",),
        observed=("date+time",),
    ),
    code=r"(?P<code>.+?)(?:-P[A-Za-z]{0,4})?",
    dates=("YYYY-MM-DD hh:mm", "YYYY-MM-DD"),
    padding="0",
    analytes={
        **named(CHEMISTRY["GLUCOSE"], "GLU"),
        **named(CHEMISTRY["CREATININE"], "CRE"),
        **named(CHEMISTRY["URATE"], "UA"),
        **named(CHOLESTEROL, "TCHO"),
        **named(TRIGLYCERIDE, "TG"),
        **named(HDL, "HDL-C"),
        **named(CHEMISTRY["BILIRUBIN"], "TBIL"),
        **named(CHEMISTRY["DIRECT"], "DBIL"),
        **named(CHEMISTRY["PROTEIN"], "TP"),
        **named(CHEMISTRY["ALBUMIN"], "ALB"),
        **named(CHEMISTRY["CALCIUM"], "Ca"),
        **named(CHEMISTRY["PHOSPHATE"], "IP"),
        **named(CHEMISTRY["AST"], "GOT"),
        **named(CHEMISTRY["ALT"], "GPT"),
        **named(CHEMISTRY["GGT"], "GGT"),
        **named(CHEMISTRY["ALP"], "ALP"),
        **named(CHEMISTRY["AMYLASE"], "AMYL"),
        **named(ELECTROLYTES["NA"], "Na"),
        **named(ELECTROLYTES["K"], "K"),
        **named(ELECTROLYTES["CL"], "Cl"),
        **named(ELECTROLYTES["MG"], "Mg"),
        **named(ELECTROLYTES["UREA-N"], "BUN"),
        "CRP": Analyte(None, ("mg/dL", "mg/L"), by_unit={"mg/L": CRP.loinc}, display="CRP"),
        "LDH": Analyte("2532-0", ("U/L",)),
        "CPK": Analyte("2157-6", ("U/L",)),
    },
    flags={**FLAGS, "*": "A"},
    qc=(
        Rule(Kind.QC, "mode", "(?i:control|qc)", "CONTROL"),
        Rule(Kind.QC, "id", rf"0*(?:{TYPED_QC})", "QC01"),
    ),
    kinds=(Rule(Kind.UNKNOWN, "mode", "(?!(?i:normal|control|qc)$).+", "CALIB"),),
    shape=Shape(fixed={"mode": "NORMAL"}, pads={"id": 13}),
)
