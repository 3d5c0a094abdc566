"""Snibe MAGLUMI 600 to 4000 and X: chemiluminescence, ASTM over TCP or RS-232, with host queries.

Times may have eight digits only: a date.  Most systems dial the host; some listen at port 6100
(``tcp:HOST:6100``).  A query may ask for ``ALL`` tests of one specimen.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol, SerialLine
from gateway.profiles.menus import named
from gateway.profiles.panels import HORMONES
from gateway.profiles.schema import AnalyzerProfile, Evidence, QcUnknown, Rule, Shape, Signature
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="snibe-maglumi",
    vendor="Snibe",
    model="MAGLUMI",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect(), SerialLine()),
    evidence=Evidence.INTEGRATOR,
    source=("code of integrators, as the notes on analyzers sum it up",),
    signatures=(Signature("H.5", r"(?i).*maglumi.*"),),
    where=replace(
        LIS02,
        code=("R.3.4", "R.3.1"),
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
        name=("P.6",),
    ),
    analytes={
        **named(HORMONES["TSH"], "TSH"),
        **named(HORMONES["FT4"], "FT4"),
        **named(HORMONES["FT3"], "FT3"),
        **named(HORMONES["FERRITIN"], "Ferritin", "FERRITIN"),
        **named(HORMONES["PSA"], "PSA", "TPSA", "T-PSA"),
    },
    qc=QcUnknown("its marking of controls is not known; the standard's and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    query=HostQuery("Q.3.2", "Q.5", within=10.0),
    shape=Shape(
        units={"u[IU]/mL": "uIU/mL"},
        fixed={"H.5.1": "Maglumi User", "H.10": "Lis", "H.12": "P", "H.13": "E1394-97", "R.9": "F"},
    ),
)
