"""What a device should do, tube by tube: the orders a query means, in the device's own codes.

Only tests the device can do are named; what it was given already is given again when it asks
again.  A label whose orders belong to two patients is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import apsw

from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.orders.menu import Menu
from gateway.orders.model import OrderStatus, SpecimenData
from gateway.orders.patients import KnownPatient
from gateway.orders.query import Asked, Query

MOST_SPECIMENS: Final = 200
_PRIORITIES: Final = {"S": "S", "STAT": "S", "A": "A", "ASAP": "A", "R": "R"}


@dataclass(frozen=True, slots=True)
class Step:
    """One order and the device's codes that do it."""

    order: KnownOrder
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One tube: whose it is, its label and what to measure."""

    patient: KnownPatient
    label: Asked
    steps: tuple[Step, ...]
    specimen: SpecimenData

    @property
    def tests(self) -> tuple[str, ...]:
        """Each test once, whoever ordered it."""
        return tuple(dict.fromkeys(test for step in self.steps for test in step.tests))

    @property
    def priority(self) -> str:
        """``S`` when any of the orders is urgent; else that of the first: ``A`` or ``R``."""
        said = [_PRIORITIES.get((s.order.priority or "R").upper(), "R") for s in self.steps]
        return "S" if "S" in said else said[0]

    @property
    def orders(self) -> tuple[int, ...]:
        return tuple(step.order.id for step in self.steps)


def jobs(connection: apsw.Connection, query: Query, menu: Menu, now: datetime) -> tuple[Job, ...]:
    found: dict[tuple[str, int], Job] = {}
    for label, order in _candidates(connection, query, now):
        tests = menu.tests(order.code)
        if query.tests is not None:
            tests = tuple(test for test in tests if {test, menu.written(test)} & query.tests)
        if tests:
            _add(connection, found, label, Step(order, tests))
    return tuple(found.values())[:MOST_SPECIMENS]


def _candidates(
    connection: apsw.Connection, query: Query, now: datetime
) -> Iterator[tuple[Asked, KnownOrder]]:
    """Orders that may be done: for an id also those a device has already been given."""
    if query.everything or query.until is not None:
        first = query.asked[0].specimen if query.asked else ""
        last = query.until
        for barcode, order in book.wanted(connection):
            inside = last is None or _within(first, barcode, last)
            if inside and now <= order.expires_at:
                yield Asked(barcode, ()), order
        return
    for asked in query.asked:
        orders = [o for o in book.labelled(connection, asked.specimen) if may_run(o, now)]
        if len({order.patient for order in orders}) == 1:
            for order in orders:
                yield asked, order


def may_run(order: KnownOrder, now: datetime) -> bool:
    """Whether a device here may be told to do it."""
    running = order.status in (OrderStatus.ACTIVE, OrderStatus.IN_PROGRESS)
    return running and order.sent_to is None and now <= order.expires_at


def _within(first: str, label: str, last: str) -> bool:
    """Ids of a range have the length of its ends; others would only sort between them."""
    return len(first) == len(label) == len(last) and first <= label <= last


def _add(
    connection: apsw.Connection, found: dict[tuple[str, int], Job], label: Asked, step: Step
) -> None:
    same = [key for key, job in found.items() if step.order.id in job.orders]
    if same and not label.cell:  # a tube with two labels is still one tube
        return
    key = (label.specimen, step.order.patient)
    before = found.get(key)
    if before is not None:
        found[key] = replace(before, steps=(*before.steps, step))
        return
    patient = patients.find(connection, step.order.patient)
    if patient is not None:
        specimen = book.specimen(connection, label.specimen, step.order.id)
        found[key] = Job(patient, label, (step,), specimen)
