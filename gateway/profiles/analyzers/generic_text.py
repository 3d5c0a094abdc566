"""A printer's output or text lines of any device, read line by line; silence ends a report.

``ID: ...``, ``Patient: ...``, ``Date: ...`` and lines of a code, a value and perhaps a unit and a
flag are understood.  A line with a figure in it that fits no pattern holds the report: it may have
been a result.  There is no checksum; every code is the site's.
"""

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import CHEMISTRY, CRP
from gateway.profiles.schema import AnalyzerProfile, Evidence, Rule, Shape, Where
from gateway.profiles.standard import NO_IDS
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="generic-text",
    vendor="",
    model="",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="generic-text"),
    evidence=Evidence.SPEC,
    source=("plain text lines as analyzers print them; no vendor's document",),
    where=Where(
        code=("row",),
        value="row.value",
        specimen=("id",),
        patient=("patient",),
        unit="row.unit",
        flags=("row.flag",),
        observed=("date+time",),
        serial="serial",
    ),
    no_ids=NO_IDS,
    dates=("YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD hh:mm", "YYYY-MM-DD"),
    qc=(Rule(Kind.QC, "id", TYPED_QC, "QC01"),),
    shape=Shape(menu={"GLU": CHEMISTRY["GLUCOSE"], "CREA": CHEMISTRY["CREATININE"], "CRP": CRP}),
    setup="A profile of the device's own is better: this one reads only what cannot be mistaken.",
)
