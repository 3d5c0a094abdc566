"""Radiometer ABL80 BASIC and FLEX: blood gases, ASTM in ordinary frames over RS-232 or TCP.

O.4 numbers the run (``Sample #^259``).  The patient's id is in P.4 to P.6, depending on how the
analyzer was set up: each of P.3 to P.5 that is filled is taken.  Dots stand for no value.
"""

from dataclasses import replace

from gateway.profiles.analyzers import radiometer_abl9
from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.schema import Evidence, QcUnknown, Rule, Shape, Signature
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = replace(
    radiometer_abl9.PROFILE,
    name="radiometer-abl80",
    model="ABL80",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine()),
    evidence=Evidence.CAPTURE,
    source=("ASTM capture of an ABL80, fields as the notes on analyzers list them",),
    signatures=(Signature("H.5.1", r"(?i)ABL ?80.*"),),
    where=replace(
        LIS02, specimen=("O.3.1",), patient=("P.4.1", "P.3.1", "P.5.1"), position=("O.4.2",)
    ),
    qc=QcUnknown("no control was seen in the capture; the standard's marks and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC 1"),
        Rule(Kind.QC, "P.4.1", TYPED_QC, "QC 1"),
        Rule(Kind.CALIBRATION, "O.4.1", r"(?i)cal.*", "Cal #"),
    ),
    shape=Shape(
        fixed={"H.5.1": "ABL80", "H.12": "P", "O.4.1": "Sample #", "R.9": "F"},
        units={"mm[Hg]": "mmHg"},
    ),
    setup="",
)
