"""A Report as the JSON of the public contract, and back.

Field names and their order are the contract's; unknown is null; numbers are strings as the device
sent them.  Beyond the contract's example stand ``specimen.collected_at``, ``notes`` and
``attachments``, always present.  ``report_json`` can leave the patient out, or replace ids by
pseudonyms; the record itself is always the full form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from gateway.messages.identity import pseudonym
from gateway.report import (
    SCHEMA,
    Absent,
    Attachment,
    Coded,
    Device,
    Kind,
    Observation,
    Patient,
    Quantity,
    Range,
    Report,
    Text,
    Titer,
    Unit,
    Value,
)

Json = dict[str, Any]


class PatientData(StrEnum):
    """How much of the patient a payload tells.

    ``none``: ids, name, birth date and sex are empty.  ``pseudonymous``: ids are keyed hashes, sex
    stays, name and birth date are empty.  ``full``: everything.  The specimen's id is kept in all
    three, being what results are told apart by; but where a device was given the patient's id as
    specimen id it is treated as one (empty, or hashed).  Notes about the whole report may speak of
    the patient and are kept only in ``full``.  Comments on a single result stay.
    """

    NONE = "none"
    PSEUDONYMOUS = "pseudonymous"
    FULL = "full"


def report_json(
    report: Report, patient_data: PatientData = PatientData.FULL, key: bytes | None = None
) -> Json:
    """The report as JSON values.  ``key`` is the site's secret, needed for pseudonyms."""
    if patient_data is PatientData.PSEUDONYMOUS and not key:
        raise ValueError("pseudonyms need the site's key")
    full = patient_data is PatientData.FULL
    return {
        "schema": SCHEMA,
        "id": report.id,
        "device": _device(report.device),
        "kind": report.kind.value,
        "specimen": _specimen(report, patient_data, key),
        "patient": _patient(report.patient, patient_data, key),
        "received_at": report.received_at.isoformat(),
        "observations": [_observation(one) for one in report.observations],
        "problems": [
            {"code": one.code.value, "at": one.at, "hold": one.hold} for one in report.problems
        ],
        "source": {
            "transmission": report.source.transmission,
            "protocol": report.source.protocol,
        },
        "notes": list(report.notes) if full else [],
        "attachments": [_attachment(one) for one in report.attachments],
    }


def published_text(report: Report, patient_data: PatientData, key: bytes | None) -> str:
    """What MQTT carries.  A run that is no patient's names none: an id in the patient's place is
    a control's, and stands in a note where everything may be told."""
    value = report_json(report, patient_data, key)
    if report.kind is not Kind.PATIENT:
        value["patient"] = _patient(Patient(), patient_data, key)
        if patient_data is PatientData.FULL:
            value["notes"] += [
                f"id sent in {one.source}: {one.value}" for one in report.patient.ids
            ]
    return _line(value)


def report_text(
    report: Report, patient_data: PatientData = PatientData.FULL, key: bytes | None = None
) -> str:
    """One line of JSON, as ``gateway decode`` prints it and MQTT carries it."""
    return _line(report_json(report, patient_data, key))


def _line(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


@cache
def report_schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of ``report_json``, as shipped with the package."""
    text = resources.files(__package__).joinpath("report.schema.json").read_text("utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


def _device(device: Device) -> Json:
    return {
        "id": device.id,
        "profile": device.profile,
        "manufacturer": device.manufacturer,
        "model": device.model,
        "serial": device.serial,
    }


def _specimen(report: Report, patient_data: PatientData, key: bytes | None) -> Json:
    specimen, number = report.specimen, report.specimen.id
    if number is not None and any(
        number.strip() == one.value.strip() for one in report.patient.ids
    ):
        number = _patient_number(number, patient_data, key)
    return {
        "id": number,
        "position": specimen.position,
        "type": specimen.type,
        "collected_at": _moment(specimen.collected_at),
    }


def _patient_number(number: str, patient_data: PatientData, key: bytes | None) -> str | None:
    match patient_data:
        case PatientData.FULL:
            return number
        case PatientData.PSEUDONYMOUS:
            return pseudonym(key or b"", number.strip())
        case PatientData.NONE:
            return None


def _patient(patient: Patient, patient_data: PatientData, key: bytes | None) -> Json:
    full, none = patient_data is PatientData.FULL, patient_data is PatientData.NONE
    return {
        "ids": [
            {"value": _patient_number(one.value, patient_data, key), "from": one.source}
            for one in (() if none else patient.ids)
        ],
        "name": patient.name if full else None,
        "birth_date": patient.birth_date if full else None,
        "sex": None if none else patient.sex,
    }


def _observation(observation: Observation) -> Json:
    code = observation.code
    return {
        "code": {"device": code.device, "loinc": code.loinc, "display": code.display},
        "value": value_json(observation.value),
        "raw": observation.raw,
        "flags": list(observation.flags),
        "range": observation.range,
        "status": observation.status.value,
        "observed_at": _moment(observation.observed_at),
        "operator": observation.operator,
        "notes": list(observation.notes),
    }


def value_json(value: Value) -> Json:
    """One result, by its kind."""
    match value:
        case Quantity(number, comparator, unit):
            sign = comparator.value if comparator else None
            return {"kind": "quantity", "comparator": sign, "number": number, "unit": _unit(unit)}
        case Text(text):
            return {"kind": "text", "text": text}
        case Coded(code, text, system):
            return {"kind": "coded", "code": code, "text": text, "system": system}
        case Titer(numerator, denominator):
            return {"kind": "titer", "numerator": numerator, "denominator": denominator}
        case Range(low, high, unit):
            return {"kind": "range", "low": low, "high": high, "unit": _unit(unit)}
        case Absent(reason):
            return {"kind": "absent", "reason": reason.value}


def _unit(unit: Unit | None) -> Json | None:
    return {"device": unit.device, "ucum": unit.ucum} if unit else None


def _attachment(attachment: Attachment) -> Json:
    return {
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
