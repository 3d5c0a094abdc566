"""Orders in the store: found by label, number or patient, and moved on through their life.

All functions work inside a transaction of the caller; times are microseconds UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

from gateway.orders.errors import wrong
from gateway.orders.model import OrderStatus, SpecimenData, StatusChange
from gateway.protocols.hl7 import ErrorCode
from gateway.store.moments import from_micros, optional_from_micros, to_micros


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as stored.  ``sent_to``: the laboratory (a destination) that runs it instead."""

    id: int
    placer: str
    placer_namespace: str
    patient: int
    code: str
    text: str | None
    system: str | None
    priority: str | None
    status: OrderStatus
    expires_at: datetime
    visit: str | None
    patient_class: str | None
    provider: tuple[str, ...]
    filler: str | None = None
    sent_to: str | None = None

    def __repr__(self) -> str:
        return f"KnownOrder({self.id}, {self.status.value})"


_COLUMNS = (
    "o.id, o.placer, o.placer_namespace, o.patient, o.code, o.text, o.system, o.priority, "
    "o.status, o.expires_at, o.visit, o.patient_class, o.provider, o.filler, "
    "(SELECT t.destination FROM order_send_outs t WHERE t.order_id = o.id)"
)


def change_status(connection: apsw.Connection, change: StatusChange, message: int, now: int) -> int:
    """How many orders it was; ``NotTaken`` when none has that number."""
    connection.execute(
        "UPDATE orders SET status = CASE WHEN status = 'cancelled' THEN status ELSE ? END, "
        "message = ?, updated_at = ? WHERE placer = ? AND placer_namespace = ? "
        "AND (? IS NULL OR code = ?)",
        (
            *(change.status.value, message, now, change.placer, change.placer_namespace),
            *(change.code, change.code),
        ),
    )
    if not connection.changes():
        raise wrong(ErrorCode.UNKNOWN_KEY, "ORC", 2)
    return connection.changes()


def expire(connection: apsw.Connection, now: datetime) -> int:
    """Orders nobody sent a result for in time; how many there were."""
    connection.execute(
        "UPDATE orders SET status = 'expired', updated_at = ? WHERE expires_at < ? "
        "AND status IN ('active', 'in-progress', 'held')",
        (to_micros(now), to_micros(now)),
    )
    return connection.changes()


def begun(connection: apsw.Connection, orders: Sequence[int], now: datetime) -> None:
    """A device was given these orders."""
    for number in orders:
        connection.execute(
            "UPDATE orders SET status = 'in-progress', updated_at = ? "
            "WHERE id = ? AND status = 'active'",
            (to_micros(now), number),
        )


def done(connection: apsw.Connection, order: int, now: datetime) -> None:
    """A result was filed under it."""
    connection.execute(
        "UPDATE orders SET status = 'done', updated_at = ? WHERE id = ? "
        "AND status IN ('active', 'in-progress')",
        (to_micros(now), order),
    )


def reopen(connection: apsw.Connection, order: int, report: str, now: datetime) -> None:
    """``report`` was not its result after all: without another one it waits again."""
    connection.execute(
        "UPDATE orders SET status = 'active', updated_at = ? WHERE id = ? AND status = 'done' "
        "AND NOT EXISTS (SELECT 1 FROM report_orders o JOIN reports r ON r.seq = o.report "
        "WHERE o.order_id = orders.id AND r.id <> ?)",
        (to_micros(now), order, report),
    )


def find(connection: apsw.Connection, number: int) -> KnownOrder | None:
    return next(_select(connection, "WHERE o.id = ?", (number,)), None)


def with_placer(connection: apsw.Connection, placer: str) -> tuple[KnownOrder, ...]:
    return tuple(_select(connection, "WHERE o.placer = ? ORDER BY o.id", (placer,)))


def labelled(connection: apsw.Connection, barcode: str) -> tuple[KnownOrder, ...]:
    """Every order a label may mean, whatever became of it."""
    where = "JOIN order_specimens s ON s.order_id = o.id WHERE s.barcode = ? ORDER BY o.id"
    return tuple(_select(connection, where, (barcode,)))


def of_patient(connection: apsw.Connection, patient: int) -> tuple[KnownOrder, ...]:
    """The orders that may still take a result."""
    where = (
        "WHERE o.patient = ? AND o.status IN ('active', 'in-progress', 'done') "
        "ORDER BY o.id DESC LIMIT 200"
    )
    return tuple(_select(connection, where, (patient,)))


def wanted(
    connection: apsw.Connection, *, since: int | None = None, until: int | None = None
) -> tuple[tuple[str, KnownOrder], ...]:
    """Orders devices should do, with their labels, oldest first, at most 2,000."""
    where = (
        "JOIN order_specimens s ON s.order_id = o.id WHERE o.status = 'active' "
        "AND (? IS NULL OR o.ordered_at >= ?) AND (? IS NULL OR o.ordered_at <= ?) "
        "ORDER BY o.id LIMIT 2000"
    )
    rows = connection.execute(
        f"SELECT s.barcode, {_COLUMNS} FROM orders o {where}",  # noqa: S608 - our names
        (since, since, until, until),
    )
    return tuple((row[0], _order(row[1:])) for row in rows)


def labels_of(connection: apsw.Connection, order: int) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT barcode FROM order_specimens WHERE order_id = ? ORDER BY rowid", (order,)
    )
    return tuple(barcode for (barcode,) in rows)


def specimen(connection: apsw.Connection, barcode: str, order: int) -> SpecimenData:
    """What is known of a tube."""
    row = connection.execute(
        "SELECT type, collected_at FROM order_specimens WHERE barcode = ? AND order_id = ?",
        (barcode, order),
    ).fetchone()
    kind, collected = row if row is not None else (None, None)
    return SpecimenData(barcode, kind, optional_from_micros(collected))


def open_labels(connection: apsw.Connection, length: int) -> Iterator[str]:
    """Labels of open orders about as long, for suggestions; the newest 20,000."""
    rows = connection.execute(
        "SELECT DISTINCT s.barcode FROM order_specimens s JOIN orders o ON o.id = s.order_id "
        "WHERE o.status IN ('active', 'in-progress') AND LENGTH(s.barcode) BETWEEN ? AND ? "
        "ORDER BY o.id DESC LIMIT 20000",
        (length - 1, length + 1),
    )
    for (barcode,) in rows:
        yield barcode


def _select(
    connection: apsw.Connection, where: str, bindings: tuple[object, ...]
) -> Iterator[KnownOrder]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM orders o {where}", bindings)  # noqa: S608
    for row in rows.fetchall():
        yield _order(row)


def _order(row: tuple[object, ...]) -> KnownOrder:
    (number, placer, namespace, patient, code, text, system, priority, status, expires, visit) = (
        row[:11]
    )
    kind, provider, filler, sent_to = row[11:]
    return KnownOrder(
        int(str(number)),
        str(placer),
        str(namespace),
        int(str(patient)),
        str(code),
        _text(text),
        _text(system),
        _text(priority),
        OrderStatus(str(status)),
        from_micros(int(str(expires))),
        _text(visit),
        _text(kind),
        tuple(json.loads(str(provider))),
        _text(filler),
        _text(sent_to),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
