"""Nova StatStrip: glucose and ketone meters, POCT1-A ("DML"); the docking station dials.

Texts may stand beside the V attributes.  ORD.order_id is the number of the specimen's order; where
only that was scanned, the patient is UNKNOWN.  Glucose is named by the LOINC code 2341-6 that the
device itself sends.  Topics of the vendor's own (NOVA.*) are kept with the bytes.
"""

from dataclasses import replace

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

_GLUCOSE = Analyte(
    "2341-6",
    ("mg/dL", "mmol/L"),
    typical=Typical("70", "120"),
    by_unit={"mmol/L": None},
    display="Glucose in blood by test strip",
)

PROFILE = AnalyzerProfile(
    name="nova-statstrip",
    vendor="Nova Biomedical",
    model="StatStrip",
    link=Link(Protocol.POCT1A, "tcp-listen", reply_within=120.0),
    evidence=Evidence.SPEC,
    source=("Nova StatStrip POCT1-A (DML) interface specification 2.59",),
    signatures=(
        Signature("DEV.vendor_id", "(?i)NOVA.*"),
        Signature("DEV.model_id", "(?i).*StatStrip.*"),
    ),
    where=replace(POCT1A, specimen=("ORD.order_id",)),
    dates=POCT1A_DATES,
    no_ids=POCT1A_NO_IDS,
    analytes={
        "Glu": _GLUCOSE,
        "GLU": _GLUCOSE,
        "2341-6": _GLUCOSE,
        "Creat": Analyte(
            "38483-4",
            ("mg/dL", "umol/L"),
            by_unit={"umol/L": "59826-8"},
            display="Creatinine in blood",
        ),
        "Lac": Analyte("32693-4", ("mmol/L",)),
        "eGFR": Analyte(
            None, ("mL/min/{1.73_m2}",), display="Glomerular filtration rate, estimated"
        ),
        "Ket": Analyte(
            None, ("mmol/L",), typical=Typical("0.1", "0.6"), display="Ketones in blood"
        ),
    },
    flags=HL7_FLAGS,
    statuses=POCT1A_STATUSES,
    qc=POCT1A_QC,
    alarms=(Alarm("SVC.status_cd", "OVR", "measured although the device objected", hold=False),),
    shape=Shape(
        fixed={
            "DEV.vendor_id": "NOVA",
            "DEV.model_id": "StatStrip",
            "SVC.role_cd": "OBS",
            "SVC.status_cd": "NRM",
            "OBS.method_cd": "M",
            "OBS.status_cd": "A",
        },
    ),
)
