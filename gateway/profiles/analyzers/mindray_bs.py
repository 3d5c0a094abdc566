"""Mindray BS-120 to BS-480: clinical chemistry, HL7 2.3.1 in MLLP; the analyzer dials and asks.

The tube's barcode is OBR-2, the analyzer's own number of the specimen OBR-3.  OBX-4 is the name of
a test, OBX-3 its number in the analyzer's list, which every laboratory fills itself: all codes are
the site's.  MSH-16 says what is sent: 0 a patient's result, 1 a calibration, 2 a control.  Orders
(QRY^Q02, DSR^Q03) call a test by its number: ``order_codes`` says which.
"""

from dataclasses import replace

from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import CHEMISTRY
from gateway.profiles.schema import AnalyzerProfile, Evidence, Rule, Shape, Signature
from gateway.profiles.standard import HL7_FLAGS, HL7_STATUSES, HL7V2
from gateway.protocols.hl7device import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="mindray-bs",
    vendor="Mindray",
    model="BS series",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect()),
    evidence=Evidence.SPEC,
    source=("Mindray BS series host interface manual, HL7 2.3.1: ORU^R01, QRY^Q02, DSR^Q03",),
    signatures=(Signature("MSH.4.1", "(?i)BS-?[0-9].*"), Signature("MSH.3.1", "(?i)BS-?[0-9].*")),
    where=replace(
        HL7V2,
        code=("OBX.4.1", "OBX.3.2", "OBX.3.1"),
        specimen=("OBR.2.1",),
        patient=("PID.2.1", "PID.3.1"),
        position=("OBR.3.1",),
        operator=None,
        model="MSH.4.1",
    ),
    encoding="utf-8",
    flags=HL7_FLAGS,
    statuses=HL7_STATUSES,
    qc=(Rule(Kind.QC, "MSH.16.1", "2", "2"), Rule(Kind.QC, "MSH.11.1", "Q", "Q")),
    kinds=(
        Rule(Kind.CALIBRATION, "MSH.16.1", "1", "1"),
        Rule(Kind.UNKNOWN, "MSH.16.1", "[3-9]", "3"),
    ),
    shape=Shape(
        menu={
            "GLU": CHEMISTRY["GLUCOSE"],
            "CREA": CHEMISTRY["CREATININE"],
            "ALT": CHEMISTRY["ALT"],
        },
        fixed={
            "MSH.3": "Mindray",
            "MSH.4": "BS-240",
            "MSH.12": "2.3.1",
            "MSH.16": "0",
            "MSH.18": "UNICODE",
            "OBX.11": "F",
        },
    ),
)
