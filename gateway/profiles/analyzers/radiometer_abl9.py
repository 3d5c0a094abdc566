"""Radiometer ABL9: blood gases, records between SOH and EOT over TCP, one ACK for each envelope.

The tube's barcode stands on the P record and the patient's number in O.3: the opposite of nearly
every other device; O.4.2 numbers the run.  R.3.5 tells measured (M) from calculated (C) values;
dots or a question mark stand where there is none.  What was typed in (temperature, oxygen
breathed) is a remark.  Controls are ids that operators type (``Abg qc 1``); a calibration has a
bare P record, ``Cal #`` in O.4 and sensor readings (``pH^Sens``).
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol
from gateway.profiles.panels import RADIOMETER
from gateway.profiles.schema import (
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    QcUnknown,
    Rule,
    Shape,
    Signature,
)
from gateway.profiles.standard import LIS02
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.protocols.astm import Dialect, Framing
from gateway.report import AbsentReason, Kind

PROFILE = AnalyzerProfile(
    name="radiometer-abl9",
    vendor="Radiometer",
    model="ABL9",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect(framing=Framing.ENVELOPE)),
    evidence=Evidence.INTEGRATOR,
    source=("code and counts of an integrator over 414 envelopes of one site",),
    signatures=(Signature("H.5.1", r"(?i)ABL ?9(?!0).*"),),
    where=replace(
        LIS02,
        specimen=("P.3.1", "P.4.1"),
        patient=("O.3.1",),
        position=("O.4.2",),
        specimen_type="O.16.1",
        serial="H.5.2",
    ),
    analytes=RADIOMETER,
    voids=(*VOIDS, Void(r"\?.{0,16}", AbsentReason.ERROR)),
    qc=QcUnknown("the analyzer marks no controls; operators type ids like Abg qc 1"),
    kinds=(
        Rule(Kind.QC, "P.3.1", TYPED_QC, "Abg qc 1"),
        Rule(Kind.QC, "P.4.1", TYPED_QC, "Abg qc 1"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "Abg qc 1"),
        Rule(Kind.CALIBRATION, "O.4.1", r"(?i)cal.*", "Cal #"),
        Rule(Kind.CALIBRATION, "R.3.5", r"(?i)sens", "Sens", each_line=True),
    ),
    asides=(Aside(r"(?i:T|Temp|FIO2|FO2\(I\))", AsideRole.REMARK),),
    shape=Shape(
        fixed={"H.5.1": "ABL9", "H.12": "P", "O.4.1": "Sample #", "R.3.5": "M", "R.9": "F"},
        units={"mm[Hg]": "mmHg"},
    ),
    setup="The analyzer dials the host; it knows neither orders nor queries.",
)
