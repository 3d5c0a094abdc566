"""Roche/Hitachi cobas c 311: chemistry, ASTM, the whole message in one frame.

The specimen's id is O.3.2, padded with blanks to 22 places.  Application codes end with a slash
(``685/``) and are the laboratory's to map.  Behind every result stands a comment with the number of
its data flag; 0 is none, any other says that the analyzer doubts the result.  In a query the
specimen's id is the third part of Q.3; an answer repeats it, and where the tube stands, in O.3 and
O.4.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.schema import (
    Alarm,
    Analyte,
    AnalyzerProfile,
    Evidence,
    Label,
    Rule,
    Shape,
    Signature,
    Typical,
)
from gateway.profiles.standard import LIS02, TEST_SELECTION
from gateway.protocols.astm import Dialect, Endings
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="roche-c311",
    vendor="Roche",
    model="cobas c 311",
    link=Link(
        Protocol.ASTM, "serial", Dialect(endings=Endings.MESSAGE, max_text=60_000), SerialLine()
    ),
    evidence=Evidence.CAPTURE,
    source=(
        "ASTM capture of a c 311, fields as the notes on analyzers list them",
        "queries and answers of a c 311 as two integrators published them",
    ),
    signatures=(Signature("H.5.1", "(?i)(?:cobas )?c ?311.*"),),
    where=replace(
        LIS02,
        specimen=("O.3.2",),
        patient=("P.3.1", "P.4.1"),
        birth="P.8.1",
        sex="P.9.1",
        position=("O.4.2", "O.4.3"),
        observed=("R.13.1", "R.12.1"),
    ),
    code=r"(?P<code>[^/]+)/?[^/]*",
    qc=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.4.4", "QC", "QC"),
        Rule(Kind.QC, "O.4.5", "QC", "QC"),
        Rule(Kind.QC, "O.3.2", TYPED_QC, "QC01"),
    ),
    kinds=(
        Rule(Kind.CALIBRATION, "H.11.1", "(?:PC|IC)UPL", "PCUPL"),
        Rule(Kind.OTHER, "H.11.1", "ABUPL", "ABUPL"),
    ),
    alarms=(Alarm("C.4.1", "(?!0+$)[0-9]{1,3}", "the analyzer raised a data flag"),),
    labels=(Label("[0-9]{1,3}", "data flag:"),),
    query=TEST_SELECTION,
    shape=Shape(
        code="{code}/",
        menu={
            "685": Analyte(None, ("U/L",), typical=Typical("8.0", "40.0")),
            "690": Analyte(None, ("mg/dL",), typical=Typical("0.50", "1.20")),
        },
        fixed={
            "H.5.1": "c311",
            "H.5.2": "1",
            "H.11.1": "RSUPL",
            "H.11.2": "REAL",
            "H.12": "P",
            "H.13": "1",
            "O.3.1": "1",
            "R.9": "F",
            "R.14": "P1",
        },
        pads={"O.3.2": 22},
    ),
)
