"""Any device that speaks POCT1-A, bare or in MLLP; every test code is the site's.

The patient is PT.patient_id, the kind of run SVC.role_cd.  A call stands in OBS.qualitative_value,
a number in OBS.value; with both there are two observations.
"""

from dataclasses import replace

from gateway.profiles.link import Link, Protocol
from gateway.profiles.menus import CHEMISTRY, CRP
from gateway.profiles.schema import Alarm, AnalyzerProfile, Evidence, Shape
from gateway.profiles.standard import (
    HL7_FLAGS,
    NO_IDS,
    POCT1A,
    POCT1A_DATES,
    POCT1A_NO_IDS,
    POCT1A_QC,
    POCT1A_STATUSES,
)

PROFILE = AnalyzerProfile(
    name="generic-poct1a",
    vendor="",
    model="",
    link=Link(Protocol.POCT1A, "tcp-listen", reply_within=60.0),
    evidence=Evidence.SPEC,
    source=("CLSI POCT01-A2, Appendix B: device messaging layer",),
    where=replace(POCT1A, code=("OBS.observation_id",)),
    dates=POCT1A_DATES,
    no_ids=f"{POCT1A_NO_IDS}|{NO_IDS}",
    flags=HL7_FLAGS,
    statuses=POCT1A_STATUSES,
    qc=POCT1A_QC,
    alarms=(Alarm("SVC.status_cd", "OVR", "measured although the device objected", hold=False),),
    shape=Shape(
        menu={"GLU": CHEMISTRY["GLUCOSE"], "CREA": CHEMISTRY["CREATININE"], "CRP": CRP},
        fixed={"SVC.role_cd": "OBS", "OBS.method_cd": "M", "OBS.status_cd": "A"},
    ),
)
