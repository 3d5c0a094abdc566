"""Quidel Sofia and Sofia 2: antigen tests, POCT1-A2, with firmware from 2.1 on.

The call stands in OBS.qualitative_value, the specimen's number in ORD.order_id.  Controls and
calibrations come as OBS.R02, whatever their SVC.role_cd says; CTC.name tells which of both it is.
"""

from dataclasses import replace

from gateway.profiles.analyzers import quidel_sofia_2
from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Evidence,
    Rule,
    Scale,
    Shape,
    Signature,
)
from gateway.profiles.standard import (
    HL7_FLAGS,
    POCT1A,
    POCT1A_DATES,
    POCT1A_NO_IDS,
    POCT1A_QC,
    POCT1A_STATUSES,
)
from gateway.report import Kind

_CALIBRATION = Rule(Kind.CALIBRATION, "CTC.name", "(?i)calib.*", "Calibration Result")
_OTHERWISE = ("CTC.name", "(?i)(?!calib).*")

_OVERALL = Analyte(
    None,
    scale=Scale.ANSWER,
    words=("passed", "failed"),
    display="Outcome of a calibration or control",
)

PROFILE = AnalyzerProfile(
    name="quidel-sofia-2-poct1a",
    vendor="QuidelOrtho",
    model="Sofia 2",
    link=Link(Protocol.POCT1A, "tcp-listen", reply_within=100.0),
    evidence=Evidence.INTEGRATOR,
    source=("an integrator's notes on Quidel's POCT1-A2 specification of the Sofia",),
    signatures=(
        Signature("DEV.device_name", "(?i).*sofia.*"),
        Signature("DEV.manufacturer_name", "(?i).*quidel.*"),
    ),
    where=replace(
        POCT1A,
        code=("OBS.observation_id", "OBS.observation_id@DN"),
        specimen=("ORD.order_id",),
        model="DEV.device_name",
    ),
    dates=POCT1A_DATES,
    no_ids=POCT1A_NO_IDS,
    analytes={**quidel_sofia_2.PROFILE.analytes, "Overall Result": _OVERALL},
    flags=HL7_FLAGS,
    statuses=POCT1A_STATUSES,
    qc=(
        _CALIBRATION,
        *(
            replace(rule, when=(*rule.when, _OTHERWISE)) if rule.kind is Kind.QC else rule
            for rule in POCT1A_QC
        ),
    ),
    shape=Shape(
        fixed={
            "DEV.manufacturer_name": "QUIDEL",
            "DEV.device_name": "Sofia",
            "SVC.role_cd": "OBS",
            "SVC.reason_cd": "NEW",
            "OBS.method_cd": "M",
        },
    ),
)
