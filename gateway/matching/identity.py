"""The identity gate: whose result this is, by the EHR's orders and patients, or why it is held.

The specimen id is looked up among the labels of orders first.  Every patient id the device sent
must lead to the same patient, and name, birth date and sex must not contradict the record.  Without
a specimen id, the patient's only fitting open order is taken.  Everything else is held under
``required`` and ``hold``; ``optional`` lets a known patient's result go without an order.  Pure but
for reading: the same tables give the same answer, so a decision can be checked before it is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

from gateway.matching.assignment import assign, covers
from gateway.matching.nearness import near
from gateway.matching.persons import contradicts
from gateway.matching.rules import Policy, Rules, fits
from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.orders.patients import KnownPatient
from gateway.report import Problem, ProblemCode, Report

SPECIMEN, PATIENT, ORDER = "specimen", "patient", "order"
"""Positions of problems: which of the identifications is in doubt."""

CLOSED = Problem(ProblemCode.ORDER_MISMATCH, ORDER)
"""Whose it is is clear, but no order takes it (any more)."""


@dataclass(frozen=True, slots=True)
class Match:
    """``assigned`` has an order's id for each observation, and is empty without an order."""

    patient: KnownPatient | None = None
    orders: tuple[KnownOrder, ...] = ()
    assigned: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()

    def order(self, number: int) -> KnownOrder | None:
        return next((order for order in self.orders if order.id == number), None)


def decide(connection: apsw.Connection, report: Report, rules: Rules, now: datetime) -> Match:
    """The order and patient of a patient's report."""
    specimen = report.specimen.id
    labelled = book.labelled(connection, specimen) if specimen else ()
    if labelled:
        return _by_label(connection, report, labelled, rules, now)
    policy = rules.policy(report.device.id)
    if specimen and not fits(rules.specimens, specimen):
        return _held(ProblemCode.UNKNOWN_ORDER, SPECIMEN)
    if specimen and policy is not Policy.OPTIONAL:
        return _held(ProblemCode.UNKNOWN_ORDER, SPECIMEN)
    return _by_patient(connection, report, rules, now)


def _by_label(
    connection: apsw.Connection,
    report: Report,
    labelled: Sequence[KnownOrder],
    rules: Rules,
    now: datetime,
) -> Match:
    orders = [order for order in labelled if _takes(order, report, now)]
    meant = orders or labelled
    owners = {order.patient for order in meant}
    patient = patients.find(connection, meant[0].patient)
    if len(owners) > 1 or patient is None:
        return _held(ProblemCode.IDENTITY_CONFLICT, SPECIMEN)
    if not _ids_agree(connection, report, labelled, patient) or contradicts(
        report.patient, patient
    ):
        return _held(ProblemCode.IDENTITY_CONFLICT, PATIENT)
    if not orders:
        return Match(patient, problems=(CLOSED,))
    return _assigned(report, patient, orders, rules)


def _assigned(
    report: Report, patient: KnownPatient, orders: Sequence[KnownOrder], rules: Rules
) -> Match:
    assigned = assign(report.observations, orders, rules)
    if assigned is None:
        return Match(patient, problems=(CLOSED,))
    used = tuple(order for order in orders if order.id in assigned)
    return Match(patient, used, assigned)


def _ids_agree(
    connection: apsw.Connection,
    report: Report,
    labelled: Sequence[KnownOrder],
    patient: KnownPatient,
) -> bool:
    """Some devices write the specimen's label where the patient's id belongs."""
    labels = {report.specimen.id} | {order.placer for order in labelled}
    for one in report.patient.ids:
        if one.value not in labels and patients.with_number(connection, one.value) != (patient.id,):
            return False
    return True


def _by_patient(connection: apsw.Connection, report: Report, rules: Rules, now: datetime) -> Match:
    policy = rules.policy(report.device.id)
    if not report.patient.ids:
        problem = Problem(ProblemCode.UNKNOWN_ORDER, SPECIMEN)
        return Match(problems=() if policy is Policy.OPTIONAL else (problem,))
    if not all(fits(rules.patients, one.value) for one in report.patient.ids):
        return _held(ProblemCode.UNKNOWN_PATIENT, PATIENT)
    owners = {patients.with_number(connection, one.value) for one in report.patient.ids}
    if len(owners) > 1 or len(next(iter(owners))) > 1:
        return _held(ProblemCode.IDENTITY_CONFLICT, PATIENT)
    (found,) = owners
    patient = patients.find(connection, found[0]) if found else None
    if patient is None:
        return _held(ProblemCode.UNKNOWN_PATIENT, PATIENT)
    if contradicts(report.patient, patient):
        return _held(ProblemCode.IDENTITY_CONFLICT, PATIENT)
    if report.specimen.id is None:
        orders = _only_fitting(connection, report, patient, rules, now)
        if orders:
            return _assigned(report, patient, orders, rules)
    if policy is Policy.OPTIONAL:
        return Match(patient)
    return Match(patient, problems=(Problem(ProblemCode.UNKNOWN_ORDER, ORDER),))


def _only_fitting(
    connection: apsw.Connection,
    report: Report,
    patient: KnownPatient,
    rules: Rules,
    now: datetime,
) -> list[KnownOrder]:
    """The one order that waits for exactly these tests; with two nobody can say which."""
    waiting = [
        order
        for order in book.of_patient(connection, patient.id)
        if _takes(order, report, now) and order.status.value != "done"
    ]
    fitting = [o for o in waiting if all(covers(o, one.code, rules) for one in report.observations)]
    return fitting if len(fitting) == 1 and report.observations else []


def _takes(order: KnownOrder, report: Report, now: datetime) -> bool:
    """An order that went to another laboratory takes only that laboratory's results."""
    at_home = order.sent_to in (None, report.device.id)
    return at_home and order.status.open and now <= order.expires_at


def _held(code: ProblemCode, at: str) -> Match:
    return Match(problems=(Problem(code, at),))


def suggestions(connection: apsw.Connection, report: Report) -> tuple[KnownOrder, ...]:
    """Orders a person may have meant: labels that look alike, then open orders of the patients
    whose numbers, merged ones too, are these or look alike."""
    found: dict[int, KnownOrder] = {}
    specimen = report.specimen.id
    if specimen:
        labels = near(specimen, book.open_labels(connection, len(specimen)))
        for label in labels:
            found |= {order.id: order for order in book.labelled(connection, label)}
    for one in report.patient.ids:
        numbers = (one.value, *near(one.value, patients.waiting(connection, len(one.value))))
        for patient in (p for number in numbers for p in patients.with_number(connection, number)):
            found |= {order.id: order for order in book.of_patient(connection, patient)[:10]}
    return tuple(order for order in found.values() if order.status.open)[:20]
