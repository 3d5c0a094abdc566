r"""Ortho VITROS ECi/ECiQ, 3600 and 250/350: immunology and chemistry, LIS2-A over serial or TCP.

The test stands as dilution, three-digit code and dilution (``1.0000+002+1.0``); which test a number
means differs between systems, so every code is the site's.  Every replicate is a result.  A value
beyond the range has its comparator, one that failed is ``No Result``.  R.7 repeats codes of the
system's own (``^0^NQ\^0^NR``): they are passed on as sent; ``0`` says that nothing is to report.
"""

from dataclasses import replace

from gateway.profiles.link import HostQuery, Link, Protocol, SerialLine
from gateway.profiles.schema import (
    Alarm,
    Analyte,
    AnalyzerProfile,
    Evidence,
    Quirk,
    Rule,
    Shape,
    Typical,
)
from gateway.profiles.standard import LIS02
from gateway.profiles.vocabulary import FLAGS
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="vitros",
    vendor="Ortho Clinical Diagnostics",
    model="VITROS",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine()),
    evidence=Evidence.CAPTURE,
    source=(
        "captures of a VITROS 3600 published by nishishailesh/astm_general (MIT)",
        "LIS Guide J32799EN; Specifications for Laboratory Computer Interface 355283",
    ),
    where=replace(
        LIS02,
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
        name=("P.6",),
        birth="P.8.1",
        sex="P.9.1",
        position=("O.3.2", "O.3.3"),
        specimen_type="O.16.1",
        flags=("R.7.2", "R.7.3"),
        serial="H.5.1",
    ),
    code=r"(?:[0-9.]{1,8}\+)?(?P<code>[0-9]{3})(?:\+[0-9.+]{1,16})?",
    flags={**FLAGS, "0": ""},
    qc=(Rule(Kind.QC, "O.12", "[Qq]", "Q"),),
    alarms=(Alarm("R.7.3", "[A-Z]+", hold=False),),
    quirks=frozenset({Quirk.OPAQUE_FLAGS}),
    replicates=True,
    query=HostQuery("Q.3.2", "Q.5", within=15.0, order_specimen="O.3.1"),
    downloads=True,
    shape=Shape(
        units={"m[IU]/L": "mIU/L"},
        menu={
            "001": Analyte(None, ("m[IU]/L",), typical=Typical("0.40", "4.00")),
            "002": Analyte(None, ("nmol/L",), typical=Typical("60.00", "150.00")),
        },
        code="1.0000+{code}+1.0",
        fixed={
            "H.5.1": "3600796",
            "H.13": "LIS2-A",
            "O.6": "R",
            "O.12": "N",
            "O.26": "F",
            "R.9": "V",
        },
    ),
)
