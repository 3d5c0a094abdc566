"""Scheduled imaging procedures as plain rows, for whoever answers a modality's worklist.

One row for each step of an order that is wanted; a study without a UID from the EHR gets one made
of its order number, the same every time.  Cancelled, done and expired orders have none.  A tube
taken during the procedure is known by the laboratory's order of the same group.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import apsw

from gateway.orders import patients
from gateway.orders.patients import KnownPatient
from gateway.orders.study_uid import minted
from gateway.store import Store
from gateway.store.moments import optional_from_micros, to_micros

MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """What a row of DICOM PS3.4 K.6 needs, in HL7's words.  ``procedure`` is OBR-4."""

    patient: KnownPatient
    placer: str
    filler: str | None
    accession: str
    requested_procedure: str
    procedure: tuple[str, str | None, str | None]
    study_uid: str
    step: str
    modality: str | None
    station: str | None
    location: str | None
    ae_title: str | None
    scheduled_at: datetime | None
    priority: str | None
    visit: str | None
    provider: tuple[str, ...]
    specimens: tuple[str, ...]


async def worklist(
    store: Store, *, since: datetime | None = None, until: datetime | None = None
) -> Sequence[WorklistRow]:
    """The steps scheduled in that time (or at none in particular), the earliest first."""
    bounds = (to_micros(since) if since else None, to_micros(until) if until else None)
    return await store.engine.read(lambda connection: rows(connection, *bounds))


def rows(
    connection: apsw.Connection, since: int | None = None, until: int | None = None
) -> Sequence[WorklistRow]:
    found = connection.execute(
        "SELECT o.patient, o.placer, o.filler, i.accession, i.requested_procedure, o.code, o.text, "
        "o.system, i.study_uid, i.step, i.modality, i.station, i.location, i.ae_title, "
        "i.scheduled_at, o.priority, o.visit, o.provider, o.id "
        "FROM imaging_procedures i JOIN orders o ON o.id = i.order_id "
        "WHERE o.status IN ('active', 'in-progress') AND (i.scheduled_at IS NULL OR "
        "((? IS NULL OR i.scheduled_at >= ?) AND (? IS NULL OR i.scheduled_at <= ?))) "
        "ORDER BY i.scheduled_at, o.id, i.step LIMIT ?",
        (since, since, until, until, MOST),
    ).fetchall()
    return [row for row in (_row(connection, each) for each in found) if row is not None]


def _row(connection: apsw.Connection, row: tuple[object, ...]) -> WorklistRow | None:
    patient = patients.find(connection, int(str(row[0])))
    if patient is None:
        return None
    texts = [None if cell is None else str(cell) for cell in row]
    when = optional_from_micros(int(texts[14])) if texts[14] is not None else None
    return WorklistRow(
        patient=patient,
        placer=texts[1] or "",
        filler=texts[2],
        accession=texts[3] or "",
        requested_procedure=texts[4] or "",
        procedure=(texts[5] or "", texts[6], texts[7]),
        study_uid=texts[8] or minted(texts[1] or "", texts[4] or ""),
        step=texts[9] or "",
        modality=texts[10],
        station=texts[11],
        location=texts[12],
        ae_title=texts[13],
        scheduled_at=when,
        priority=texts[15],
        visit=texts[16],
        provider=tuple(json.loads(texts[17] or "[]")),
        specimens=specimens(connection, int(texts[18] or 0)),
    )


def specimens(connection: apsw.Connection, order: int) -> tuple[str, ...]:
    """Labels of the tubes that belong to a procedure: its own, where its message named any, and
    those of the laboratory orders of the same group (ORC-4).  A procedure's number is none."""
    rows = connection.execute(
        "SELECT DISTINCT s.barcode FROM orders o JOIN orders l ON l.id = o.id OR "
        "(l.patient = o.patient AND l.group_number = o.group_number AND NOT EXISTS "
        "(SELECT 1 FROM imaging_procedures i WHERE i.order_id = l.id)) "
        "JOIN order_specimens s ON s.order_id = l.id "
        "WHERE o.id = ? AND l.status <> 'cancelled' "
        "AND NOT (l.id = o.id AND s.barcode IN (l.placer, COALESCE(l.filler, ''))) "
        "AND NOT EXISTS (SELECT 1 FROM order_send_outs t WHERE t.number = s.barcode) "
        "ORDER BY s.rowid",
        (order,),
    )
    return tuple(str(barcode) for (barcode,) in rows)
