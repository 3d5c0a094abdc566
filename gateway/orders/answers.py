"""Work for an ASTM analyzer: H, a P for each patient, an O for each specimen, L (LIS02-A2).

O-12 is N for work, A for more of a tube it knows and C for what is taken back, O-26 Q in an answer
and O unasked.  Nothing to do is an answer too: H and ``L|1|I``.  Ids and positions are repeated as
the profile says.  Names that the device's character set cannot write are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from gateway.names import name_parts
from gateway.orders.jobs import Job
from gateway.orders.menu import Menu
from gateway.orders.patients import KnownPatient
from gateway.profiles import AnalyzerProfile
from gateway.profiles.link import HostQuery
from gateway.protocols.astm import At, Delimiters, Record, encode


@dataclass(frozen=True, slots=True)
class Reply:
    """``records`` are to be sent as one message; ``work`` is given to the device by it."""

    records: tuple[bytes, ...]
    work: tuple[Job, ...]


class Occasion(Enum):
    """Why a device is told of orders, with O-12 and O-26."""

    ASKED = ("N", "Q")
    LATE = ("N", "O")
    ADDED = ("A", "O")
    CANCELLED = ("C", "O")


def reply(
    work: Sequence[Job], menu: Menu, now: datetime, occasion: Occasion = Occasion.ASKED
) -> Reply:
    """The message for a device; ``now`` in the device's zone."""
    profile = menu.profile
    place = profile.query or HostQuery("Q.3.2", "Q.5", 10.0)
    records = list(_records(work, menu, place, now, occasion))
    return Reply(tuple(encode(records, profile.encoding)), tuple(work))


def _records(
    work: Sequence[Job], menu: Menu, place: HostQuery, now: datetime, occasion: Occasion
) -> Iterator[Record]:
    profile = menu.profile
    delimiters = Delimiters(*profile.shape.delimiters)

    def record(letter: str, cells: dict[At | str, str | None]) -> Record:
        return Record.build(letter, cells, delimiters, profile.encoding)

    stamp = now.strftime("%Y%m%d%H%M%S")
    version = profile.shape.fixed.get("H.13", "LIS2-A2")
    header: dict[At | str, str | None] = {
        "H.5": "GATEWAY",
        "H.12": "P",
        "H.13": version,
        "H.14": stamp,
    }
    yield record("H", {**header, **_fixed(place, "H")})
    patient, people, tubes = None, 0, 0
    for job in work:
        if job.patient.id != patient:
            patient, people, tubes = job.patient.id, people + 1, 0
            yield record("P", _person(job.patient, profile, people))
        tubes += 1
        yield record("O", _tube(job, menu, place, tubes, stamp, occasion))
    end = "N" if occasion is not Occasion.ASKED else "F" if work else "I"
    last = _fixed(place, "L") if work and occasion is Occasion.ASKED else {}
    yield record("L", {"L.2": "1", "L.3": end, **last})


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
        for count, part in enumerate(name_parts(known.name), start=1):
            cells[f"P.{field}.{count}"] = _writable(part, profile)
    if known.birth_date and where.birth and where.birth.startswith("P."):
        cells[where.birth] = known.birth_date.replace("-", "")
    if known.sex and where.sex and where.sex.startswith("P."):
        cells[where.sex] = known.sex
    return cells


def _tube(
    job: Job, menu: Menu, place: HostQuery, number: int, stamp: str, occasion: Occasion
) -> dict[At | str, str | None]:
    cells: dict[At | str, str | None] = {"O.2": str(number)}
    cells[place.order_specimen] = job.label.specimen
    for component, address in place.echo:
        if component <= len(job.label.cell) and len(job.label.cell) > 1:
            cells[address] = job.label.cell[component - 1] or None
    test = At.parse(place.order_test)
    part = f".{test.component}" if test.component else ""
    for count, code in enumerate(job.tests, start=1):
        form = place.code or menu.profile.shape.code
        written = form.format(code=menu.written(code))
        cells[f"O.{test.field}[{count}]{part}"] = written
    action, kind = occasion.value
    cells |= {"O.6": job.priority, "O.7": stamp, "O.12": action, "O.26": kind}
    return cells | (_fixed(place, "O") if occasion is Occasion.ASKED else {})


def _fixed(place: HostQuery, letter: str) -> dict[At | str, str | None]:
    return {path: text for path, text in place.fixed.items() if path.startswith(f"{letter}.")}


def _writable(text: str, profile: AnalyzerProfile) -> str | None:
    try:
        text.encode(profile.encoding)
    except UnicodeEncodeError:
        return None
    return text or None
