"""Results of another laboratory: ORU^R01 that answers an order we sent it (OML^O21).

The specimen's id is our own number for the order, which the laboratory repeats in OBR-2 or ORC-2.
Tests are LOINC codes, or the laboratory's own that the site maps.  It is no device and has no line:
its messages come in where the EHR's do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.profiles.link import Link, Protocol
from gateway.profiles.loinc import terms
from gateway.profiles.schema import Analyte, AnalyzerProfile, Evidence, Rule, Scale
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.protocols.hl7device import Dialect
from gateway.report import Kind

REFERENCE_LAB: Final = AnalyzerProfile(
    name="reference-lab",
    vendor="",
    model="",
    link=Link(Protocol.HL7, "orders", hl7=Dialect()),
    evidence=Evidence.SPEC,
    source=("HL7 v2.3 to v2.5.1, chapters 4 and 7: ORU^R01",),
    where=replace(
        HL7V2,
        code=("OBX.3.1", "OBX.3.4", "OBX.3.2"),
        specimen=("OBR.2.1", "ORC.2.1"),
        patient=("PID.3.1",),
        specimen_type="SPM.4.1",
        collected="OBR.7.1",
        model="MSH.3.1",
        instead="OBX.8.1",
    ),
    encoding="utf-8",
    analytes={code: Analyte(code, (), Scale.ANY) for code in terms()},
    flags=HL7_FLAGS,
    statuses=HL7_STATUSES,
    qc=(Rule(Kind.QC, "MSH.11.1", "Q", "Q"),),
)
