"""Sysmex XN-L (XN-330, 350, 430, 450, 530, 550): blood count, ASTM over TCP, framed or bare.

The specimen's id stands in O.4.3, padded with blanks on the left; O.4.1 and O.4.2 are rack and
tube.  Among the results come suspect messages with a score (``Left_Shift?``), messages that have a
flag but no value, and paths of pictures: none of these is a measurement.  R.9 may be empty; items
for research or service, where they are sent, have N there.
"""

import re
from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol
from gateway.profiles.menus import BLOOD_COUNT
from gateway.profiles.schema import (
    Alarm,
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    QcUnknown,
    Quirk,
    Rule,
    Shape,
    Signature,
)
from gateway.profiles.standard import LIS02, NO_IDS
from gateway.protocols.astm import Ack, Dialect, Endings, Framing
from gateway.report import Kind

_RESEARCH = ("NRBC#", "NRBC%", "LFR", "MFR", "HFR")  # on some models
_REPORTABLE = "|".join(re.escape(code) for code in BLOOD_COUNT if code not in _RESEARCH)

_PLACE = ((1, "O.4.1"), (2, "O.4.2"), (3, "O.4.3"), (4, "O.4.4"))

PROFILE = AnalyzerProfile(
    name="sysmex-xn-l",
    vendor="Sysmex",
    model="XN-L",
    link=Link(
        Protocol.ASTM,
        "tcp-listen",
        Dialect(framing=Framing.AUTO, ack=Ack.PER_CHUNK, endings=Endings.MESSAGE, max_text=60_000),
    ),
    evidence=Evidence.CAPTURE,
    source=(
        "XN-L series ASTM Host Interface Specifications R315005",
        "two independent ASTM captures of an XN-550, framed and bare",
        "an integrator's list of what an XN-330 sends of research and service items",
    ),
    signatures=(Signature("H.5.1", r"(?i)XN-?[0-9L].*"),),
    where=replace(
        LIS02,
        code=("R.3.5",),
        specimen=("O.4.3", "O.3.1"),
        patient=("P.5.1",),
        name=("P.6.3", "P.6.2"),
        birth="P.8.1",
        sex="P.9.1",
        position=("O.4.1", "O.4.2"),
        observed=("R.13.1",),
        model="H.5.1",
        serial="H.5.3",
    ),
    analytes=BLOOD_COUNT,
    no_ids=NO_IDS,
    qc=QcUnknown("no marking of controls was seen in the captures; ids beginning QC are taken so"),
    kinds=(
        Rule(Kind.QC, "O.4.3", TYPED_QC, "QC-23450801"),
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
    ),
    asides=(
        Aside(r".*\?(?:\(.*\))?", AsideRole.REMARK),
        Aside(r"(?:SCAT|DIST)_.*", AsideRole.IMAGE),
        Aside(r"ACTION_MESSAGE_.*|Positive_.*|Error_.*|.*_RESEARCH", AsideRole.REMARK),
        Aside(rf"(?!(?:{_REPORTABLE})$).*", AsideRole.REMARK, when=(("R.9", "N"),)),
    ),
    alarms=(Alarm("R.7", "W", "the analyzer marks this result as of low reliability"),),
    quirks=frozenset({Quirk.MESSAGE_WITHOUT_VALUE}),
    query=HostQuery(
        "Q.3.3", "Q.5", within=10.0, echo=_PLACE, order_specimen="O.4.3", order_test="O.5.5"
    ),
    shape=Shape(
        fixed={
            "H.5.1": "XN-550",
            "H.5.2": "00-24",
            "H.13": "E1394-97",
            "O.4.4": "B",
            "O.12": "N",
            "O.26": "F",
            "R.3.6": "1",
        },
        pads={"H.5.1": 10, "O.4.3": 22, "R.4": 6},
    ),
    setup="The analyzer dials the host; a host query is switched on in its settings.",
)
