"""Sysmex XP-100 and XP-300: blood count with three kinds of white cells, ASTM; results only.

P is bare.  The specimen's id stands in O.4.3, padded to 15 places on the left; O.4.4 says how it
came in.  R.3.6 is the dilution (1 or 26), R.9 stays empty, masked values are marks.  W is data
the analyzer itself marks with a star: not reliable.  Where its language has a decimal comma, its
values do, too.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import BLOOD_COUNT, named
from gateway.profiles.numbers import EITHER
from gateway.profiles.schema import (
    Alarm,
    Analyte,
    AnalyzerProfile,
    Evidence,
    Rule,
    Shape,
    Signature,
    Typical,
)
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect, Endings
from gateway.report import Kind

_THOUSANDS = ("10*3/uL", "10*9/L")
_SAME = (
    "WBC",
    "RBC",
    "HGB",
    "HCT",
    "MCV",
    "MCH",
    "MCHC",
    "PLT",
    "NEUT#",
    "NEUT%",
    "RDW-SD",
    "RDW-CV",
    "PDW",
    "MPV",
    "P-LCR",
    "PCT",
)


def _cells(display: str, *units: str) -> Analyte:
    return Analyte(None, units, typical=Typical("1.0", "9.0"), display=display)


PROFILE = AnalyzerProfile(
    name="sysmex-xp-300",
    vendor="Sysmex",
    model="XP-300",
    link=Link(
        Protocol.ASTM, "serial", Dialect(endings=Endings.MESSAGE, max_text=4000), SerialLine()
    ),
    evidence=Evidence.CAPTURE,
    source=(
        "XP Series ASTM Communication Specifications, Revision 1.0 (2012)",
        "ASTM captures of XP analyzers, fields as the notes on analyzers list them",
        "an integrator's code for an XP that writes a decimal comma",
    ),
    signatures=(Signature("H.5.1", r"(?i)XP-?[0-9]{3}.*"),),
    where=replace(
        LIS02,
        code=("R.3.5",),
        specimen=("O.4.3", "O.3.1"),
        patient=("P.3.1", "P.5.1"),
        observed=("R.13.1",),
        model="H.5.1",
        serial="H.5.6",
    ),
    analytes={code: BLOOD_COUNT[code] for code in _SAME}
    | {
        **named(BLOOD_COUNT["LYMPH#"], "LYM#"),
        **named(BLOOD_COUNT["LYMPH%"], "LYM%"),
        "MXD#": _cells("Monocytes, eosinophils and basophils", *_THOUSANDS),
        "MXD%": _cells("Monocytes, eosinophils and basophils [share]", "%"),
        "W-SCC": _cells("White cells, small", *_THOUSANDS),
        "W-MCC": _cells("White cells, middle", *_THOUSANDS),
        "W-LCC": _cells("White cells, large", *_THOUSANDS),
        "W-SCR": _cells("White cells, small [share]", "%"),
        "W-MCR": _cells("White cells, middle [share]", "%"),
        "W-LCR": _cells("White cells, large [share]", "%"),
    },
    qc=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.4.3", TYPED_QC, "QC01"),
    ),
    alarms=(Alarm("R.7", "W", "the analyzer marks this result as of low reliability"),),
    decimal=EITHER,
    shape=Shape(
        fixed={
            "H.5.1": "XP-300",
            "H.5.2": "00-07",
            "H.13": "E1394-97",
            "O.4.4": "B",
            "O.12": "N",
            "O.26": "F",
            "R.3.6": "1",
        },
        pads={"O.4.3": 15, "R.4": 6},
    ),
    setup="Switch on automatic output to the host, ASTM, under Settings, Host output.",
)
