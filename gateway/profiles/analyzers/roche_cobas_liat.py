"""Roche cobas Liat: PCR at the bedside, HL7 2.5 in MLLP (ORU^R30, answered ACK^R33).

The patient may be unknown (``Unknown`` is no id) and OBX-1 empty.  Beside each call stands a line
of type NM for the same analyte, which nobody explains: a remark, not a result.  An assay's name may
follow the analyte in brackets.
"""

from dataclasses import replace

from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    QcUnknown,
    Rule,
    Scale,
    Shape,
    Signature,
)
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.protocols.hl7device import Dialect
from gateway.report import AbsentReason, Kind


def _call(loinc: str) -> Analyte:
    return Analyte(loinc, (), Scale.ANSWER, words=("Not Detected", "Detected"))


PROFILE = AnalyzerProfile(
    name="roche-cobas-liat",
    vendor="Roche",
    model="cobas Liat",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect()),
    evidence=Evidence.CAPTURE,
    source=(
        "cobas liat host interface manual VV-09009-05",
        "a message of a Liat that an integrator published",
    ),
    signatures=(Signature("MSH.3.1", "(?i).*liat.*"),),
    where=replace(
        HL7V2,
        code=("OBX.3.1",),
        specimen=("OBR.3.1", "SPM.2.1.1"),
        patient=("PID.3.1",),
        model="MSH.3.1",
    ),
    code=r"(?P<code>[^(]*?)\s*(?:\(.*\))?",
    no_ids="(?i:unknown|n/a|none)",
    encoding="utf-8",
    analytes={
        "Influenza A": _call("92142-9"),
        "FLUA": _call("92142-9"),
        "Influenza B": _call("92141-1"),
        "FLUB": _call("92141-1"),
        "SARS-CoV-2": _call("94500-6"),
        "RSV": _call("92131-2"),
        "Strep A": _call("60489-2"),
    },
    voids=(Void("(?i:invalid|aborted|failed|assay invalid)", AbsentReason.INVALID), *VOIDS),
    flags=HL7_FLAGS,
    statuses=HL7_STATUSES,
    qc=QcUnknown("how a control is marked in HL7 was not seen; in POCT1-A it is OBS.R02"),
    kinds=(
        Rule(Kind.QC, "MSH.11.1", "Q", "Q"),
        Rule(Kind.QC, "OBR.4.1", "(?i:l?qc.*|.*control.*)", "LQC"),
    ),
    asides=(Aside(".*", AsideRole.REMARK, (("OBX.2", "NM"),)),),
    shape=Shape(
        fixed={
            "MSH.3": "cobas Liat",
            "MSH.9": "ORU^R30^ORU_R30",
            "MSH.12": "2.5",
            "MSH.18": "UNICODE UTF-8",
            "OBX.2": "ST",
            "OBX.11": "F",
        },
    ),
)
