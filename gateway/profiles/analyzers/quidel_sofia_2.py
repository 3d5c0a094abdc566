"""Quidel Sofia and Sofia 2: antigen tests, ASTM over TCP or RS-232, one record in each frame.

Test codes stand without carets (``SARS``) in O.5 and R.3.  The patient's id is P.3, the specimen's
O.3; operators fill in one or both.  H.13 holds the firmware's version instead of the standard's.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import named
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    QcUnknown,
    Rule,
    Scale,
    Shape,
    Signature,
)
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

_WORDS = ("negative", "positive")


def _call(loinc: str) -> Analyte:
    return Analyte(loinc, scale=Scale.ANSWER, words=_WORDS)


PROFILE = AnalyzerProfile(
    name="quidel-sofia-2",
    vendor="QuidelOrtho",
    model="Sofia 2",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect(), SerialLine()),
    evidence=Evidence.CAPTURE,
    source=("ASTM capture of a Sofia 2, fields as the notes on analyzers list them",),
    signatures=(Signature("H.5", r"(?i).*sofia.*"),),
    where=replace(
        LIS02,
        code=("R.3.1", "R.3.4"),
        specimen=("O.3.1",),
        patient=("P.3.1",),
        observed=("R.13.1", "R.12.1"),
    ),
    analytes={
        **named(_call("94558-4"), "SARS", "SARS-CoV-2"),
        **named(_call("80382-5"), "FLUA", "Flu A", "FLU A", "Influenza A"),
        **named(_call("80383-3"), "FLUB", "Flu B", "FLU B", "Influenza B"),
        **named(_call("72885-7"), "RSV"),
        **named(_call("78012-2"), "STREPA", "Strep A", "STREP A", "Strep A+"),
    },
    qc=QcUnknown("no control was seen in the capture; the standard's marks and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
        Rule(Kind.QC, "P.3.1", TYPED_QC, "QC01"),
    ),
    shape=Shape(
        code="{code}", fixed={"H.5.1": "Sofia 2", "H.12": "P", "H.13": "2.1.0", "R.9": "F"}
    ),
)
