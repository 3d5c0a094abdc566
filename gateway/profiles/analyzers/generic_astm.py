"""Any analyzer that keeps to LIS01-A2 and LIS02-A2; every test code is the site's to map.

Identity, units, flags and times stand where the standard puts them; a device that writes them
elsewhere needs a profile of its own.  Controls are known by the standard's own marks.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import HostQuery, Link, Protocol, SerialLine
from gateway.profiles.menus import CHEMISTRY, CRP
from gateway.profiles.schema import Alarm, AnalyzerProfile, Evidence, Rule, Shape
from gateway.profiles.standard import LIS02, NO_IDS
from gateway.protocols.astm import Dialect, Framing
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="generic-astm",
    vendor="",
    model="",
    link=Link(Protocol.ASTM, "tcp-listen", Dialect(framing=Framing.AUTO), SerialLine()),
    evidence=Evidence.SPEC,
    source=("CLSI LIS01-A2 (2008)", "CLSI LIS02-A2 (2004), sections 6 to 14"),
    where=replace(
        LIS02,
        code=("R.3.4", "R.3.5", "R.3.1"),
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1", "P.5.1"),
        name=("P.6",),
        birth="P.8.1",
        sex="P.9.1",
        position=("O.4",),
        specimen_type="O.16.1",
        collected="O.8.1",
        model="H.5.1",
        serial="H.5.3",
        replicate="R.3.5",
    ),
    qc=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "O.16", r"(?i:q|qc|ctrl|control)(?:\^.*)?", "CTRL"),
        Rule(Kind.QC, "O.3.1", TYPED_QC, "QC01"),
    ),
    alarms=(
        Alarm(
            "O.12",
            "[CPXcpx]",
            "results of an order that is cancelled or not done yet",
            specimen=True,
        ),
        Alarm("O.26", "[PIXYZpixyz]", "results of a report that is not final", specimen=True),
    ),
    no_ids=NO_IDS,
    shape=Shape(
        menu={"GLU": CHEMISTRY["GLUCOSE"], "CREA": CHEMISTRY["CREATININE"], "CRP": CRP},
        fixed={"H.5.1": "GENERIC", "H.12": "P", "H.13": "LIS2-A2", "R.9": "F"},
    ),
    query=HostQuery(specimen="Q.3.2", tests="Q.5", within=10.0),
    downloads=True,
)
