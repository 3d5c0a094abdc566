"""Changes an EHR asked for, done to patients and orders, with what follows from them.

Works inside the transaction of the message.  What follows (results that wait to be sent, orders
for a reference laboratory) is somebody else's matter: ``Effects`` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import apsw

from gateway.orders import book, patients, placing
from gateway.orders.model import Change, Discharge, Merge, Place, Register, StatusChange
from gateway.store.moments import to_micros


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Messages of the outbox that must not leave any more, and where others took their place."""

    messages: tuple[int, ...] = ()
    destinations: frozenset[str] = frozenset()

    def __or__(self, other: Withdrawal) -> Withdrawal:
        both = self.messages + other.messages
        return Withdrawal(both, self.destinations | other.destinations)


def _nothing(_connection: apsw.Connection, _number: int) -> Withdrawal:
    return Withdrawal()


@dataclass(frozen=True, slots=True)
class Effects:
    """``merged`` is told the survivor's row, ``ordered`` the row of an order that was placed,
    changed or cancelled."""

    merged: Callable[[apsw.Connection, int], Withdrawal] = _nothing
    ordered: Callable[[apsw.Connection, int], Withdrawal] = _nothing


ALONE: Final = Effects()
"""Nothing follows from anything."""


def apply(
    connection: apsw.Connection,
    changes: Sequence[Change],
    message: int,
    now: datetime,
    keep: timedelta,
    effects: Effects,
) -> Withdrawal:
    """Everything ``changes`` ask for.  ``NotTaken`` when one of them cannot be done."""
    found = Withdrawal()
    for change in changes:
        found |= _apply(connection, change, message, now, keep, effects)
    return found


def _apply(
    connection: apsw.Connection,
    change: Change,
    message: int,
    now: datetime,
    keep: timedelta,
    effects: Effects,
) -> Withdrawal:
    moment = to_micros(now)
    match change:
        case Register(person) | Discharge(person):
            patients.register(connection, person, moment)
            return Withdrawal()
        case Merge():
            survivor = patients.merge(connection, change, message, moment)
            return effects.merged(connection, survivor)
        case Place(person, order):
            patient = patients.register(connection, person, moment)
            number = placing.place(connection, order, patient, message, now, keep)
            return effects.ordered(connection, number)
        case StatusChange():
            book.change_status(connection, change, message, moment)
            return _each(connection, change, effects)


def _each(connection: apsw.Connection, change: StatusChange, effects: Effects) -> Withdrawal:
    found = Withdrawal()
    for order in book.with_placer(connection, change.placer):
        same = order.placer_namespace == change.placer_namespace
        if same and change.code in (None, order.code):
            found |= effects.ordered(connection, order.id)
    return found
