"""JSON of the public contract back to a Report; whatever is not one is refused by its position.

Reads what ``report_json`` writes in full, and the contract's example: ``notes``, ``attachments``
and ``specimen.collected_at`` may be missing.  Unknown keys are refused: they would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from gateway.messages.errors import NotAReport
from gateway.report import (
    SCHEMA,
    Absent,
    AbsentReason,
    Attachment,
    Code,
    Coded,
    Comparator,
    Device,
    Kind,
    Observation,
    Patient,
    PatientId,
    Problem,
    ProblemCode,
    Quantity,
    Range,
    Report,
    Source,
    Specimen,
    Status,
    Text,
    Titer,
    Unit,
    Value,
)

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class _Node:
    """An object of the document and where it stands; every key must be asked for."""

    def __init__(self, value: object, at: str) -> None:
        if not isinstance(value, Mapping):
            raise NotAReport(f"{at or 'document'} is not an object")
        self._value: Mapping[str, Any] = value
        self._at = at
        self._asked: set[str] = set()

    def place(self, key: str) -> str:
        return f"{self._at}.{key}" if self._at else key

    def get(self, key: str, *kinds: type) -> Any:
        self._asked.add(key)
        value = self._value.get(key)
        plain = not isinstance(value, bool) or bool in kinds
        if not isinstance(value, kinds) or not plain:
            raise NotAReport(f"{self.place(key)} is missing or of the wrong type")
        return value

    def text(self, key: str) -> str:
        text: str = self.get(key, str)
        return text

    def maybe_text(self, key: str) -> str | None:
        text: str | None = self.get(key, str, type(None))
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self.each(key, _string))

    def each(self, key: str, read: Callable[[object, str], T]) -> list[T]:
        values = self.get(key, list)
        return [read(value, f"{self.place(key)}[{i}]") for i, value in enumerate(values)]

    def node(self, key: str) -> _Node:
        return _Node(self.get(key, Mapping), self.place(key))

    def word(self, key: str, words: type[E]) -> E:
        try:
            return words(self.text(key))
        except ValueError:
            raise NotAReport(f"{self.place(key)} is not one of its words") from None

    def moment(self, key: str) -> datetime | None:
        text = self.maybe_text(key)
        try:
            moment = datetime.fromisoformat(text) if text is not None else None
        except ValueError:
            raise NotAReport(f"{self.place(key)} is not a time") from None
        if moment is not None and moment.tzinfo is None:
            raise NotAReport(f"{self.place(key)} has no offset")
        return moment

    def has(self, key: str) -> bool:
        return key in self._value

    def done(self) -> None:
        for key in self._value:
            if key not in self._asked:
                raise NotAReport(f"{self._at or 'document'} has a key that is not of the schema")


def report_from_json(value: object) -> Report:
    """Inverse of ``report_json``.  Raises NotAReport."""
    top = _Node(value, "")
    if top.text("schema") != SCHEMA:
        raise NotAReport("schema is not the one known here")
    received_at = top.moment("received_at")
    if received_at is None:
        raise NotAReport("received_at is missing")
    report = Report(
        id=top.text("id"),
        device=_device(top.node("device")),
        kind=top.word("kind", Kind),
        specimen=_specimen(top.node("specimen")),
        patient=_patient(top.node("patient")),
        received_at=received_at,
        observations=tuple(top.each("observations", _observation)),
        problems=tuple(top.each("problems", _problem)),
        source=_source(top.node("source")),
        notes=top.texts("notes") if top.has("notes") else (),
        attachments=tuple(top.each("attachments", _attachment)) if top.has("attachments") else (),
    )
    top.done()
    return report


def _string(value: object, at: str) -> str:
    if not isinstance(value, str):
        raise NotAReport(f"{at} is not a string")
    return value


def _device(node: _Node) -> Device:
    device = Device(
        node.text("id"),
        node.text("profile"),
        node.maybe_text("manufacturer"),
        node.maybe_text("model"),
        node.maybe_text("serial"),
    )
    node.done()
    return device


def _specimen(node: _Node) -> Specimen:
    collected = node.moment("collected_at") if node.has("collected_at") else None
    number, position = node.maybe_text("id"), node.maybe_text("position")
    specimen = Specimen(number, position, node.maybe_text("type"), collected)
    node.done()
    return specimen


def _patient(node: _Node) -> Patient:
    ids = tuple(node.each("ids", _patient_id))
    name, birth_date = node.maybe_text("name"), node.maybe_text("birth_date")
    patient = Patient(ids, name, birth_date, node.maybe_text("sex"))
    node.done()
    return patient


def _patient_id(value: object, at: str) -> PatientId:
    node = _Node(value, at)
    one = PatientId(node.text("value"), node.text("from"))
    node.done()
    return one


def _source(node: _Node) -> Source:
    source = Source(node.text("transmission"), node.text("protocol"))
    node.done()
    return source


def _problem(value: object, at: str) -> Problem:
    node = _Node(value, at)
    problem = Problem(node.word("code", ProblemCode), node.text("at"), node.get("hold", bool))
    node.done()
    return problem


def _attachment(value: object, at: str) -> Attachment:
    node = _Node(value, at)
    name, media_type = node.text("name"), node.text("media_type")
    attachment = Attachment(name, media_type, node.get("size", int), node.text("sha256"))
    node.done()
    return attachment


def _observation(value: object, at: str) -> Observation:
    node = _Node(value, at)
    observation = Observation(
        code=_code(node.node("code")),
        value=_value(node.node("value")),
        raw=node.text("raw"),
        flags=node.texts("flags"),
        range=node.maybe_text("range"),
        status=node.word("status", Status),
        observed_at=node.moment("observed_at"),
        operator=node.maybe_text("operator"),
        notes=node.texts("notes"),
    )
    node.done()
    return observation


def _code(node: _Node) -> Code:
    code = Code(node.text("device"), node.maybe_text("loinc"), node.maybe_text("display"))
    node.done()
    return code


def _value(node: _Node) -> Value:
    value = _value_of_kind(node, node.text("kind"))
    node.done()
    return value


def _value_of_kind(node: _Node, kind: str) -> Value:
    match kind:
        case "quantity":
            sign = node.maybe_text("comparator")
            comparator = node.word("comparator", Comparator) if sign is not None else None
            return Quantity(node.text("number"), comparator, _unit(node))
        case "text":
            return Text(node.text("text"))
        case "coded":
            return Coded(node.text("code"), node.text("text"), node.maybe_text("system"))
        case "titer":
            return Titer(node.text("numerator"), node.text("denominator"))
        case "range":
            return Range(node.text("low"), node.text("high"), _unit(node))
        case "absent":
            return Absent(node.word("reason", AbsentReason))
    raise NotAReport(f"{node.place('kind')} is not a kind of value")


def _unit(node: _Node) -> Unit | None:
    if node.get("unit", Mapping, type(None)) is None:
        return None
    inner = node.node("unit")
    unit = Unit(inner.text("device"), inner.maybe_text("ucum"))
    inner.done()
    return unit
