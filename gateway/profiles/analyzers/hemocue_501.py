"""HemoCue HbA1c 501: HbA1c in two units, read from what it would print (ESC/POS); results only.

Each record says in which order its date is written.  ``<4`` and ``>14`` come without mmol/mol.
Numbers of records that do not follow one another hold the report: a page is missing.  The operator
presses PRINTER.
"""

from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import HBA1C
from gateway.profiles.schema import AnalyzerProfile, Evidence, QcUnknown, Rule, Shape, Where
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="hemocue-501",
    vendor="HemoCue",
    model="HbA1c 501",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="hemocue-hba1c-501"),
    evidence=Evidence.INTEGRATOR,
    source=("HemoDownloader, peer-reviewed open source, as read from its description",),
    where=Where(
        code=("row",),
        value="row.value",
        patient=("patient",),
        unit="row.unit",
        operator="operator",
        observed=("date+time",),
    ),
    dates=("YY-MM-DD hh:mm", "YYYY-MM-DD hh:mm", "YY-MM-DD", "YYYY-MM-DD"),
    analytes={"HbA1c": HBA1C},
    qc=QcUnknown("the printout marks no controls; ids beginning QC are taken so"),
    kinds=(Rule(Kind.QC, "patient", "(?i:qc.*)", "QC01"),),
    shape=Shape(fixed={"order": "Y/M/D", "date": "26/01/05", "time": "10:15"}),
    setup="Null-modem cable, 9600 baud; the operator presses PRINTER to send.",
)
