"""PixCell HemoScreen: blood count from a drop, POCT1-A in MLLP.

Tests are named by LOINC codes with the name of the test beside; marks of doubt are notes (``*``).
"""

from dataclasses import replace

from gateway.profiles.analyzers.hemoscreen import ANALYTES
from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import Alarm, AnalyzerProfile, Evidence, Shape, Signature
from gateway.profiles.standard import (
    HL7_FLAGS,
    POCT1A,
    POCT1A_DATES,
    POCT1A_NO_IDS,
    POCT1A_QC,
    POCT1A_STATUSES,
)

PROFILE = AnalyzerProfile(
    name="hemoscreen-poct1a",
    vendor="PixCell",
    model="HemoScreen",
    link=Link(Protocol.POCT1A, "tcp-listen", reply_within=60.0),
    evidence=Evidence.SPEC,
    source=("HemoScreen connectivity HS-IL-00067, POCT1-A2 chapters",),
    signatures=(
        Signature("DEV.device_name", "(?i).*HemoScreen.*"),
        Signature("DEV.vendor_id", "(?i)PIX.*"),
    ),
    where=replace(POCT1A, model="DEV.device_name"),
    dates=POCT1A_DATES,
    no_ids=POCT1A_NO_IDS,
    analytes=ANALYTES,
    flags=HL7_FLAGS,
    statuses=POCT1A_STATUSES,
    qc=POCT1A_QC,
    alarms=(Alarm("NTE.text", r"\*", "the analyzer doubts this result", hold=False),),
    shape=Shape(
        fixed={
            "DEV.vendor_id": "PIX",
            "DEV.device_name": "HemoScreen",
            "SVC.role_cd": "OBS",
            "SVC.status_cd": "NRM",
            "SVC.reason_cd": "NEW",
            "OBS.method_cd": "M",
            "OBS.status_cd": "A",
        },
    ),
)
