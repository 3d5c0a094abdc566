"""Roche cobas c 111: chemistry, ASTM over RS-232; complete records that end with ETB, L with ETX.

O.3 stays empty in results: the specimen's id is O.4.1, with its place in O.4.2 and O.4.3, and again
in P.4.  Ids may contain blanks.  Test numbers are the laboratory's to map: which ones are loaded
depends on it.  A range is ``low\\high``; M records carry raw curves.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol, SerialLine
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    Rule,
    Shape,
    Signature,
    Typical,
)
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="roche-c111",
    vendor="Roche",
    model="cobas c 111",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine()),
    evidence=Evidence.CAPTURE,
    source=(
        "cobas c 111 Host Interface Manual 2.1",
        "ASTM capture of a c 111, fields as the notes on analyzers list them",
    ),
    signatures=(
        Signature("H.5.3", "(?i)(?:cobas )?c ?111.*"),
        Signature("H.5.1", "(?i)(?:cobas )?c ?111.*"),
    ),
    where=replace(
        LIS02,
        specimen=("O.4.1", "O.3.1"),
        position=("O.4.2", "O.4.3"),
        specimen_type="O.16.1",
        observed=("R.13.1",),
        serial="H.5.6",
    ),
    qc=(
        Rule(Kind.QC, "O.4.6", "(?!0$).+", "CTRL"),
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.4.1", TYPED_QC, "QC01"),
    ),
    kinds=(
        Rule(Kind.CALIBRATION, "H.11.1", "(?:PC|IC)UPL", "PCUPL"),
        Rule(Kind.OTHER, "H.11.1", "ABUPL", "ABUPL"),
    ),
    query=HostQuery("Q.3.2", "Q.5", within=15.0),
    shape=Shape(
        menu={
            "687": Analyte(None, ("U/L",), typical=Typical("8.0", "40.0")),
            "767": Analyte(None, ("mmol/L",), typical=Typical("3.90", "5.50")),
        },
        fixed={
            "H.5.1": "c111",
            "H.5.2": "Roche",
            "H.5.3": "c111",
            "H.10": "host",
            "H.11.1": "RSUPL",
            "H.11.2": "REAL",
            "H.12": "P",
            "H.13": "1",
            "R.9": "F",
        },
    ),
)
