"""What the gateway itself says in a message's notes (NTE-3): few fixed phrases, in one place."""

from __future__ import annotations

from gateway.report import (
    Absent,
    Coded,
    Device,
    Patient,
    Quantity,
    Range,
    Status,
    Text,
    Titer,
    Value,
)

STATUS_NOTES = {
    Status.DELETED: "This result was withdrawn.",
    Status.WRONG: "The earlier result was wrong and must not be used.",
}


MOVED = "This report was sent for the wrong patient or specimen and is withdrawn."


PARTIAL = "Not all ordered tests have results yet; the rest follows."


def no_result(value: Absent, raw: str) -> str:
    sent = f"; device sent: {raw}" if raw.strip() else ""
    return f"No result: {value.reason}{sent}"


def flag(text: str) -> str:
    return f"Flag: {text}"


def corrected(previous: Value) -> str:
    return f"Corrected. Previous value: {in_words(previous)}"


def removed(count: int) -> str:
    return f"Control characters removed: {count}"


def sex_as_sent(text: str) -> str:
    return f"Sex as sent: {text}"


def patient_without_id(patient: Patient) -> str:
    parts = (patient.name, patient.birth_date, patient.sex)
    return "Patient as sent, without identifier: " + ", ".join(part for part in parts if part)


def analyzer(device: Device) -> str:
    parts = (device.manufacturer, device.model, device.serial)
    return "Analyzer: " + " ".join(part for part in parts if part) + f" ({device.id})"


def in_words(value: Value) -> str:
    match value:
        case Quantity(number, comparator, unit):
            return (comparator or "") + number + (f" {unit.device or unit.ucum}" if unit else "")
        case Range(low, high, unit):
            return f"{low}-{high}" + (f" {unit.device or unit.ucum}" if unit else "")
        case Titer(numerator, denominator):
            return f"{numerator}:{denominator}"
        case Coded(code, text):
            return text or code
        case Text(text):
            return text
        case Absent(reason):
            return f"no result ({reason})"
