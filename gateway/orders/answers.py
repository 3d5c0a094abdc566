"""The answer to a host query: H, a P for each patient, an O for each specimen, L (LIS02-A2).

Only tests the device can do are named; what it was given already is given again when it asks
again.  Nothing to do is an answer too: H and ``L|1|I``.  Ids and positions are repeated as the
profile says.  Names that the device's character set cannot write are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import apsw

from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.orders.menu import Menu
from gateway.orders.model import OrderStatus
from gateway.orders.patients import KnownPatient
from gateway.orders.query import Asked, Query
from gateway.profiles import AnalyzerProfile
from gateway.profiles.link import HostQuery
from gateway.protocols.astm import At, Delimiters, Record, encode

MOST_SPECIMENS: Final = 200
_PRIORITIES: Final = {"S": "S", "STAT": "S", "A": "A", "ASAP": "A", "R": "R"}


@dataclass(frozen=True, slots=True)
class Job:
    """One tube: whose it is, its label and the device's codes to measure."""

    patient: KnownPatient
    label: Asked
    tests: tuple[str, ...]
    priority: str
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """``records`` are to be sent as one message; ``orders`` were given to the device by it."""

    records: tuple[bytes, ...]
    orders: tuple[int, ...]


def jobs(connection: apsw.Connection, query: Query, menu: Menu, now: datetime) -> tuple[Job, ...]:
    found: dict[tuple[str, int], Job] = {}
    for label, order in _candidates(connection, query, now):
        tests = menu.tests(order.code)
        if query.tests is not None:
            tests = tuple(test for test in tests if test in query.tests)
        patient = patients.find(connection, order.patient) if tests else None
        if patient is not None:
            _add(found, label, order, patient, tests)
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
        orders = [o for o in book.labelled(connection, asked.specimen) if _may_run(o, now)]
        if len({order.patient for order in orders}) == 1:
            for order in orders:
                yield asked, order


def _may_run(order: KnownOrder, now: datetime) -> bool:
    running = order.status in (OrderStatus.ACTIVE, OrderStatus.IN_PROGRESS)
    return running and now <= order.expires_at


def _within(first: str, label: str, last: str) -> bool:
    """Ids of a range have the length of its ends; others would only sort between them."""
    return len(first) == len(label) == len(last) and first <= label <= last


def _add(
    found: dict[tuple[str, int], Job],
    label: Asked,
    order: KnownOrder,
    patient: KnownPatient,
    tests: tuple[str, ...],
) -> None:
    priority = _PRIORITIES.get((order.priority or "R").upper(), "R")
    same = [key for key, job in found.items() if order.id in job.orders]
    if same and not label.cell:  # a tube with two labels is still one tube
        return
    key = (label.specimen, patient.id)
    before = found.get(key)
    if before is not None:
        tests = tuple(dict.fromkeys((*before.tests, *tests)))
        priority = "S" if "S" in (before.priority, priority) else priority
    orders = (*(before.orders if before else ()), order.id)
    found[key] = Job(patient, label, tests, priority, orders)


def reply(work: Sequence[Job], profile: AnalyzerProfile, now: datetime) -> Reply:
    """The message for a device; ``now`` in the device's zone."""
    place = profile.query or HostQuery("Q.3.2", "Q.5", 10.0)
    records = list(_records(work, profile, place, now))
    orders = tuple(order for job in work for order in job.orders)
    return Reply(tuple(encode(records, profile.encoding)), orders)


def _records(
    work: Sequence[Job], profile: AnalyzerProfile, place: HostQuery, now: datetime
) -> Iterator[Record]:
    delimiters = Delimiters(*profile.shape.delimiters)

    def record(letter: str, cells: dict[At | str, str | None]) -> Record:
        return Record.build(letter, cells, delimiters, profile.encoding)

    stamp = now.strftime("%Y%m%d%H%M%S")
    version = profile.shape.fixed.get("H.13", "LIS2-A2")
    yield record("H", {"H.5": "GATEWAY", "H.12": "P", "H.13": version, "H.14": stamp})
    patient, people, tubes = None, 0, 0
    for job in work:
        if job.patient.id != patient:
            patient, people, tubes = job.patient.id, people + 1, 0
            yield record("P", _person(job.patient, profile, people))
        tubes += 1
        yield record("O", _tube(job, profile, place, tubes, stamp))
    yield record("L", {"L.2": "1", "L.3": "F" if work else "I"})


def _person(
    known: KnownPatient, profile: AnalyzerProfile, number: int
) -> dict[At | str, str | None]:
    where = profile.where
    cells: dict[At | str, str | None] = {"P.2": str(number)}
    address = next((path for path in where.patient if path.startswith("P.")), "P.3")
    if known.identifiers:
        cells[address] = _writable(known.identifiers[0].value, profile)
    if known.name and where.name[:1] and where.name[0].startswith("P."):
        field = At.parse(where.name[0]).field
        for count, part in enumerate(known.name.split("^"), start=1):
            cells[f"P.{field}.{count}"] = _writable(part, profile)
    if known.birth_date and where.birth and where.birth.startswith("P."):
        cells[where.birth] = known.birth_date.replace("-", "")
    if known.sex and where.sex and where.sex.startswith("P."):
        cells[where.sex] = known.sex
    return cells


def _tube(
    job: Job, profile: AnalyzerProfile, place: HostQuery, number: int, stamp: str
) -> dict[At | str, str | None]:
    cells: dict[At | str, str | None] = {"O.2": str(number)}
    target = At.parse(place.order_specimen)
    if place.echo and target.component is not None and job.label.cell:
        for count, part in enumerate(job.label.cell, start=1):
            cells[f"O.{target.field}.{count}"] = part or None
    else:
        cells[place.order_specimen] = job.label.specimen
    test = At.parse(place.order_test)
    component = f".{test.component}" if test.component else ""
    for count, code in enumerate(job.tests, start=1):
        written = profile.shape.code.format(code=code)
        cells[f"O.{test.field}[{count}]{component}"] = written
    cells |= {"O.6": job.priority, "O.7": stamp, "O.12": "N", "O.26": "Q"}
    return cells


def _writable(text: str, profile: AnalyzerProfile) -> str | None:
    try:
        text.encode(profile.encoding)
    except UnicodeEncodeError:
        return None
    return text or None
