"""Any analyzer that sends ORU or OUL of HL7 v2, in MLLP or bare; every test code is the site's.

The specimen's id may stand in SPM-2, OBR-3 or OBR-2; two of them that differ hold the report.  A
line whose OBX-5 is empty may have its answer in OBX-8, as PCR systems of Roche send it.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import CHEMISTRY, CRP
from gateway.profiles.schema import AnalyzerProfile, Evidence, Rule, Shape
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2, NO_IDS
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.protocols.hl7device import Dialect
from gateway.report import AbsentReason, Kind

PROFILE = AnalyzerProfile(
    name="generic-hl7",
    vendor="",
    model="",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect()),
    evidence=Evidence.SPEC,
    source=("HL7 v2.3.1 to v2.6, chapters 4, 7 and 13", "IHE LAW (LAB-29) message structures"),
    where=replace(
        HL7V2,
        code=("OBX.3.1", "OBX.3.2"),
        specimen=("SPM.2.1.1", "OBR.3.1", "OBR.2.1"),
        patient=("PID.3.1", "PID.2.1"),
        specimen_type="SPM.4.1",
        collected="SPM.17.1",
        model="MSH.3.1",
        instead="OBX.8.1",
    ),
    encoding="utf-8",
    no_ids=NO_IDS,
    voids=(Void("U[0-9]{2}T", AbsentReason.INVALID), *VOIDS),
    flags=HL7_FLAGS,
    statuses=HL7_STATUSES,
    qc=(
        Rule(Kind.QC, "MSH.11.1", "Q", "Q"),
        Rule(Kind.QC, "SPM.11.1", "[QE]", "Q"),
        Rule(Kind.QC, "OBR.4.1", "(?i:l?qc|control)", "QC"),
        Rule(Kind.QC, "OBR.3.1", TYPED_QC, "QC01"),
        Rule(Kind.QC, "SPM.2.1.1", TYPED_QC, "QC01"),
    ),
    kinds=(
        Rule(Kind.CALIBRATION, "SPM.11.1", "[CV]", "C"),
        Rule(Kind.PROFICIENCY, "SPM.11.1", "O", "O"),
        Rule(Kind.UNKNOWN, "SPM.11.1", "[BFG]", "B"),
        Rule(Kind.OTHER, "OBR.3.1", "(?i:background)", "Background"),
    ),
    downloads=True,
    shape=Shape(
        menu={"GLU": CHEMISTRY["GLUCOSE"], "CREA": CHEMISTRY["CREATININE"], "CRP": CRP},
        fixed={"MSH.3": "GENERIC", "MSH.18": "UNICODE UTF-8", "OBX.11": "F"},
    ),
)
