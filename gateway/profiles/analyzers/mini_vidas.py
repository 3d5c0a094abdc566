"""bioMerieux mini VIDAS: immunoassays, tagged fields with a checksum; results only.

``ci`` is the specimen, ``pi`` the patient, ``rt`` the test, ``ql`` a call, ``qn`` a number,
which may carry its unit. Dates have the month first. Codes are the site's, and so are units
where none is sent (``units = { "TSH:" = "m[IU]/L" }``).
"""

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    QcUnknown,
    Rule,
    Scale,
    Shape,
    Typical,
    Where,
)
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="mini-vidas",
    vendor="bioMerieux",
    model="mini VIDAS",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="mini-vidas"),
    evidence=Evidence.CAPTURE,
    source=("a capture of a mini VIDAS, fields and checksum as decoded from it",),
    where=Where(
        code=("row.rt", "row"),
        value="row.ql+row.qn",
        specimen=("ci",),
        patient=("pi",),
        name=("pn",),
        observed=("row.td+row.tt",),
    ),
    dates=("MM/DD/YY hh:mm", "MM/DD/YY"),
    qc=QcUnknown("no marking of controls is known; ids beginning QC are taken so"),
    kinds=(Rule(Kind.QC, "ci", TYPED_QC, "QC01"),),
    shape=Shape(
        menu={
            "INR": Analyte("6301-6", (), Scale.NUMBER, Typical("0.9", "1.2")),
        },
    ),
)
