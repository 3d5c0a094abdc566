"""Any analyzer of IHE's Laboratory Analytical Workflow: queries, work orders, results.

HL7 2.5.1 in MLLP; the analyzer dials.  Results are OUL^R22 with SPM before the OBRs: the specimen's
id is SPM-2 (SAC-3 names the container).  OBR-2 is the number of the work order, ``""`` where there
was none, and no id of a specimen.  The analyzer asks with QBP^Q11, or is sent work unasked, and
gets OML^O33.  Every test code is the site's.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import CHEMISTRY, CRP
from gateway.profiles.schema import AnalyzerProfile, Evidence, Rule, Shape, Signature
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.protocols.hl7device import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="generic-law",
    vendor="",
    model="",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect()),
    evidence=Evidence.SPEC,
    source=("IHE PaLM TF-2b, LAB-27, LAB-28 and LAB-29 (Laboratory Analytical Workflow)",),
    signatures=(Signature("MSH.21.1", "LAB-2[789]"),),
    where=replace(
        HL7V2,
        code=("OBX.3.1", "OBX.3.2"),
        specimen=("SPM.2.1.1",),
        patient=("PID.3.1",),
        specimen_type="SPM.4.1",
        collected="SPM.17.1",
        position=("SAC.10.1", "SAC.11.1"),
        model="MSH.3.1",
        instead="OBX.8.1",
    ),
    encoding="utf-8",
    flags=HL7_FLAGS,
    statuses=HL7_STATUSES,
    qc=(
        Rule(Kind.QC, "MSH.11.1", "Q", "Q"),
        Rule(Kind.QC, "SPM.11.1", "[QE]", "Q"),
        Rule(Kind.QC, "SPM.2.1.1", TYPED_QC, "QC01"),
    ),
    kinds=(
        Rule(Kind.CALIBRATION, "SPM.11.1", "[CV]", "C"),
        Rule(Kind.PROFICIENCY, "SPM.11.1", "O", "O"),
        Rule(Kind.UNKNOWN, "SPM.11.1", "[BFG]", "B"),
    ),
    downloads=True,
    shape=Shape(
        menu={"GLU": CHEMISTRY["GLUCOSE"], "CREA": CHEMISTRY["CREATININE"], "CRP": CRP},
        fixed={
            "MSH.3": "GENERIC",
            "MSH.9": "OUL^R22^OUL_R22",
            "MSH.12": "2.5.1",
            "MSH.18": "UNICODE UTF-8",
            "MSH.21": "LAB-29^IHE",
            "OBR.2": '""',
            "OBX.11": "F",
        },
    ),
)
