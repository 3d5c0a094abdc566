"""A strip reader that keeps to the standard: what a profile from elsewhere looks like."""

from dataclasses import replace

from gateway.profiles import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    Link,
    Protocol,
    QcUnknown,
    Scale,
    Signature,
)
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect

PROFILE = AnalyzerProfile(
    name="sample-strip-reader",
    vendor="Sample",
    model="Strip Reader",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect()),
    evidence=Evidence.SITE,
    source=("the manual in the drawer below the reader",),
    signatures=(Signature("H.5.1", "STRIPREADER"),),
    where=replace(LIS02, specimen=("O.3.1",), patient=("P.3.1",)),
    qc=QcUnknown("the reader runs no controls of its own"),
    analytes={"NIT": Analyte("5802-4", scale=Scale.ANSWER, words=("neg", "pos"))},
)
