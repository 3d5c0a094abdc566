"""Horiba ABX Pentra 80, XL 80, XLR and ES 60: blood count, ASTM, one record in each frame.

R.5 holds the number of a set of units (1 to 4) and no unit.  Tests that have one unit in every set
are read with it; for the others (HGB, HCT, MCHC, PCT) the site says what its set means, such as
``units = { "HGB:1" = "g/dL" }``.  R.9 has letters of its own: N is rejected, M typed in, D diluted,
W suspected, X beyond what can be counted.  A void value may carry a clinical flag.  Times have
twelve digits; alarms come as lists in comments.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol, SerialLine
from gateway.profiles.menus import BLOOD_COUNT, named
from gateway.profiles.schema import Analyte, AnalyzerProfile, Evidence, Quirk, Rule, Shape
from gateway.profiles.standard import LIS02
from gateway.profiles.vocabulary import STATUSES
from gateway.protocols.astm import Dialect
from gateway.report import Kind, Status


def _set(code: str) -> Analyte:
    """With its one unit where every set of units has it; the size of the number is the same."""
    analyte = BLOOD_COUNT[code]
    return (
        analyte
        if code in ("HGB", "HCT", "MCHC", "PCT")
        else replace(analyte, unsent=analyte.units[0])
    )


PROFILE = AnalyzerProfile(
    name="horiba-pentra",
    vendor="Horiba",
    model="Pentra",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine()),
    evidence=Evidence.CAPTURE,
    source=(
        "ABX Pentra ASTM output format",
        "ASTM capture of a Pentra XLR, fields as the notes on analyzers list them",
    ),
    where=replace(
        LIS02,
        specimen=("O.3.1",),
        patient=("P.4.1", "P.3.1"),
        name=("P.6",),
        birth="P.8.1",
        sex="P.9.1",
        position=("O.3.2", "O.3.3"),
        observed=("R.13.1",),
    ),
    analytes={
        **{code: _set(code) for code in ("WBC", "RBC", "HGB", "HCT", "MCV", "MCH", "MCHC")},
        **{code: _set(code) for code in ("PLT", "MPV", "PDW", "PCT")},
        **named(_set("RDW-CV"), "RDW"),
        **named(_set("NEUT#"), "NEU#"),
        **named(_set("NEUT%"), "NEU%"),
        **named(_set("LYMPH#"), "LYM#"),
        **named(_set("LYMPH%"), "LYM%"),
        **named(_set("MONO#"), "MON#"),
        **named(_set("MONO%"), "MON%"),
        **named(_set("EO#"), "EOS#"),
        **named(_set("EO%"), "EOS%"),
        **named(_set("BASO#"), "BAS#"),
        **named(_set("BASO%"), "BAS%"),
        "ALY#": Analyte(None, ("10*3/uL",), display="Atypical lymphocytes", unsent="10*3/uL"),
        "ALY%": Analyte(None, ("%",), display="Atypical lymphocytes [share]", unsent="%"),
        "LIC#": Analyte(None, ("10*3/uL",), display="Large immature cells", unsent="10*3/uL"),
        "LIC%": Analyte(None, ("%",), display="Large immature cells [share]", unsent="%"),
    },
    statuses={**STATUSES, "M": Status.FINAL, "D": Status.FINAL},
    qc=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    dates=("YYYYMMDDhhmmss", "YYYYMMDDhhmm", "YYYYMMDD"),
    quirks=frozenset({Quirk.NUMBERED_UNITS}),
    query=HostQuery("Q.3.2", "Q.5", within=10.0),
    shape=Shape(fixed={"H.5.1": "ABX", "H.12": "P", "H.13": "E1394-97", "R.9": "F"}),
    setup="Say in units what the analyzer's set of units means for HGB, HCT, MCHC and PCT.",
)
