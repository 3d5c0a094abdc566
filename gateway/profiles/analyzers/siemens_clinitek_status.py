"""Siemens CLINITEK Status and Status+: urine strips, comma-delimited text; results only.

The operator presses "send".  Where the specimen's id stands differs between firmwares and is not
known: every report is held until a person says whose it is.  Tests are found by their names, so
that their order does not matter.  A star behind a value is the analyzer's mark of an abnormal one.
"""

from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    QcUnknown,
    Quirk,
    Scale,
    Where,
)


def _strip(loinc: str | None, display: str) -> Analyte:
    return Analyte(loinc, (), Scale.ANSWER, display=display, words=("NEGATIVE", "TRACE"))


PROFILE = AnalyzerProfile(
    name="siemens-clinitek-status",
    vendor="Siemens Healthineers",
    model="CLINITEK Status",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="clinitek-status"),
    evidence=Evidence.SPEC,
    source=("CLINITEK Status technical bulletin CTStatus-002, introduction",),
    where=Where(code=("row",), value="row.value", unit="row.more"),
    analytes={
        "GLU": _strip("25428-4", "Glucose in urine by strip"),
        "BIL": _strip("5770-3", "Bilirubin in urine by strip"),
        "KET": _strip("2514-8", "Ketones in urine by strip"),
        "SG": _strip("5811-5", "Specific gravity of urine by strip"),
        "BLO": _strip("5794-3", "Blood in urine by strip"),
        "PH": _strip("5803-2", "pH of urine by strip"),
        "PRO": _strip("20454-5", "Protein in urine by strip"),
        "URO": _strip(None, "Urobilinogen in urine by strip"),
        "NIT": _strip("5802-4", "Nitrite in urine by strip"),
        "LEU": _strip("5799-2", "Leucocyte esterase in urine by strip"),
        "ALB": _strip(None, "Albumin in urine by strip"),
        "CRE": _strip(None, "Creatinine in urine by strip"),
        "A:C": _strip(None, "Albumin/creatinine in urine by strip"),
        "P:C": _strip(None, "Protein/creatinine in urine by strip"),
        "COL": _strip("5778-6", "Colour of urine"),
        "CLA": _strip("32167-9", "Clarity of urine"),
        "HCG": _strip("2106-3", "Choriogonadotropin in urine"),
    },
    flags={"*": "A"},
    quirks=frozenset({Quirk.TRAILING_FLAG}),
    qc=QcUnknown("no marking of controls is known, and no place of an id"),
    setup=(
        "Nothing is sent by itself: the operator presses send after each test. The order of fields"
        " is not verified for every firmware: nothing is read by its place, and every report waits"
        " for a person."
    ),
)
