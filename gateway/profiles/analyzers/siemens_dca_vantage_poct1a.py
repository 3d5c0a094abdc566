"""Siemens DCA Vantage: HbA1c and urine albumin/creatinine, POCT1-A; the device dials.

The device is silent for seconds between messages, its clock may be years off in the header while
the observation's own time is right.  It may accept a message and name an error in the same breath.
"""

from dataclasses import replace

from gateway.profiles.analyzers import siemens_dca_vantage
from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import AnalyzerProfile, Evidence, Shape, Signature
from gateway.profiles.standard import (
    HL7_FLAGS,
    POCT1A,
    POCT1A_DATES,
    POCT1A_NO_IDS,
    POCT1A_QC,
    POCT1A_STATUSES,
)

PROFILE = AnalyzerProfile(
    name="siemens-dca-vantage-poct1a",
    vendor="Siemens Healthineers",
    model="DCA Vantage",
    link=Link(Protocol.POCT1A, "tcp-listen", reply_within=60.0),
    evidence=Evidence.CAPTURE,
    source=(
        "DCA Vantage host computer communication manual 17306",
        "a public recording of a POCT1-A conversation, as decoded from it",
    ),
    signatures=(
        Signature("DEV.model_id", "(?i).*DCA.*"),
        Signature("DEV.device_name", "(?i).*DCA.*"),
    ),
    where=replace(POCT1A, code=("OBS.observation_id@DN", "OBS.observation_id")),
    dates=POCT1A_DATES,
    no_ids=POCT1A_NO_IDS,
    analytes=siemens_dca_vantage.PROFILE.analytes,
    flags=HL7_FLAGS,
    statuses=POCT1A_STATUSES,
    qc=POCT1A_QC,
    shape=Shape(
        units=siemens_dca_vantage.PROFILE.shape.units,
        fixed={
            "DEV.vendor_id": "SIEM",
            "DEV.model_id": "DCA VANTAGE",
            "SVC.role_cd": "OBS",
            "OBS.method_cd": "M",
            "OBS.status_cd": "A",
        },
    ),
    setup="Set the host's address and port (3001 is usual) under LIS/network on the device.",
)
