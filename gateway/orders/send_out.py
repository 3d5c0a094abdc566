"""Tests nobody here performs, sent to a laboratory that does.

Inside the transaction that places, changes or cancels an order, the message for the laboratory is
queued; so neither is on disk without the other.  Our own number for the order becomes one of its
labels: a result that repeats it finds the order, the patient and the EHR's number by the same
matching as any other.  What a merge changes is said again while the first message waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import apsw

from gateway.messages import control_id
from gateway.orders import book, patients, placing
from gateway.orders.applying import Withdrawal
from gateway.orders.book import KnownOrder
from gateway.orders.model import OrderStatus, SpecimenData
from gateway.orders.send_out_message import Control, Parties, Sent, send_out_message
from gateway.store import Engine, OutboxMessage, messages
from gateway.store.moments import to_micros

_HL7: Final = "application/hl7-v2"
_LONGEST: Final = 22  # ORC-2.1 in HL7 2.5.1
_OPEN: Final = (OrderStatus.ACTIVE, OrderStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Plan:
    """``tests`` are ordered codes that go to ``destination``; ``unperformed``: so does every other
    laboratory test that no device here performs."""

    destination: str
    parties: Parties
    tests: frozenset[str]
    unperformed: bool = False


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the laboratory knows of an order."""

    destination: str
    number: str
    cancelled: bool
    told: int
    message: int


class SendOuts:
    """``ordered`` and ``merged`` are the effects of an EHR's message."""

    def __init__(
        self,
        plans: Sequence[Plan],
        performed: Callable[[str], bool],
        engine: Engine,
        site_key: bytes,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
    ) -> None:
        self._plans = tuple(plans)
        self._performed = performed
        self._engine = engine
        self._key = site_key
        self._zone = zone
        self._clock = clock

    def ordered(self, connection: apsw.Connection, number: int) -> Withdrawal:
        """An order was placed, changed or cancelled."""
        if not self._plans:
            return Withdrawal()
        order = book.find(connection, number)
        if order is None:
            return Withdrawal()
        standing = _standing(connection, number)
        if standing is None:
            plan = self._plan(connection, order) if order.status in _OPEN else None
            return self._begin(connection, order, plan) if plan is not None else Withdrawal()
        if standing.cancelled:
            return Withdrawal()
        if order.status is OrderStatus.CANCELLED:
            return self._tell(connection, order, standing, Control.CANCELLED)
        if order.status in _OPEN:
            return self._tell(connection, order, standing, Control.CHANGED)
        return Withdrawal()

    def merged(self, connection: apsw.Connection, patient: int) -> Withdrawal:
        """The patient has other numbers now: orders that wait to be sent are written anew."""
        rows = connection.execute(
            "SELECT s.order_id FROM order_send_outs s JOIN orders o ON o.id = s.order_id "
            "JOIN outbox b ON b.id = s.message WHERE o.patient = ? AND s.state = 'sent' "
            "AND b.state IN ('queued', 'postponed') ORDER BY s.order_id",
            (patient,),
        ).fetchall()
        found = Withdrawal()
        for number in (int(str(cell)) for (cell,) in rows):
            order, standing = book.find(connection, number), _standing(connection, number)
            if order is not None and standing is not None:
                found |= self._rewrite(connection, order, standing)
        return found

    def _plan(self, connection: apsw.Connection, order: KnownOrder) -> Plan | None:
        """Where it goes: the laboratory that names its test, else one that takes the rest."""
        for plan in self._plans:
            if order.code in plan.tests:
                return plan
        imaging = "SELECT 1 FROM imaging_procedures WHERE order_id = ?"
        if connection.execute(imaging, (order.id,)).fetchone() or self._performed(order.code):
            return None
        return next((plan for plan in self._plans if plan.unperformed), None)

    def _begin(self, connection: apsw.Connection, order: KnownOrder, plan: Plan) -> Withdrawal:
        labels = book.labels_of(connection, order.id)
        number = f"{labels[0]}-{order.id}" if labels else ""
        if not labels or len(number) > _LONGEST or not number.isascii():
            number = f"S{order.id}"
        now = self._clock()
        connection.execute(
            "INSERT INTO order_send_outs (order_id, destination, number, state, told, message, at) "
            "VALUES (?, ?, ?, 'sent', 0, 0, ?)",
            (order.id, plan.destination, number, to_micros(now)),
        )
        placing.label(connection, order.id, SpecimenData(number))
        book.begun(connection, (order.id,), now)
        standing = _Standing(plan.destination, number, False, 0, 0)
        return self._tell(connection, order, standing, Control.NEW)

    def _rewrite(
        self, connection: apsw.Connection, order: KnownOrder, standing: _Standing
    ) -> Withdrawal:
        """In the place of the message that has not left: still the laboratory's first."""
        before = messages.find(connection, standing.message)
        if before is None:
            return Withdrawal()
        control = Control(before.meta.get("control", Control.NEW.value))
        told = self._tell(connection, order, standing, control, position=before.position)
        connection.execute(
            "UPDATE outbox SET state = 'cancelled', finished_at = ?, answer = ? WHERE id = ?",
            (to_micros(self._clock()), "patient merged; written anew", standing.message),
        )
        return told | Withdrawal((standing.message,))

    def _tell(
        self,
        connection: apsw.Connection,
        order: KnownOrder,
        standing: _Standing,
        control: Control,
        *,
        position: int | None = None,
    ) -> Withdrawal:
        plan = next((p for p in self._plans if p.destination == standing.destination), None)
        patient = patients.find(connection, order.patient)
        if plan is None or patient is None:
            return Withdrawal()  # the laboratory is not configured any more
        told, now = standing.told + 1, self._clock()
        identity = control_id(self._key, f"send-out/{order.id}", told)
        tube = _tube(connection, order, standing.number)
        sent = Sent(control, standing.number, order, patient, tube)
        body = send_out_message(sent, plan.parties, identity, now.astimezone(self._zone))
        meta = {"content": "order", "control": control.value, "id": str(order.id)}
        lane = f"order/{order.id}"
        queued = OutboxMessage(plan.destination, lane, identity, _HL7, body, meta)
        message = messages.insert(self._engine, connection, queued, None, position=position)
        state = "cancelled" if control is Control.CANCELLED else "sent"
        connection.execute(
            "UPDATE order_send_outs SET state = ?, told = ?, message = ?, at = ? "
            "WHERE order_id = ?",
            (state, told, message, to_micros(now), order.id),
        )
        return Withdrawal((), frozenset((plan.destination,)))


def _standing(connection: apsw.Connection, order: int) -> _Standing | None:
    row = connection.execute(
        "SELECT destination, number, state = 'cancelled', told, message FROM order_send_outs "
        "WHERE order_id = ?",
        (order,),
    ).fetchone()
    if row is None:
        return None
    destination, number, cancelled, told, message = row
    return _Standing(str(destination), str(number), bool(cancelled), int(told), int(message))


def _tube(connection: apsw.Connection, order: KnownOrder, number: str) -> SpecimenData:
    labels = [label for label in book.labels_of(connection, order.id) if label != number]
    return book.specimen(connection, labels[0] if labels else number, order.id)
