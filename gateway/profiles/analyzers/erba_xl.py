r"""Erba XL-200, XL-640, XL-1000: clinical chemistry, ASTM over RS-232 or TCP.

The header declares a back-tick as repeat delimiter; ``R.6`` is ``^DEFAULT``, the name of a set of
ranges and no range.  A flag comes with the comment ``Instrument Flag ...``: the value goes on with
both, but a wording nobody has explained holds it.  The laboratory names the tests on the analyzer,
so only names that leave no doubt are mapped here, and only for serum.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol, SerialLine
from gateway.profiles.menus import CHEMISTRY, named
from gateway.profiles.schema import (
    Alarm,
    AnalyzerProfile,
    Evidence,
    QcUnknown,
    Rule,
    Shape,
)
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect, Endings
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="erba-xl",
    vendor="Erba Mannheim",
    model="XL",
    link=Link(
        Protocol.ASTM,
        "serial",
        Dialect(endings=Endings.MESSAGE, max_text=60_000),
        SerialLine(),
    ),
    evidence=Evidence.CAPTURE,
    source=("ASTM captures published by nishishailesh/astm_general (MIT)",),
    where=replace(
        LIS02,
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
        name=("P.6",),
        birth="P.8.1",
        sex="P.9.1",
        specimen_type="O.16.1",
    ),
    analytes={
        **named(CHEMISTRY["GLUCOSE"], "GLU", "GLUC"),
        **named(CHEMISTRY["CREATININE"], "CREA", "CREAT"),
        **named(CHEMISTRY["BILIRUBIN"], "TBIL", "TBILL"),
        **named(CHEMISTRY["DIRECT"], "DBIL", "DBILL"),
        **named(CHEMISTRY["CHOLESTEROL"], "CHOL"),
        **named(CHEMISTRY["TRIGLYCERIDE"], "TRIG"),
        **named(CHEMISTRY["PROTEIN"], "TP"),
        **named(CHEMISTRY["ALBUMIN"], "ALB"),
        **named(CHEMISTRY["ALT"], "ALT", "SGPT"),
        **named(CHEMISTRY["AST"], "AST", "SGOT"),
        **named(CHEMISTRY["ALP"], "ALP"),
        **named(CHEMISTRY["GGT"], "GGT"),
    },
    no_ranges=("DEFAULT",),
    qc=QcUnknown(
        "no control was seen in the captures; the standard's O.12 and typed ids are taken"
    ),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    alarms=(
        Alarm("C.4", r"(?i)instrument flag a", hold=False),
        Alarm("C.4", r"(?i)instrument flag(?! a$).*"),
    ),
    query=HostQuery("Q.3.2", "Q.5", within=10.0),
    shape=Shape(
        delimiters="|`^&",
        units={"mg/dL": "mg/dl"},
        fixed={
            "H.12": "P",
            "H.13": "E 1394-97",
            "O.16": "SERUM",
            "R.6.2": "DEFAULT",
            "R.8": "N",
            "R.9": "F",
        },
    ),
)
