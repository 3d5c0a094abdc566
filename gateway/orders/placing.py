"""Orders into the store: placed, changed, labelled.

An order is a placer number and a test.  It never changes its patient but by a merge, and a
cancelled one does not come back under the same number.  All functions work inside a transaction of
the caller.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import apsw

from gateway.orders.errors import wrong
from gateway.orders.model import OrderData, OrderStatus, SpecimenData
from gateway.orders.study_uid import minted
from gateway.protocols.hl7 import ErrorCode
from gateway.store.moments import to_micros


def place(
    connection: apsw.Connection,
    order: OrderData,
    patient: int,
    message: int,
    now: datetime,
    keep: timedelta,
) -> int:
    """A new order, or the present state of a known one.  ``NotTaken`` when its number belongs to
    another patient or was cancelled."""
    row = connection.execute(
        "SELECT id, patient, status FROM orders WHERE placer = ? AND placer_namespace = ? "
        "AND code = ?",
        (order.placer, order.placer_namespace, order.code),
    ).fetchone()
    others = connection.execute(
        "SELECT 1 FROM orders WHERE placer = ? AND placer_namespace = ? AND patient <> ?",
        (order.placer, order.placer_namespace, patient),
    ).fetchone()
    if others or (row and row[2] == OrderStatus.CANCELLED and order.status.open):
        raise wrong(ErrorCode.DUPLICATE_KEY, "ORC", 2)
    number: int = _insert(connection, order, patient, message, now, keep) if row is None else row[0]
    if row is not None:
        _update(connection, number, order, message, now, keep)
    for specimen in order.specimens:
        label(connection, number, specimen)
    for step in order.imaging:
        study = step.study_uid or minted(order.placer, step.requested_procedure)
        fields = (step.accession, step.requested_procedure, study, step.modality)
        when = to_micros(step.scheduled_at) if step.scheduled_at else None
        connection.execute(
            "INSERT OR REPLACE INTO imaging_procedures (order_id, step, accession, "
            "requested_procedure, study_uid, modality, station, location, ae_title, scheduled_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, step.step, *fields, step.station, step.location, step.ae_title, when),
        )
    return number


def _insert(
    connection: apsw.Connection,
    order: OrderData,
    patient: int,
    message: int,
    now: datetime,
    keep: timedelta,
) -> int:
    ordered = order.ordered_at or now
    connection.execute(
        "INSERT INTO orders (placer, placer_namespace, filler, group_number, patient, code, text, "
        "system, priority, status, ordered_at, expires_at, visit, patient_class, provider, "
        "message, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(order.placer, order.placer_namespace, order.filler, order.group, patient),
            *(order.code, order.text, order.system, order.priority, order.status.value),
            *(to_micros(ordered), to_micros(now + keep), order.visit, order.patient_class),
            *(json.dumps(order.provider), message, to_micros(now)),
        ),
    )
    return connection.last_insert_rowid()


def _update(
    connection: apsw.Connection,
    number: int,
    order: OrderData,
    message: int,
    now: datetime,
    keep: timedelta,
) -> None:
    connection.execute(
        "UPDATE orders SET filler = COALESCE(?, filler), text = COALESCE(?, text), "
        "priority = COALESCE(?, priority), visit = COALESCE(?, visit), "
        "patient_class = COALESCE(?, patient_class), provider = ?, expires_at = ?, message = ?, "
        "status = CASE WHEN status = 'expired' OR ? <> 'active' THEN ? ELSE status END, "
        "updated_at = ? WHERE id = ?",
        (
            *(order.filler, order.text, order.priority, order.visit, order.patient_class),
            *(json.dumps(order.provider), to_micros(now + keep), message, order.status.value),
            *(order.status.value, to_micros(now), number),
        ),
    )


def label(connection: apsw.Connection, order: int, specimen: SpecimenData) -> None:
    """The order may be found under that label as well."""
    collected = to_micros(specimen.collected_at) if specimen.collected_at else None
    connection.execute(
        "INSERT INTO order_specimens (barcode, order_id, type, collected_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (barcode, order_id) DO UPDATE SET type = COALESCE(excluded.type, type), "
        "collected_at = COALESCE(excluded.collected_at, collected_at)",
        (specimen.barcode, order, specimen.type, collected),
    )
