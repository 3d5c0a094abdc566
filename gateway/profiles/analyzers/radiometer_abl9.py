"""Radiometer ABL9: blood gases, records between SOH and EOT over TCP, one ACK for each envelope.

The tube's barcode stands on the P record and the patient's number in O.3: the opposite of nearly
every other device.  R.3.5 tells measured (M) from calculated (C) values; dots or a question mark
stand where there is none.  Controls are ids that operators type (``Abg qc 1``); a calibration has a
bare P record, ``Cal #`` in O.4 and sensor readings (``pH^Sens``).
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import named
from gateway.profiles.panels import BLOOD_GAS
from gateway.profiles.schema import (
    AnalyzerProfile,
    Evidence,
    QcUnknown,
    Rule,
    Shape,
    Signature,
)
from gateway.profiles.standard import LIS02
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.protocols.astm import Dialect, Framing
from gateway.report import AbsentReason, Kind

PROFILE = AnalyzerProfile(
    name="radiometer-abl9",
    vendor="Radiometer",
    model="ABL9",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect(framing=Framing.ENVELOPE)),
    evidence=Evidence.INTEGRATOR,
    source=("code and counts of an integrator over 414 envelopes of one site",),
    signatures=(Signature("H.5.1", r"(?i)ABL ?9"),),
    where=replace(
        LIS02,
        specimen=("P.3.1", "P.4.1"),
        patient=("O.3.1",),
        serial="H.5.2",
    ),
    analytes={
        **named(BLOOD_GAS["PH"], "pH"),
        **named(BLOOD_GAS["PCO2"], "pCO2"),
        **named(BLOOD_GAS["PO2"], "pO2"),
        **named(BLOOD_GAS["K"], "K+"),
        **named(BLOOD_GAS["NA"], "Na+"),
        **named(BLOOD_GAS["CA"], "Ca++"),
        **named(BLOOD_GAS["CL"], "Cl-"),
        **named(BLOOD_GAS["LAC"], "Lac"),
        **named(BLOOD_GAS["GLU"], "Glu"),
        **named(BLOOD_GAS["HCT"], "Hct"),
        **named(BLOOD_GAS["SO2"], "sO2"),
        **named(BLOOD_GAS["HB"], "ctHb", "tHb"),
    },
    voids=(*VOIDS, Void(r"\?.{0,16}", AbsentReason.ERROR)),
    qc=QcUnknown("the analyzer marks no controls; operators type ids like Abg qc 1"),
    kinds=(
        Rule(Kind.QC, "P.3.1", TYPED_QC, "Abg qc 1"),
        Rule(Kind.QC, "P.4.1", TYPED_QC, "Abg qc 1"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "Abg qc 1"),
        Rule(Kind.CALIBRATION, "O.4.1", r"(?i)cal.*", "Cal #"),
        Rule(Kind.CALIBRATION, "R.3.5", r"(?i)sens", "Sens", each_line=True),
    ),
    shape=Shape(
        fixed={"H.5.1": "ABL9", "H.12": "P", "O.4.1": "Sample #", "R.3.5": "M", "R.9": "F"},
        units={"mm[Hg]": "mmHg"},
    ),
    setup="The analyzer dials the host; it knows neither orders nor queries.",
)
