"""Roche Elecsys 2010 and cobas e 411: immunology, ASTM; the analyzer asks for its orders.

Test numbers are the laboratory's to map; a dilution stands behind the slash.  In a query the
specimen's id is the third part of Q.3; an answer repeats it, and where the tube stands, in O.3 and
O.4.  A result with a call beside its number (serology) holds until somebody says what the call
means.
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
    Part,
    QcUnknown,
    Rule,
    Shape,
    Typical,
)
from gateway.profiles.standard import LIS02, TEST_SELECTION
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="roche-e411",
    vendor="Roche",
    model="cobas e 411",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine()),
    evidence=Evidence.INTEGRATOR,
    source=(
        "code of an integrator, as the notes on analyzers sum it up",
        "queries and answers of an e 411 as two integrators published them",
    ),
    where=replace(
        LIS02,
        parts=(Part.VALUE,),
        range="R.6",
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
        position=("O.4.2", "O.4.3"),
        observed=("R.13.1", "R.12.1"),
    ),
    code=r"(?P<code>[^/]+)/?.*",
    qc=QcUnknown("its marking of controls is not known; the standard's and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.4.5", "QC", "QC"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    alarms=(Alarm("C.4.1", "(?!0+$)[0-9]{1,3}", "the analyzer raised a data flag"),),
    labels=(Label("[0-9]{1,3}", "data flag:"),),
    query=TEST_SELECTION,
    shape=Shape(
        menu={
            "10": Analyte(None, ("u[IU]/mL",), typical=Typical("0.400", "4.000")),
            "20": Analyte(None, ("ng/dL",), typical=Typical("0.80", "1.80")),
        },
        units={"u[IU]/mL": "uIU/mL"},
        code="{code}/",
        fixed={"H.5.1": "e411", "H.11.1": "RSUPL", "H.12": "P", "H.13": "1", "R.9": "F"},
    ),
)
