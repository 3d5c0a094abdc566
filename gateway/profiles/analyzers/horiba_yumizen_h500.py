"""Horiba Yumizen H500 and H550: blood count, LIS2-A2 over TCP, the message cut every 240 bytes.

Frames end in the middle of fields.  Ranges are named (``4.0 - 10.0^REFERENCE_RANGE``).  The comment
``NON_COMPLIANT_DATA`` lists what the analyzer does not vouch for and holds the report.  M records
bring histograms and matrices, kept as attachments, and the lots of the reagents.  Controls are
marked by H.12 and by O.16.  A lone ENQ and EOT say that the analyzer is alive.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol
from gateway.profiles.menus import BLOOD_COUNT, named
from gateway.profiles.schema import (
    Alarm,
    Analyte,
    AnalyzerProfile,
    Evidence,
    Quirk,
    Rule,
    Shape,
    Signature,
)
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect, Endings
from gateway.report import Kind

_DOUBT = "the analyzer lists results it does not vouch for"

PROFILE = AnalyzerProfile(
    name="horiba-yumizen-h500",
    vendor="Horiba",
    model="Yumizen H500",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect(endings=Endings.MESSAGE, max_text=240)),
    evidence=Evidence.CAPTURE,
    source=("LIS2-A2 capture of a Yumizen H500, 125 frames, as the notes on analyzers list it",),
    signatures=(Signature("H.5.1", r"(?i)(?:Yumizen ?)?H-?5[05]0.*"),),
    where=replace(
        LIS02,
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
        name=("P.6",),
        birth="P.8.1",
        sex="P.9.1",
        model="H.5.1",
        serial="H.5.2",
    ),
    analytes={
        **{code: BLOOD_COUNT[code] for code in ("WBC", "RBC", "HGB", "HCT", "MCV", "MCH")},
        **{code: BLOOD_COUNT[code] for code in ("MCHC", "PLT", "MPV", "PDW", "PCT", "P-LCR")},
        **{code: BLOOD_COUNT[code] for code in ("RDW-CV", "RDW-SD")},
        **named(BLOOD_COUNT["NEUT#"], "NEU#"),
        **named(BLOOD_COUNT["NEUT%"], "NEU%"),
        **named(BLOOD_COUNT["LYMPH#"], "LYM#"),
        **named(BLOOD_COUNT["LYMPH%"], "LYM%"),
        **named(BLOOD_COUNT["MONO#"], "MON#"),
        **named(BLOOD_COUNT["MONO%"], "MON%"),
        **named(BLOOD_COUNT["EO#"], "EOS#"),
        **named(BLOOD_COUNT["EO%"], "EOS%"),
        **named(BLOOD_COUNT["BASO#"], "BAS#"),
        **named(BLOOD_COUNT["BASO%"], "BAS%"),
        "P-LCC": Analyte(None, ("10*3/uL", "10*9/L"), display="Platelets, large"),
        "ALY#": Analyte(None, ("10*3/uL", "10*9/L"), display="Atypical lymphocytes"),
        "ALY%": Analyte(None, ("%",), display="Atypical lymphocytes [share]"),
        "LIC#": Analyte(None, ("10*3/uL", "10*9/L"), display="Large immature cells"),
        "LIC%": Analyte(None, ("%",), display="Large immature cells [share]"),
    },
    qc=(
        Rule(Kind.QC, "O.16.1", r"(?i)ctrl|control", "CTRL"),
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    alarms=(
        Alarm("C.4.1", "NON_COMPLIANT_DATA", _DOUBT),
        Alarm("C.4.1", "NON_COMPLIANT_DATA", specimen=True),
        Alarm("C.4.1", ".*AGGREGATES.*", "platelets may have clumped"),
        Alarm("C.4.1", ".*AGGREGATES.*", specimen=True),
    ),
    quirks=frozenset({Quirk.DEFLATED_MATRICES}),
    query=HostQuery("Q.3.2", "Q.5", within=10.0),
    shape=Shape(
        fixed={"H.5.1": "H500", "H.12": "P", "H.13": "LIS2-A2", "R.9": "F"},
    ),
)
