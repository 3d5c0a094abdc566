"""The order or patient a person names, looked up; a Mistake says why it cannot be that one."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from gateway.desk.mistakes import Mistake
from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.orders.model import OrderStatus
from gateway.orders.patients import KnownPatient
from gateway.report import Report


def fitting(found: Sequence[KnownOrder], report: Report, placer: str) -> KnownOrder:
    """Of the orders of one number the one that asks for these tests, or the only one."""
    codes = {code for one in report.observations for code in (one.code.device, one.code.loinc)}
    chosen = [order for order in found if order.code in codes] or list(found)
    if not chosen:
        raise Mistake(f"there is no order {placer}; see 'gateway held show' for some that fit")
    if len(chosen) > 1:
        raise Mistake(f"order {placer} asks for several tests, and none of them is this one")
    return chosen[0]


def chosen_order(connection: apsw.Connection, placer: str, report: Report) -> KnownOrder:
    """By its placer number; never a cancelled one."""
    order = fitting(book.with_placer(connection, placer), report, placer)
    if order.status is OrderStatus.CANCELLED:
        raise Mistake(f"order {placer} was cancelled")
    return order


def chosen_patient(connection: apsw.Connection, number: str) -> KnownPatient | None:
    """By a living number; None where the EHR never told of any patient."""
    owners = patients.with_number(connection, number)
    if len(owners) > 1:
        raise Mistake("several patients have that number; name an order")
    known = patients.find(connection, owners[0]) if owners else None
    if known is None:
        if connection.execute("SELECT 1 FROM patients LIMIT 1").get is None:
            return None
        raise Mistake("no patient has that number")
    if not known.identifiers:
        raise Mistake("that patient has no number any more that messages may use")
    return known
