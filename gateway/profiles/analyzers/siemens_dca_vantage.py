"""Siemens DCA Vantage: HbA1c and urine albumin/creatinine, ASTM over RS-232 or TCP.

The id the operator enters is the patient's (P.3); O.3 stays empty and O.4 holds the run's number
and the cartridge lot.  Behind a result stands a comment with slope and offset, or with the GFR.
"""

from dataclasses import replace

from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import (
    ALBUMIN_CREATININE,
    HBA1C,
    MEAN_GLUCOSE,
    URINE_ALBUMIN,
    URINE_CREATININE,
    named,
)
from gateway.profiles.schema import AnalyzerProfile, Evidence, Label, Rule, Shape, Signature
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect, Endings
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="siemens-dca-vantage",
    vendor="Siemens Healthineers",
    model="DCA Vantage",
    link=Link(
        Protocol.ASTM,
        "serial",
        Dialect(endings=Endings.MESSAGE, max_text=4000),
        SerialLine(),
    ),
    evidence=Evidence.CAPTURE,
    source=("DCA Vantage Host Computer Communications Link, 17306 Rev. D and E", "ASTM capture"),
    signatures=(Signature("H.5.1", r"(?i)DCA[ _-]?VANTAGE.*"),),
    where=replace(
        LIS02,
        specimen=("O.3.1",),
        patient=("P.3.1",),
        position=("O.4.1",),
        serial="H.5.3",
    ),
    analytes={
        **named(HBA1C, "HbA1c", "HBA1C", "HbA1C", "HBA1c", "A1c", "A1C"),
        **named(MEAN_GLUCOSE, "eAG", "EAG"),
        **named(URINE_ALBUMIN, "Alb", "ALB", "Albumin", "ALBUMIN", "uAlb", "MALB", "MA"),
        **named(
            URINE_CREATININE, "Creat", "CREAT", "Creatinine", "CREATININE", "Cre", "CRE", "uCrea"
        ),
        **named(
            ALBUMIN_CREATININE, "ACR", "A/C", "A:C", "A/C Ratio", "A:C Ratio", "Ratio", "RATIO"
        ),
        **named(ALBUMIN_CREATININE, "Alb/Creat", "ALB/CREAT", "Alb/Cre", "ALB/CRE"),
    },
    qc=(Rule(Kind.QC, "O.12", "[Qq]", "Q"),),
    labels=(Label(r"[-+]?[0-9.]+ [-+]?[0-9.]+", "slope and offset:"),),
    shape=Shape(
        fixed={"H.5.1": "DCA VANTAGE", "H.5.2": "04.04.00.00", "H.12": "P", "H.13": "1", "R.9": "F"}
    ),
    setup="Choose ASTM and the line under Menu, System Settings, LIS; POCT1-A is the default.",
)
