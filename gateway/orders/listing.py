"""Orders and patients as plain values, for a person to look at.

All functions work on a snapshot of the caller and change nothing.  Lists are the newest first and
paged by number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from gateway.orders import book, patients
from gateway.orders.model import OrderStatus
from gateway.store.moments import from_micros

_ORDERS = (
    "SELECT o.id, o.placer, o.placer_namespace, o.filler, o.group_number, o.patient, o.code, "
    "o.text, o.system, o.priority, o.status, o.ordered_at, o.expires_at, o.visit, o.provider, "
    "o.updated_at FROM orders o"
)


def orders(
    connection: apsw.Connection,
    *,
    status: OrderStatus | None = None,
    placer: str | None = None,
    specimen: str | None = None,
    patient: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """``patient`` is a number of theirs, living or dead."""
    rows = connection.execute(
        f"{_ORDERS} WHERE (? IS NULL OR o.status = ?) AND (? IS NULL OR o.placer = ?) "  # noqa: S608 - our names
        "AND (? IS NULL OR o.id IN (SELECT order_id FROM order_specimens WHERE barcode = ?)) "
        "AND (? IS NULL OR o.patient IN (SELECT patient FROM patient_identifiers WHERE value = ?)) "
        "AND (? IS NULL OR o.id < ?) ORDER BY o.id DESC LIMIT ?",
        (*_twice(status.value if status else None, placer, specimen, patient, before), limit),
    ).fetchall()
    return [_order(connection, row) for row in rows]


def order(connection: apsw.Connection, number: int) -> dict[str, Any] | None:
    """One order, the reports filed under it, and who was told of it."""
    row = connection.execute(f"{_ORDERS} WHERE o.id = ?", (number,)).fetchone()
    if row is None:
        return None
    return {
        **_order(connection, row),
        "reports": list(_reports(connection, number)),
        "told": list(_told(connection, number)),
        "sent_out": _sent_out(connection, number),
    }


def people(
    connection: apsw.Connection,
    *,
    number: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT p.id FROM patients p WHERE (? IS NULL OR p.id IN "
        "(SELECT patient FROM patient_identifiers WHERE value = ?)) AND (? IS NULL OR p.id < ?) "
        "ORDER BY p.id DESC LIMIT ?",
        (*_twice(number, before), limit),
    ).fetchall()
    found = (person(connection, int(str(cell))) for (cell,) in rows)
    return [one for one in found if one is not None]


def person(connection: apsw.Connection, number: int) -> dict[str, Any] | None:
    """A patient; ``dead`` numbers were merged into this one and are never sent."""
    known = patients.find(connection, number)
    if known is None:
        return None
    living = [(one, "active") for one in known.identifiers]
    dead = [(one, "dead") for one in known.dead]
    return {
        "id": known.id,
        "identifiers": [
            {"value": one.value, "authority": one.authority, "type": one.type, "state": state}
            for one, state in (*living, *dead)
        ],
        "name": known.name,
        "birth_date": known.birth_date,
        "sex": known.sex,
    }


def _twice(*values: object) -> Iterator[Any]:
    for value in values:
        yield value
        yield value


def _order(connection: apsw.Connection, row: Sequence[Any]) -> dict[str, Any]:
    (number, placer, namespace, filler, group, patient, code, text, system) = row[:9]
    (priority, status, ordered, expires, visit, provider, updated) = row[9:]
    return {
        "id": number,
        "placer": {"number": placer, "namespace": namespace or None},
        "filler": filler,
        "group": group,
        "patient": person(connection, patient),
        "test": {"code": code, "text": text, "system": system},
        "priority": priority,
        "status": status,
        "ordered_at": from_micros(ordered).isoformat(),
        "expires_at": from_micros(expires).isoformat(),
        "updated_at": from_micros(updated).isoformat(),
        "visit": visit,
        "provider": json.loads(provider),
        "specimens": list(book.labels_of(connection, number)),
        "imaging": [
            {"step": step, "accession": accession, "modality": modality}
            for step, accession, modality in connection.execute(
                "SELECT step, accession, modality FROM imaging_procedures WHERE order_id = ?",
                (number,),
            )
        ],
    }


def _reports(connection: apsw.Connection, number: int) -> Iterator[dict[str, Any]]:
    rows = connection.execute(
        "SELECT r.id, r.revision, r.device FROM report_orders f "
        "JOIN reports r ON r.seq = f.report WHERE f.order_id = ? ORDER BY r.seq LIMIT 100",
        (number,),
    )
    for report, revision, device in rows:
        yield {"id": report, "revision": revision, "device": device}


def _told(connection: apsw.Connection, number: int) -> Iterator[dict[str, Any]]:
    rows = connection.execute(
        "SELECT device, label, state, at FROM order_downloads WHERE order_id = ? ORDER BY device",
        (number,),
    )
    for device, label, state, at in rows:
        moment = from_micros(int(str(at))).isoformat()
        yield {"device": device, "specimen": label, "state": state, "at": moment}


def _sent_out(connection: apsw.Connection, number: int) -> dict[str, Any] | None:
    row = connection.execute(
        "SELECT destination, number, state, message FROM order_send_outs WHERE order_id = ?",
        (number,),
    ).fetchone()
    if row is None:
        return None
    return dict(zip(("destination", "number", "state", "message"), row, strict=True))
