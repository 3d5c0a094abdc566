"""Horiba ABX Micros 60: blood count in the ABX format, checked by length and a 16-bit sum.

Each line is a letter and a value: ``!`` leucocytes, ``2`` erythrocytes, ``3`` haemoglobin;
letters behind a value are flags.  The line FF says what is sent (RESULT, QC-RES ...), u and v hold
ids, filled with zeros.  No units are sent: those that do not depend on the analyzer's settings are
known here, the site names the others (``units = { "3:" = "g/dL" }``).  The order of day and month
is a setting too: no time is read.
"""

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import BLOOD_COUNT
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    Rule,
    Scale,
    Shape,
    Typical,
    Where,
)
from gateway.profiles.vocabulary import FLAGS
from gateway.report import Kind


def _known(code: str, low: str, high: str, unit: str) -> Analyte:
    found = BLOOD_COUNT[code]
    return Analyte(found.loinc, (unit,), Scale.NUMBER, Typical(low, high), unsent=unit)


def _setting(code: str) -> Analyte:
    """The unit is a setting of the analyzer."""
    found = BLOOD_COUNT[code]
    return Analyte(found.loinc, found.units, by_unit=found.by_unit)


def _local(display: str, unit: str) -> Analyte:
    return Analyte(None, (unit,), unsent=unit, display=display)


PROFILE = AnalyzerProfile(
    name="horiba-micros60",
    vendor="Horiba ABX",
    model="Micros 60",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="horiba-abx"),
    evidence=Evidence.CAPTURE,
    source=(
        "ABX output format for Micros 60",
        "a published capture and the code of two integrators",
    ),
    where=Where(
        code=("row",),
        value="row.value",
        specimen=("u", "v"),
        flags=("row.flag",),
    ),
    analytes={
        "!": _known("WBC", "004.0", "010.0", "10*3/uL"),
        "2": _known("RBC", "04.00", "05.60", "10*6/uL"),
        "3": _setting("HGB"),
        "4": _setting("HCT"),
        "5": _known("MCV", "00080", "00096", "fL"),
        "6": _setting("MCH"),
        "7": _setting("MCHC"),
        "8": _known("RDW-CV", "011.5", "014.5", "%"),
        "@": _known("PLT", "00150", "00400", "10*3/uL"),
        "A": _known("MPV", "007.0", "011.0", "fL"),
        "B": _setting("PCT"),
        "C": _setting("PDW"),
        "#": _known("LYMPH%", "020.0", "045.0", "%"),
        "%": _known("MONO%", "003.0", "012.0", "%"),
        "'": _local("Granulocytes per 100 leucocytes", "%"),
        '"': _known("LYMPH#", "001.0", "004.0", "10*3/uL"),
        "$": _known("MONO#", "000.2", "001.0", "10*3/uL"),
        "&": _local("Granulocytes", "10*3/uL"),
    },
    padding="0",
    flags={**FLAGS, "l": "L", "h": "H"},
    qc=(
        Rule(Kind.QC, "kind", "QC.*", "QC-RES"),
        Rule(Kind.QC, "u", rf"0*(?:{TYPED_QC})", "QC01"),
    ),
    kinds=(
        Rule(Kind.CALIBRATION, "kind", "CAL.*", "CAL-RES"),
        Rule(Kind.OTHER, "kind", "(?i:blank.*|startup.*)", "STARTUP"),
        Rule(Kind.UNKNOWN, "kind", "(?!RESULT$|RES-RR$|QC|CAL|(?i:blank|startup)).+", "REP"),
    ),
    shape=Shape(fixed={"kind": "RESULT", "row.flag": ""}, pads={"u": 16}),
    setup="Select the ABX format and 9600 baud; name the units in the configuration.",
)
