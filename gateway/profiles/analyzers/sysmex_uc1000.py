"""Sysmex UC-1000: urine strips, 518 columns between STX and ETX; results only.

Each slot has a mark (0: analysed), a mark of doubt, a call and perhaps a semi-quantitative value,
whose unit is a setting of the analyzer and not sent: both are given as they stand.  The slot of the
colour is not understood and left in the bytes.  The device repeats a block several times: the same
content is the same report.
"""

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    QcUnknown,
    Rule,
    Scale,
    Shape,
    Where,
)
from gateway.report import Kind


def _strip(loinc: str | None, display: str, *words: str) -> Analyte:
    return Analyte(loinc, (), Scale.ANSWER, display=display, words=words or ("-", "1+", "2+"))


PROFILE = AnalyzerProfile(
    name="sysmex-uc1000",
    vendor="Sysmex",
    model="UC-1000",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="sysmex-uc1000"),
    evidence=Evidence.CAPTURE,
    source=("a capture of a UC-1000, columns as decoded from it",),
    where=Where(
        code=("row",),
        value="row.call+row.value",
        specimen=("id",),
        flags=("row.comment",),
        observed=("date+time",),
    ),
    dates=("YYYY/MM/DD hh:mm", "YYYY/MM/DD"),
    analytes={
        "URO": _strip(None, "Urobilinogen in urine by strip", "normal", "1+", "2+"),
        "BLD": _strip("5794-3", "Blood in urine by strip"),
        "BIL": _strip("5770-3", "Bilirubin in urine by strip"),
        "KET": _strip("2514-8", "Ketones in urine by strip"),
        "GLU": _strip("25428-4", "Glucose in urine by strip"),
        "PRO": _strip("20454-5", "Protein in urine by strip"),
        "PH": _strip("5803-2", "pH of urine by strip", "6.0", "6.5"),
        "NIT": _strip("5802-4", "Nitrite in urine by strip"),
        "LEU": _strip("5799-2", "Leucocyte esterase in urine by strip"),
        "SG": _strip("5811-5", "Specific gravity of urine by strip", "1.010", "1.020"),
        "CRE": _strip(None, "Creatinine in urine by strip"),
        "ALB": _strip(None, "Albumin in urine by strip"),
        "PCR": _strip(None, "Protein/creatinine in urine by strip"),
        "ACR": _strip(None, "Albumin/creatinine in urine by strip"),
        "SGR": _strip(None, "Specific gravity of urine by refraction"),
    },
    flags={"*": "A"},
    qc=QcUnknown("no marking of controls is known; ids beginning QC are taken so"),
    kinds=(Rule(Kind.QC, "id", TYPED_QC, "QC01"),),
    asides=(
        Aside("COLOR", AsideRole.IGNORED),
        Aside(".*", AsideRole.IGNORED, (("row.mark", "[^0]"),)),
    ),
    shape=Shape(fixed={"row.mark": "0"}),
)
