"""Radiometer ABL90 FLEX: blood gases, high-level ASTM in ordinary frames over TCP.

Ids stand where the standard puts them; the instrument's own sample number is O.4.  R.3.5 tells
measured from calculated values.
"""

from dataclasses import replace

from gateway.profiles.analyzers import radiometer_abl9
from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import Evidence, QcUnknown, Rule, Shape, Signature
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = replace(
    radiometer_abl9.PROFILE,
    name="radiometer-abl90",
    model="ABL90 FLEX",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect()),
    evidence=Evidence.INTEGRATOR,
    source=("Radiometer 990-490, high-level ASTM, as the notes on analyzers name it",),
    signatures=(Signature("H.5.1", r"(?i)ABL ?90.*"),),
    where=replace(
        LIS02,
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
        name=("P.6",),
        position=("O.4.2",),
        birth="P.8.1",
        sex="P.9.1",
        specimen_type="O.16.1",
    ),
    qc=QcUnknown("its marking of controls is not known; the standard's and typed ids count"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC 1"),
        Rule(Kind.CALIBRATION, "O.4.1", r"(?i)cal.*", "Cal #"),
    ),
    shape=Shape(
        fixed={"H.5.1": "ABL90 FLEX", "H.12": "P", "R.3.5": "M", "R.9": "F"},
        units={"mm[Hg]": "mmHg"},
    ),
    setup="",
)
