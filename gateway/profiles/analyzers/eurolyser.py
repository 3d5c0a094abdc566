"""Eurolyser CUBE and SMART: a file of lines ``id;name;test;value unit;time``, without headings.

The id stands beside a name and is taken for the patient's.  Only the tests named here are known by
what the device calls them; any other is the site's.  How controls are marked is not known.
"""

from gateway.profiles.columns import Meaning
from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import CRP, HBA1C
from gateway.profiles.schema import AnalyzerProfile, Evidence, QcUnknown, Rule, Where
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="eurolyser",
    vendor="Eurolyser",
    model="CUBE",
    link=Link(Protocol.FILE, "file"),
    evidence=Evidence.INTEGRATOR,
    source=("an integrator's description of the exported file, id;name;test;value unit;time",),
    where=Where(
        code=("row",),
        value="row.value",
        patient=("patient",),
        name=("family",),
        unit="row.unit",
        observed=("row.observed",),
    ),
    encoding="cp1252",
    dates=(
        *("DD.MM.YYYY hh:mm:ss", "DD.MM.YYYY hh:mm", "YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD hh:mm"),
        *("DD.MM.YYYY", "YYYY-MM-DD"),
    ),
    columns={
        "1": Meaning.PATIENT.value,
        "2": Meaning.FAMILY.value,
        "3": Meaning.TEST.value,
        "4": Meaning.VALUE.value,
        "5": Meaning.OBSERVED.value,
    },
    analytes={"CRP": CRP, "HbA1c": HBA1C},
    units={"mg/l": "mg/L"},
    qc=QcUnknown("no marking of controls is known; ids beginning QC are taken so"),
    kinds=(Rule(Kind.QC, "patient", TYPED_QC, "QC01"),),
    setup="Let it export to a folder; another separator than the semicolon is found by itself.",
)
