"""Mindray BS-200, BS-240, BS-380 and their like in ASTM mode: chemistry over TCP or RS-232.

The tube's barcode is O.4; O.3 is only the analyzer's own number of the specimen, with its tray and
place.  The test's name is the second component (``^Glucose^^F``) and the first its number, where
there is one.  The value's cell has empty components behind the value (``5.43^^^^``).  H.12 says
what is sent in two letters: PR a patient's result, QR a control, CR a calibration.  The laboratory
names the tests on the analyzer, so every code is the site's.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol, SerialLine
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    Part,
    Rule,
    Shape,
    Typical,
)
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="mindray-bs-astm",
    vendor="Mindray",
    model="BS series",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect(), SerialLine()),
    evidence=Evidence.INTEGRATOR,
    source=(
        "code of the BLIS project for a BS-200E, as the notes on analyzers sum it up",
        "Mindray BS series Host Interface Manual, ASTM chapter, as integrators cite it",
    ),
    where=replace(
        LIS02,
        code=("R.3.2", "R.3.1"),
        parts=(Part.VALUE,),
        range="R.6",
        processing=None,
        specimen=("O.4.1",),
        position=("O.3.1", "O.3.2", "O.3.3"),
        patient=("P.4.1", "P.3.1"),
        name=("P.6",),
        birth="P.8.1",
        sex="P.9.1",
        specimen_type="O.16.1",
    ),
    qc=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "H.12.1", "(?i:QR?)", "QR"),
        Rule(Kind.QC, "O.4.1", TYPED_QC, "QC01"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    kinds=(
        Rule(Kind.CALIBRATION, "H.12.1", "(?i:CR?)", "CR"),
        Rule(Kind.UNKNOWN, "H.12.1", "(?i:(?!(?:PR?|QR?|CR?)$).+)", "T"),
    ),
    query=HostQuery("Q.3.2", "Q.5", within=10.0),
    shape=Shape(
        menu={
            "Glucose": Analyte(None, ("mmol/L",), typical=Typical("3.90", "6.10")),
            "ALT": Analyte(None, ("U/L",), typical=Typical("7.0", "45.0")),
        },
        fixed={"H.5.1": "Mindray", "H.12": "PR", "H.13": "1394-97", "R.3.4": "F", "R.9": "F"},
    ),
)
