"""Cepheid GeneXpert: PCR, HL7 2.5 in MLLP (ORU^R32^ORU_R30); the analyzer dials and asks.

The specimen's id is SPM-2, which stands behind the results.  OBX-3.1 holds the test's code and
further texts as subcomponents; OBX-5 is the call and, behind it, a number.  A failed run comes with
status F and a value like INVALID: no answer.  The device waits a minute for the answer to a query
and does nothing meanwhile: it is always answered.  Every code is the site's.
"""

from dataclasses import replace

from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    Rule,
    Scale,
    Shape,
    Signature,
)
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.protocols.hl7device import Dialect
from gateway.report import AbsentReason, Kind

PROFILE = AnalyzerProfile(
    name="cepheid-genexpert-hl7",
    vendor="Cepheid",
    model="GeneXpert",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect(), reply_within=60.0),
    evidence=Evidence.SPEC,
    source=("GeneXpert LIS interface protocol specification, HL7 2.5",),
    signatures=(Signature("MSH.3.1", "(?i)(?:GX|GeneXpert).*"),),
    where=replace(
        HL7V2,
        code=("OBX.3.1.1",),
        specimen=("SPM.2.1.1",),
        patient=("PID.3.1", "PID.2.1"),
        specimen_type="SPM.4.1",
        model="MSH.3.1",
    ),
    encoding="latin-1",
    voids=(
        Void("(?i:no result|invalid|error|fail(?:ed)?|indeterminate)", AbsentReason.INVALID),
        *VOIDS,
    ),
    flags=HL7_FLAGS,
    statuses=HL7_STATUSES,
    qc=(Rule(Kind.QC, "SPM.11.1", "Q", "Q"), Rule(Kind.QC, "MSH.11.1", "Q", "Q")),
    kinds=(Rule(Kind.UNKNOWN, "SPM.11.1", "[^PQ]", "C"),),
    shape=Shape(
        menu={"FLUA": Analyte(None, (), Scale.ANSWER, words=("NEGATIVE", "POSITIVE"))},
        fixed={
            "MSH.3": "GeneXpert",
            "MSH.9": "ORU^R32^ORU_R30",
            "MSH.12": "2.5",
            "OBX.11": "F",
            "SPM.11": "P",
        },
    ),
)
