"""Where LIS02-A2, HL7 v2 and POCT1-A put things.

A profile says with ``dataclasses.replace`` where its device differs.  Whose a result is
(``specimen``, ``patient``) every profile states itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.profiles.link import HostQuery
from gateway.profiles.schema import Part, Rule, Where
from gateway.profiles.vocabulary import FLAGS
from gateway.report import Kind, Status

NO_IDS: Final = (
    r"(?i:no[ _-]?read|read[ _-]?error|err(?:or)?[ _-]?[0-9]{0,15}|unknown|none|null|n/?a)"
    r"|[-?*.#_=]+|0+"
)
"""What analyzers write where an id should stand and none was read or typed."""

LIS02: Final = Where(
    code=("R.3.4",),
    value="R.4",
    unit="R.5",
    range="R.6.1",
    flags=("R.7",),
    status=("R.9.1",),
    operator="R.11.1",
    observed=("R.13.1", "R.12.1"),
    processing="H.12.1",
    sent="H.14.1",
)

TEST_SELECTION: Final = HostQuery(
    "Q.3.3",
    "Q.5",
    within=10.0,
    echo=(
        (3, "O.3"),
        (4, "O.4.1"),
        (5, "O.4.2"),
        (6, "O.4.3"),
        (7, "O.4.4"),
        (8, "O.4.5"),
        (9, "O.4.6"),
    ),
    fixed={
        "H.11.1": "TSDWN",
        "H.11.2": "REPLY",
        "H.13": "1",
        "O.12": "A",
        "O.26": "O",
        "L.3": "N",
    },
    code="{code}",
)
"""How cobas analyzers ask and are answered: the id as they sent it, and where the tube stands."""

HL7V2: Final = Where(
    code=("OBX.3.1",),
    value="OBX.5",
    name=("PID.5",),
    birth="PID.7.1",
    sex="PID.8.1",
    unit="OBX.6.1",
    range="OBX.7",
    flags=("OBX.8.1",),
    status=("OBX.11.1",),
    operator="OBX.16.1",
    observed=("OBX.19.1", "OBX.14.1", "OBR.7.1"),
    processing="MSH.11.1",
    sent="MSH.7.1",
    value_type="OBX.2",
    replicate="OBX.4",
)

HL7_STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        "F": Status.FINAL,
        "C": Status.CORRECTED,
        "U": Status.FINAL,  # became final, nothing else changed
        "P": Status.PRELIMINARY,
        "R": Status.PRELIMINARY,  # entered, not verified
        "S": Status.PARTIAL,
        "I": Status.PENDING,
        "O": Status.PENDING,
        "X": Status.NO_RESULT,
        "N": Status.NO_RESULT,
    }
)
"""HL7 table 0085.  D and W (deleted, wrong) are missing: a person decides what is to be done."""

HL7_FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **FLAGS,
        **{flag: flag for flag in ("S", "R", "I", "MS", "VS", "POS", "NEG", "IND", "HU", "LU")},
        "null": "",
    }
)
"""HL7 table 0078."""

POCT1A: Final = Where(
    code=("OBS.observation_id@DN", "OBS.observation_id"),
    value="OBS.qualitative_value+OBS.value",
    parts=(Part.VALUE, Part.NUMBER),
    patient=("PT.patient_id",),
    name=("PT.name",),
    birth="PT.birth_date",
    sex="PT.gender_cd",
    unit="OBS.value@U",
    range="OBS.normal_lo-hi_limit",
    flags=("OBS.interpretation_cd",),
    status=("OBS.status_cd",),
    operator="OPR.operator_id",
    observed=("SVC.observation_dttm",),
    specimen_type="SPC.type_cd",
    collected="SPC.specimen_dttm",
    model="DEV.model_id",
    serial="DEV.serial_id",
)

POCT1A_STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {"A": Status.FINAL, "F": Status.FINAL, "D": Status.NO_RESULT}
)
"""Accepted and discarded by the operator.  What else may stand there holds the report."""

POCT1A_DATES: Final = ("YYYY-MM-DDThh:mm:ss", "YYYY-MM-DDThh:mm", "YYYY-MM-DD")

POCT1A_NO_IDS: Final = "(?i:unknown)"
"""What some devices send as the patient where only the order was named."""

POCT1A_QC: Final = (
    Rule(Kind.QC, "SVC.role_cd", "LQC|EQC|QC", "LQC"),
    Rule(Kind.CALIBRATION, "SVC.role_cd", "CAL|CVR", "CVR"),
    Rule(Kind.PROFICIENCY, "SVC.role_cd", "PRF", "PRF"),
    Rule(Kind.QC, "message", r"OBS\.R02", "OBS.R02", when=(("SVC.role_cd", "|OBS"),)),
    Rule(Kind.UNKNOWN, "SVC.role_cd", "(?!(?:OBS|LQC|EQC|QC|CAL|CVR|PRF)$).+", "UNK"),
    Rule(Kind.UNKNOWN, "message", r"OBS\.R01", "OBS.R01", when=(("SVC.role_cd", ""),)),
)
"""OBS.R02 never is a patient's; a service in OBS.R01 that does not say what it was for is held."""
