"""Any analyzer that exports files into a folder: tables (CSV, XLSX, XML) or HL7 v2.

A table is read by its headings, those of ``gateway.profiles.columns`` and the site's ``columns``;
HL7 as by ``generic-hl7``.  Numbers have a decimal point; ``file-drop-comma`` is for the others.
Every test code is the site's.  Nothing vouches for the bytes of a file but its layout.
"""

from dataclasses import replace

from gateway.profiles.analyzers.generic_hl7 import PROFILE as GENERIC_HL7
from gateway.profiles.columns import HEADINGS
from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import CHEMISTRY, CRP
from gateway.profiles.schema import AnalyzerProfile, Evidence, Rule, Shape, Where
from gateway.profiles.vocabulary import STATUSES
from gateway.report import Kind, Status

_CONTROL = "l?qc|control|quality control|kontrolle"
_CALIBRATION = "cal|calibration|calibrator"
_PROFICIENCY = "proficiency|eqa|ringversuch"
_EXPLAINED = f"patient|sample|routine|{_CONTROL}|{_CALIBRATION}|{_PROFICIENCY}"

PROFILE = AnalyzerProfile(
    name="file-drop",
    vendor="",
    model="",
    link=Link(Protocol.FILE, "file"),
    evidence=Evidence.SPEC,
    source=("RFC 4180: CSV files", "ECMA-376: XLSX files", "HL7 v2.3.1 to v2.6, as files"),
    where=Where(
        code=("row",),
        value="row.value",
        specimen=("specimen",),
        patient=("patient",),
        name=("family", "given"),
        birth="birth",
        sex="sex",
        specimen_type="type",
        position=("position",),
        unit="row.unit",
        range="row.range",
        flags=("row.flag",),
        status=("row.status",),
        operator="row.operator",
        observed=("row.observed", "row.date+row.time"),
        model="model",
        serial="serial",
    ),
    encoding="cp1252",
    dates=(
        *("YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD hh:mm", "YYYY-MM-DDThh:mm:ss", "YYYY-MM-DDThh:mm"),
        *("YYYYMMDDhhmmss", "YYYYMMDDhhmm", "YYYYMMDD hh:mm:ss", "YYYY/MM/DD hh:mm:ss"),
        *("YYYY/MM/DD hh:mm", "DD.MM.YYYY hh:mm:ss", "DD.MM.YYYY hh:mm"),
        *("YYYY-MM-DD", "YYYY/MM/DD", "DD.MM.YYYY", "YYYYMMDD"),
    ),
    columns=dict(HEADINGS),
    statuses={
        **STATUSES,
        **dict.fromkeys(("Final", "FINAL", "final", "Completed", "completed"), Status.FINAL),
        **dict.fromkeys(("Preliminary", "preliminary"), Status.PRELIMINARY),
    },
    qc=(
        Rule(Kind.QC, "kind", f"(?i:{_CONTROL})", "QC"),
        Rule(Kind.QC, "type", r"(?i:qc|control|kontrolle)(?i:[ _-].*)?", "Control"),
        Rule(Kind.QC, "specimen", TYPED_QC, "QC01"),
    ),
    kinds=(
        Rule(Kind.CALIBRATION, "kind", f"(?i:{_CALIBRATION})", "Calibration"),
        Rule(Kind.PROFICIENCY, "kind", f"(?i:{_PROFICIENCY})", "Proficiency"),
        Rule(Kind.UNKNOWN, "kind", f"(?!(?i:{_EXPLAINED})$).+", "?"),
    ),
    hl7_files=replace(GENERIC_HL7, name="file-drop"),
    shape=Shape(menu={"GLU": CHEMISTRY["GLUCOSE"], "CREA": CHEMISTRY["CREATININE"], "CRP": CRP}),
    setup="Dates with slashes that begin with day or month are not guessed: export ISO dates.",
)
