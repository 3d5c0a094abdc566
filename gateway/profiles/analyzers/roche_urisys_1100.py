"""Roche Urisys 1100: urine strips, records like ASTM over RS-232; results only.

The test stands in the second component (``01^SG``), its answer in R.4, with the concentration
behind it (``neg^...``).  Its codes were never verified, so each is the site's to map; an answer
whose second part is no number holds the report.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.panels import URINE_STRIP
from gateway.profiles.schema import AnalyzerProfile, Evidence, QcUnknown, Rule, Shape, Signature
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="roche-urisys-1100",
    vendor="Roche",
    model="Urisys 1100",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine()),
    evidence=Evidence.INTEGRATOR,
    source=("code of an integrator, as the notes on analyzers sum it up",),
    signatures=(Signature("H.5", r"(?i)urisys.*"),),
    where=replace(
        LIS02,
        code=("R.3.2",),
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
    ),
    qc=QcUnknown("its marking of controls is not known; the standard's and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    shape=Shape(
        menu={code: URINE_STRIP[code] for code in ("SG", "NIT", "PRO")},
        fixed={"H.5.1": "Urisys 1100", "H.12": "P", "H.13": "1", "R.3.1": "01", "R.9": "F"},
    ),
)
