"""Cepheid GeneXpert: PCR, HL7 2.5 in MLLP (ORU^R32^ORU_R30); the analyzer dials and asks.

The specimen's id is SPM-2, which stands behind the results.  OBX-3.1 has the panel, the test's
code, the assay's name and its version as subcomponents, OBX-4.1 an analyte and what is told of it
(Ct, EndPt, LOG).  Only a line with the assay's name is a result; lines of an analyte, its Ct and
the logarithm of a quantity are details of the result above.  OBX-5 is the call and, behind it, a
number.  A failed run comes with status F and a value like INVALID: no answer.  The device waits a
minute for the answer to a query and does nothing meanwhile: it is always answered.  Every code is
the site's.
"""

from dataclasses import replace

from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    Quirk,
    Rule,
    Scale,
    Shape,
    Signature,
)
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.protocols.hl7device import Dialect
from gateway.report import AbsentReason, Kind, Status

PROFILE = AnalyzerProfile(
    name="cepheid-genexpert-hl7",
    vendor="Cepheid",
    model="GeneXpert",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect(), reply_within=60.0),
    evidence=Evidence.SPEC,
    source=(
        "GeneXpert LIS interface protocol specification 301-2002 Rev. E, HL7 2.5",
        "an integrator's mapping of its fields",
    ),
    signatures=(
        Signature("MSH.3.2", "(?i)GeneXpert.*"),
        Signature("MSH.3.1", "(?i)(?:GX|GeneXpert).*"),
    ),
    where=replace(
        HL7V2,
        code=("OBX.3.1",),
        specimen=("SPM.2.1.1",),
        patient=("PID.3.1", "PID.2.1"),
        specimen_type="SPM.4.1",
        operator="OBX.16.2",
        observed=("OBX.19.1", "OBX.14.1", "TQ1.8.1", "OBR.7.1"),
        detail=("OBX.4.1.1", "OBX.4.1.2"),
    ),
    code="(?:[^&]*&)?(?P<code>[^&]+)(?:&.*)?",
    encoding="latin-1",
    voids=(
        Void("(?i:invalid|error|fail(?:ed)?)", AbsentReason.INVALID),
        Void(r"(?i:no result\b.*)", AbsentReason.NOT_MEASURED),
        *VOIDS,
    ),
    flags=HL7_FLAGS,
    statuses={**HL7_STATUSES, "F\\C": Status.CORRECTED},
    qc=(Rule(Kind.QC, "SPM.11.1", "Q", "Q"), Rule(Kind.QC, "MSH.11.1", "Q", "Q")),
    kinds=(Rule(Kind.UNKNOWN, "SPM.11.1", "[^PQ]", "C"),),
    asides=(
        Aside(".*", AsideRole.DETAIL, (("OBX.4.1.2", ".+"),)),
        Aside(".*", AsideRole.DETAIL, (("OBX.4.1.1", ".+"), ("OBX.3.1.3", ""))),
    ),
    quirks=frozenset({Quirk.EITHER_ENCODING}),
    shape=Shape(
        code="&{code}&Assay&1",
        menu={"FLUA": Analyte(None, (), Scale.ANSWER, words=("NEGATIVE", "POSITIVE"))},
        fixed={
            "MSH.3.1": "LAB",
            "MSH.3.2": "GeneXpert",
            "MSH.9": "ORU^R32^ORU_R30",
            "MSH.12": "2.5",
            "OBX.11": "F",
            "SPM.11": "P",
        },
    ),
)
