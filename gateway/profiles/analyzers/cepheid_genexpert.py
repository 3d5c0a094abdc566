r"""Cepheid GeneXpert Dx, Infinity, Xpress: cartridge PCR, ASTM over TCP, also with host queries.

The header declares ``@`` as repeat and a backslash as escape character.  The host test codes are
the laboratory's own choice on the system, so every code is the site's.  Only the line that names
the assay (R.3.5) is a result; lines of an analyte (R.3.7) and of its Ct, EndPt or Conc (R.3.8) are
details of the result above, a Ct of 0.0 among them.  An INVALID, FAIL or ERROR comes with an
ordinary status.  The system waits 60 s for the answer to a query and does nothing meanwhile.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    Quirk,
    Rule,
    Scale,
    Shape,
    Signature,
)
from gateway.profiles.standard import LIS02
from gateway.profiles.vocabulary import STATUSES, VOIDS, Void
from gateway.protocols.astm import Dialect, Endings
from gateway.report import AbsentReason, Kind, Status

_WORDS = ("NEGATIVE", "POSITIVE", "NOT DETECTED", "DETECTED")

PROFILE = AnalyzerProfile(
    name="cepheid-genexpert",
    vendor="Cepheid",
    model="GeneXpert",
    link=Link(
        Protocol.ASTM,
        "tcp-listen",
        Dialect(endings=Endings.MESSAGE, max_text=240),
        reply_within=60.0,
    ),
    evidence=Evidence.CAPTURE,
    source=(
        "GeneXpert LIS Interface Protocol Specification 301-2002 Rev. E, 302-2261 Rev. C",
        "ASTM capture of a GeneXpert, fields as the notes on analyzers list them",
    ),
    signatures=(
        Signature("H.5.2", r"(?i)(?:Gene)?Xpert.*"),
        Signature("H.5.1", r"(?i)GeneXpert.*"),
    ),
    where=replace(
        LIS02,
        code=("R.3",),
        specimen=("O.3.1",),
        patient=("P.5.1", "P.3.1"),
        name=("P.6",),
        birth="P.8.1",
        sex="P.9.1",
    ),
    code=(
        r"(?:[^^]*\^){3}(?P<code>[^^]+)"
        r"(?:\^[^^]+(?:\^[^^]*){0,2}|\^\^[^^]*)?\^*"
    ),
    voids=(
        *VOIDS,
        Void(r"(?i:aborted|instrument error|no data)", AbsentReason.ERROR),
        Void(r"(?i:no result\b.*)", AbsentReason.NOT_MEASURED),
    ),
    statuses={**STATUSES, "F\\C": Status.CORRECTED},
    qc=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    asides=(Aside(r"(?:[^^]*\^){6,}.*", AsideRole.DETAIL),),
    quirks=frozenset({Quirk.EITHER_ENCODING}),
    query=HostQuery("Q.3.2", "Q.5", within=60.0, code="{code}"),
    shape=Shape(
        delimiters="|@^\\",
        code="^^^{code}^Assay^1^^",
        menu={
            "FLUA": Analyte(None, scale=Scale.ANSWER, words=_WORDS),
            "FLUB": Analyte(None, scale=Scale.ANSWER, words=_WORDS),
        },
        fixed={
            "H.5.1": "GeneXpert PC",
            "H.5.2": "GeneXpert",
            "H.5.3": "6.1",
            "H.10": "LIS",
            "H.12": "P",
            "H.13": "1394-97",
            "O.16": "ORH",
            "O.26": "F",
            "R.9": "F",
        },
    ),
    setup="On the system switch automatic result upload on; it dials the host.",
)
