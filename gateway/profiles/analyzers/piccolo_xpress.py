"""Abaxis Piccolo Xpress and VetScan VS2: chemistry discs, ASTM over USB serial (0403:CD18).

The line runs at 9600 8N1 with XON/XOFF.  The analyzer names its tests as on its printout; values
from whole blood are stated for plasma.  Only names that leave no doubt are mapped.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Flow, Link, Protocol, SerialLine
from gateway.profiles.menus import CHEMISTRY, named
from gateway.profiles.panels import ELECTROLYTES
from gateway.profiles.schema import AnalyzerProfile, Evidence, QcUnknown, Rule, Shape
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="piccolo-xpress",
    vendor="Abaxis",
    model="Piccolo Xpress",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine(flow=Flow.SOFTWARE)),
    evidence=Evidence.SPEC,
    source=("Abaxis 1100-5084, LIS interface of the Piccolo Xpress, as the notes name it",),
    where=replace(
        LIS02,
        code=("R.3.4", "R.3.1"),
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
    ),
    analytes={
        **named(CHEMISTRY["GLUCOSE"], "GLU"),
        **named(CHEMISTRY["CREATININE"], "CRE"),
        **named(CHEMISTRY["CALCIUM"], "CA"),
        **named(CHEMISTRY["ALBUMIN"], "ALB"),
        **named(CHEMISTRY["PROTEIN"], "TP"),
        **named(CHEMISTRY["BILIRUBIN"], "TBIL"),
        **named(CHEMISTRY["ALT"], "ALT"),
        **named(CHEMISTRY["AST"], "AST"),
        **named(CHEMISTRY["ALP"], "ALP"),
        **named(CHEMISTRY["AMYLASE"], "AMY"),
        **named(CHEMISTRY["GGT"], "GGT"),
        **named(ELECTROLYTES["UREA-N"], "BUN"),
        **named(ELECTROLYTES["NA"], "NA+"),
        **named(ELECTROLYTES["K"], "K+"),
        **named(ELECTROLYTES["CL"], "CL-"),
        **named(ELECTROLYTES["TCO2"], "tCO2"),
    },
    qc=QcUnknown("its marking of controls is not known; the standard's and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
        Rule(Kind.QC, "P.3.1", TYPED_QC, "QC01"),
    ),
    shape=Shape(fixed={"H.5.1": "Piccolo", "H.12": "P", "H.13": "E1394-97", "R.9": "F"}),
    setup="serial:usb=0403:CD18:SERIAL?baud=9600&flow=xonxoff",
)
