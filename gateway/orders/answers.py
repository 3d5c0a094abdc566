"""The answer to a host query: H, a P for each patient, an O for each specimen, L (LIS02-A2).

Nothing to do is an answer too: H and ``L|1|I``.  Ids and positions are repeated as the profile
says.  Names that the device's character set cannot write are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.orders.jobs import Job
from gateway.orders.menu import Menu
from gateway.orders.patients import KnownPatient
from gateway.profiles import AnalyzerProfile
from gateway.profiles.link import HostQuery
from gateway.protocols.astm import At, Delimiters, Record, encode


@dataclass(frozen=True, slots=True)
class Reply:
    """``records`` are to be sent as one message; ``orders`` were given to the device by it."""

    records: tuple[bytes, ...]
    orders: tuple[int, ...]


def reply(work: Sequence[Job], menu: Menu, now: datetime) -> Reply:
    """The message for a device; ``now`` in the device's zone."""
    profile = menu.profile
    place = profile.query or HostQuery("Q.3.2", "Q.5", 10.0)
    records = list(_records(work, menu, place, now))
    orders = tuple(order for job in work for order in job.orders)
    return Reply(tuple(encode(records, profile.encoding)), orders)


def _records(work: Sequence[Job], menu: Menu, place: HostQuery, now: datetime) -> Iterator[Record]:
    profile = menu.profile
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
        yield record("O", _tube(job, menu, place, tubes, stamp))
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
    job: Job, menu: Menu, place: HostQuery, number: int, stamp: str
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
        written = menu.profile.shape.code.format(code=menu.written(code))
        cells[f"O.{test.field}[{count}]{component}"] = written
    cells |= {"O.6": job.priority, "O.7": stamp, "O.12": "N", "O.26": "Q"}
    return cells


def _writable(text: str, profile: AnalyzerProfile) -> str | None:
    try:
        text.encode(profile.encoding)
    except UnicodeEncodeError:
        return None
    return text or None
