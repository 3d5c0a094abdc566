"""Boditech ichroma II and III: immunoassays, HL7 2.6 (OUL^R24), a block that ends with FS alone.

PID-2 is what the operator typed; SPM-2 is the cartridge's lot and no specimen.  OBX-8 ``0`` says
nothing.  The only message seen has MSH-11 T and OBX-11 R (not verified): both hold the report until
a person has looked.  The header's fields may be shifted.  Every code is the site's.
"""

from dataclasses import replace

from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import CRP
from gateway.profiles.numbers import EITHER
from gateway.profiles.schema import AnalyzerProfile, Evidence, QcUnknown, Rule, Shape, Signature
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.protocols.hl7device import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="ichroma-ii",
    vendor="Boditech",
    model="ichroma II",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect()),
    evidence=Evidence.CAPTURE,
    source=("a message of an ichroma II that an integrator published",),
    signatures=(Signature("MSH.4.1", "(?i)ichroma.*"),),
    where=replace(HL7V2, patient=("PID.2.1",), operator=None, model="MSH.4.1", serial="MSH.5.1"),
    encoding="utf-8",
    decimal=EITHER,
    flags={**HL7_FLAGS, "0": ""},
    statuses=HL7_STATUSES,
    qc=QcUnknown("no control run was seen; ids beginning QC are taken so"),
    kinds=(
        Rule(Kind.QC, "PID.2.1", "(?i:qc.*)", "QC01"),
        Rule(Kind.QC, "MSH.11.1", "Q", "Q"),
        Rule(Kind.OTHER, "OBR.2.1", "(?i:system check)", "System Check"),
    ),
    shape=Shape(
        menu={"CRP": CRP},
        fixed={
            "MSH.3": "1",
            "MSH.4": "ichroma2",
            "MSH.9": "OUL^R24^OUL_R24",
            "MSH.12": "2.6",
            "OBX.8": "0",
            "OBX.11": "F",
        },
    ),
)
