"""Abbott Afinion 2: HbA1c, CRP, urine albumin/creatinine and lipids, ASTM over TCP; results only.

The patient's id is P.4, the run's number O.4, the kind of run O.16.2, the cartridge lot O.24.
Values carry their comparator (``<5.6``), may end with a mark (``5.21!``) and are dashes where the
cartridge gave none.  R.11 repeats the patient's id in the capture: no operator is read.
"""

from dataclasses import replace

from gateway.profiles import menus
from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import named
from gateway.profiles.schema import (
    AnalyzerProfile,
    Evidence,
    Quirk,
    Rule,
    Shape,
    Signature,
)
from gateway.profiles.standard import LIS02
from gateway.profiles.vocabulary import FLAGS, VOIDS, Void
from gateway.protocols.astm import Dialect, Endings
from gateway.report import AbsentReason, Kind

PROFILE = AnalyzerProfile(
    name="abbott-afinion-2",
    vendor="Abbott",
    model="Afinion 2",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect(endings=Endings.MESSAGE, max_text=4000)),
    evidence=Evidence.CAPTURE,
    source=("ASTM capture of an Afinion 2, fields as decoded from it",),
    signatures=(Signature("H.5.1", r"(?i).*Afinion.*"),),
    where=replace(
        LIS02,
        operator=None,
        specimen=("O.3.1",),
        patient=("P.4.1", "P.3.1"),
        position=("O.4.1",),
        observed=("R.13.1",),
        serial="H.5.3",
    ),
    analytes={
        **named(menus.HBA1C, "HbA1c", "HBA1C", "HbA1C"),
        **named(menus.CRP, "CRP"),
        **named(menus.ALBUMIN_CREATININE, "ACR", "Alb/Creat"),
        **named(menus.URINE_ALBUMIN, "Albumin", "U-Alb", "Alb", "ALB"),
        **named(menus.URINE_CREATININE, "Creatinine", "U-Creat", "Creat", "CREA", "Crea"),
        **named(menus.CHOLESTEROL, "Chol", "CHOL", "TC"),
        **named(menus.HDL, "HDL", "HDL-C"),
        **named(menus.LDL_CALCULATED, "LDL", "LDL-C"),
        **named(menus.TRIGLYCERIDE, "Trig", "TRIG", "TG"),
        **named(menus.NON_HDL, "non-HDL", "Non-HDL", "NON-HDL"),
        **named(menus.CHOLESTEROL_RATIO, "Chol/HDL", "CHOL/HDL"),
    },
    voids=(Void("-+", AbsentReason.NOT_MEASURED), *VOIDS),
    flags={**FLAGS, "!": "!"},
    qc=(
        Rule(Kind.QC, "O.16.2", "[Cc]", "C"),
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
    ),
    kinds=(Rule(Kind.UNKNOWN, "O.16.2", "(?![OoCc]$).+", "V"),),
    quirks=frozenset({Quirk.TRAILING_FLAG}),
    shape=Shape(
        fixed={
            "H.5.1": "Afinion 2 Analyzer",
            "H.12": "P",
            "H.13": "LIS2-A2",
            "O.16.2": "O",
            "R.9": "F",
        }
    ),
)
