"""Roche Accu-Chek Inform II: glucose meter, POCT1-A through its base station or WLAN.

The meter must be asked for its results and each must be acknowledged; it tries again about every
ten minutes.  How it names glucose is not in the operator's manual: names seen elsewhere are taken,
any other is the site's to map.
"""

from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import (
    Alarm,
    Analyte,
    AnalyzerProfile,
    Evidence,
    Shape,
    Signature,
    Typical,
)
from gateway.profiles.standard import (
    HL7_FLAGS,
    POCT1A,
    POCT1A_DATES,
    POCT1A_NO_IDS,
    POCT1A_QC,
    POCT1A_STATUSES,
)
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.report import AbsentReason

_GLUCOSE = Analyte(
    "41653-7",
    ("mg/dL", "mmol/L"),
    typical=Typical("70", "120"),
    by_unit={"mmol/L": "14743-9"},
    display="Glucose in capillary blood by glucometer",
)

PROFILE = AnalyzerProfile(
    name="accu-chek-inform-ii",
    vendor="Roche",
    model="Accu-Chek Inform II",
    link=Link(Protocol.POCT1A, "tcp-listen", reply_within=60.0),
    evidence=Evidence.SPEC,
    source=("Accu-Chek Inform II operator's manual, data management chapter",),
    signatures=(
        Signature("DEV.model_id", "(?i).*Inform.*"),
        Signature("DEV.device_name", "(?i).*Inform.*"),
        Signature("DEV.vendor_id", "(?i)ROCHE.*"),
    ),
    where=POCT1A,
    dates=POCT1A_DATES,
    no_ids=POCT1A_NO_IDS,
    analytes={"GLU": _GLUCOSE, "Glu": _GLUCOSE, "Glucose": _GLUCOSE, "41653-7": _GLUCOSE},
    voids=(
        Void("(?i:RR HI|CR HI)", AbsentReason.ABOVE_RANGE),
        Void("(?i:RR LO|CR LO)", AbsentReason.BELOW_RANGE),
        *VOIDS,
    ),
    flags=HL7_FLAGS,
    statuses=POCT1A_STATUSES,
    qc=POCT1A_QC,
    alarms=(Alarm("SVC.status_cd", "OVR", "measured although the device objected", hold=False),),
    shape=Shape(
        fixed={
            "DEV.vendor_id": "ROCHE",
            "DEV.model_id": "Inform II",
            "SVC.role_cd": "OBS",
            "OBS.method_cd": "M",
            "OBS.status_cd": "A",
        },
    ),
)
