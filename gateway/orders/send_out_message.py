"""An order as OML^O21 of HL7 2.5.1 for another laboratory.

ORC-2 and OBR-2 are our own number for it, which the laboratory repeats in its results; ORC-4 is the
number the EHR gave.  The patient goes with the living numbers, the tube with its label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.names import name_parts
from gateway.orders.book import KnownOrder
from gateway.orders.model import SpecimenData
from gateway.orders.patients import KnownPatient
from gateway.protocols.hl7 import components, escape, segment

_VERSION: Final = "2.5.1"
_LONGEST_NAMESPACE: Final = 20
_SEXES: Final = frozenset("AFMNOU")
_UNKNOWN_TYPE: Final = components("U", "Unknown", "HL70353")


class Control(StrEnum):
    """ORC-1 (table 0119)."""

    NEW = "NW"
    CHANGED = "XO"
    CANCELLED = "CA"


@dataclass(frozen=True, slots=True)
class Parties:
    """MSH-3 to 6 and MSH-11."""

    application: str
    facility: str
    receiving_application: str = ""
    receiving_facility: str = ""
    processing: str = "P"


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes out: an order, its patient and tube, and our number for it."""

    control: Control
    number: str
    order: KnownOrder
    patient: KnownPatient
    tube: SpecimenData


def send_out_message(sent: Sent, parties: Parties, control_id: str, time: datetime) -> bytes:
    """Segments ended by CR, UTF-8.  ``time`` is in the zone all times of the message have."""
    lines = list(_lines(sent, parties, control_id, time))
    return "".join(f"{line}\r" for line in lines).encode()


def _lines(sent: Sent, parties: Parties, control_id: str, time: datetime) -> Iterator[str]:
    names = (
        parties.application,
        parties.facility,
        parties.receiving_application,
        parties.receiving_facility,
    )
    kind = components("OML", "O21", "OML_O21")
    head = (_moment(time), "", kind, escape(control_id), parties.processing, _VERSION)
    charset = ("", "", "", "", "", "UNICODE UTF-8")
    yield segment("MSH", r"^~\&", *map(escape, names), *head, *charset)
    yield _patient(sent.patient)
    us = escape(parties.application[:_LONGEST_NAMESPACE])
    number = components(escape(sent.number), us)
    yield _common_order(sent, number, time)
    if sent.order.priority:
        yield segment("TQ1", "1", *[""] * 7, components(escape(sent.order.priority), "", "HL70485"))
    yield _request(sent.order, number, sent.tube, time)
    yield _specimen(sent.tube, time)


def _patient(known: KnownPatient) -> str:
    ids = "~".join(
        components(escape(one.value), "", "", escape(one.authority), escape(one.type))
        for one in known.identifiers
    )
    parts = [escape(part) for part in name_parts(known.name or "")]
    name = components(*parts) if any(parts) else "^^^^^^U"
    birth = (known.birth_date or "").replace("-", "")
    sex = known.sex if known.sex in _SEXES else ""
    return segment("PID", "1", "", ids, "", name, "", birth, sex or "")


def _common_order(sent: Sent, number: str, time: datetime) -> str:
    order = sent.order
    group = components(escape(order.placer[:22]), escape(order.placer_namespace[:20]))
    rest = ("", "", "", "", _moment(time), "", "")
    return segment("ORC", sent.control.value, number, "", group, *rest, _provider(order.provider))


def _request(order: KnownOrder, number: str, tube: SpecimenData, time: datetime) -> str:
    code = components(escape(order.code), escape(order.text or ""), escape(order.system or "L"))
    collected = _moment(tube.collected_at, time)
    provider = _provider(order.provider)
    return segment("OBR", "1", number, "", code, "", "", collected, *[""] * 8, provider)


def _specimen(tube: SpecimenData, time: datetime) -> str:
    kind = escape(tube.type or "")
    coded = components(kind, kind, "L") if kind else _UNKNOWN_TYPE
    collected = _moment(tube.collected_at, time)
    label = escape(tube.barcode)
    return segment("SPM", "1", label, "", coded, *[""] * 6, "P", *[""] * 5, collected)


def _provider(parts: Sequence[str]) -> str:
    return components(*map(escape, parts))


def _moment(moment: datetime | None, like: datetime | None = None) -> str:
    """With its offset, in the zone of ``like``."""
    if moment is None:
        return ""
    return (moment.astimezone(like.tzinfo) if like else moment).strftime("%Y%m%d%H%M%S%z")
