"""Mindray BS-200, BS-240, BS-380 and their like in ASTM mode: chemistry over TCP or RS-232.

The test's name is the second component (``^Glucose^^F``) and the first its number, where there is
one.  The value's cell has empty components behind the value (``5.43^^^^``).  The laboratory names
the tests on the analyzer, so every code is the site's.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol, SerialLine
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    Part,
    QcUnknown,
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
    source=("code of the BLIS project for a BS-200E, as the notes on analyzers sum it up",),
    where=replace(
        LIS02,
        code=("R.3.2", "R.3.1"),
        parts=(Part.VALUE,),
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
        name=("P.6",),
        birth="P.8.1",
        sex="P.9.1",
        specimen_type="O.16.1",
    ),
    qc=QcUnknown("its marking of controls is not known; the standard's and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    query=HostQuery("Q.3.2", "Q.5", within=10.0),
    shape=Shape(
        menu={
            "Glucose": Analyte(None, ("mmol/L",), typical=Typical("3.90", "6.10")),
            "ALT": Analyte(None, ("U/L",), typical=Typical("7.0", "45.0")),
        },
        fixed={"H.5.1": "Mindray", "H.12": "P", "H.13": "1394-97", "R.3.4": "F", "R.9": "F"},
    ),
)
