"""Siemens CLINITEK Advantus: urine strips, ASTM over RS-232; results only.

The test's code stands alone in R.4 and its answer in R.6, two places behind those of the standard;
urobilinogen has its unit in the same cell (``norm^EU/dL``).  The id is O.3; it may stand in P.5
as well, or only there.  A star behind an answer is the analyzer's mark of an abnormal one.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import named
from gateway.profiles.panels import URINE_STRIP
from gateway.profiles.schema import (
    AnalyzerProfile,
    Evidence,
    Part,
    QcUnknown,
    Quirk,
    Rule,
    Shape,
    Signature,
)
from gateway.profiles.standard import LIS02
from gateway.profiles.vocabulary import FLAGS
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="siemens-clinitek-advantus",
    vendor="Siemens Healthineers",
    model="CLINITEK Advantus",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine()),
    evidence=Evidence.INTEGRATOR,
    source=("code of an integrator, as the notes on analyzers sum it up",),
    signatures=(Signature("H.5", r"(?i)CLINITEK.*"),),
    where=replace(
        LIS02,
        code=("R.4.1",),
        value="R.6",
        parts=(Part.VALUE, Part.UNIT),
        unit=None,
        range=None,
        flags=(),
        status=("R.10.1",),
        operator=None,
        observed=(),
        specimen=("O.3.1", "P.5.1"),
        patient=("P.3.1",),
    ),
    analytes={
        **{code: URINE_STRIP[code] for code in ("GLU", "BIL", "KET", "SG", "PH", "PRO", "NIT")},
        **named(URINE_STRIP["BLO"], "BLO"),
        **named(URINE_STRIP["URO"], "URO"),
        **named(URINE_STRIP["LEU"], "LEU"),
        **named(URINE_STRIP["COL"], "COL"),
        **named(URINE_STRIP["CLA"], "CLA"),
    },
    flags={**FLAGS, "*": "A"},
    quirks=frozenset({Quirk.TRAILING_FLAG}),
    units={"EU/dL": "mg/dL", "E.U./dL": "mg/dL"},
    qc=QcUnknown("its marking of controls is not known; the standard's and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    shape=Shape(
        fixed={"H.5.1": "CLINITEK", "H.5.2": "Advantus", "H.12": "P", "H.13": "1", "R.10": "F"},
    ),
)
