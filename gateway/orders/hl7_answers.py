"""Work for an HL7-speaking analyzer, in the form it asked in or takes downloads in.

A Mindray chemistry gets a DSR^Q03 for each tube (lines 1, 3 to 5, 21, 23, 24, 26 and 27; tests from
29), a LAW analyzer RSP^K11 and then an OML^O33 for each tube, a GeneXpert the orders inside its
RSP^Z02, a Mindray blood counter an ORR^O02.  In LAW a tube without work is an OML^O33 whose ORC-1
is DC.  A work order is known there by our order and the test, so that the same one is never two.
Names that the character set of the conversation cannot write are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.names import name_parts
from gateway.orders.jobs import Job
from gateway.orders.menu import Menu
from gateway.orders.patients import KnownPatient
from gateway.orders.query import Asked
from gateway.orders.query import Query as Wanted
from gateway.protocols.hl7 import components, escape, segment
from gateway.protocols.hl7device import (
    Header,
    Query,
    QueryForm,
    Stamp,
    display,
    download,
    no_order,
    order_response,
    query_acknowledgment,
    response,
)

_COUNT: Final = components("00001", "Automated Count", "99MRC")
_SPECIMENS: Final = {
    "SER": "serum",
    "SERUM": "serum",
    "PLAS": "plasma",
    "PLASMA": "plasma",
    "UR": "urine",
    "URINE": "urine",
}


@dataclass(frozen=True, slots=True)
class Given:
    """``messages`` are to be sent in that order.  ``work[n]`` is given with message ``n`` of it:
    when it is acknowledged, where the device acknowledges it, else when it is written."""

    messages: tuple[bytes, ...]
    work: tuple[tuple[Job, ...], ...]


def wanted(query: Query) -> Wanted:
    """The same question in the words of the order store."""
    asked = tuple(Asked(text, ()) for text in query.ids)
    return Wanted(asked, query.everything, None, None, query.cancels)


def answer(query: Query, work: Sequence[Job], menu: Menu, stamp: Callable[[], Stamp]) -> Given:
    """The messages that answer ``query``; the first one is the answer itself."""
    match query.form:
        case QueryForm.QRY_Q02 if work:
            found = query_acknowledgment(query, stamp(), found=True)
            shown = tuple(_shown(query, work, menu, stamp))
            return Given((found, *shown), ((), *((job,) for job in work)))
        case QueryForm.QBP_Q11:
            return _law(query, work, menu, stamp)
        case QueryForm.QBP_Z01 | QueryForm.QBP_Z03 if work:
            lines = tuple(_requested(work, menu))
            return Given((response(query, stamp(), lines),), (tuple(work),))
        case QueryForm.ORM_O01 if work:
            lines = tuple(_counted(work[0], _writable(query.header)))
            return Given((order_response(query, stamp(), lines),), (tuple(work[:1]),))
        case _:
            return Given((no_order(query, stamp()),), ((),))


def _shown(
    query: Query, work: Sequence[Job], menu: Menu, stamp: Callable[[], Stamp]
) -> Iterator[bytes]:
    for left, job in zip(range(len(work) - 1, -1, -1), work, strict=True):
        tests = [(menu.written(test),) for test in job.tests]
        more = str(left) if left else ""
        yield display(query, stamp(), _lines(job, _writable(query.header)), tests, more)


def _lines(job: Job, may: Callable[[str], bool]) -> dict[int, str]:
    """The lines of a DSR^Q03 that say something."""
    known, specimen = job.patient, job.specimen
    birth = (known.birth_date or "").replace("-", "")
    collected = specimen.collected_at
    lines = {
        1: known.identifiers[0].value if known.identifiers else "",
        3: " ".join(part for part in name_parts(known.name or "") if part),
        4: f"{birth}000000" if len(birth) == 8 else "",
        5: known.sex if known.sex in ("M", "F") else "O",
        21: job.label.specimen,
        23: collected.strftime("%Y%m%d%H%M%S") if collected else "",
        24: "Y" if job.priority == "S" else "N",
        26: _SPECIMENS.get((specimen.type or "").upper(), ""),
    }
    return {number: text for number, text in lines.items() if text and may(text)}


def _writable(header: Header) -> Callable[[str], bool]:
    """Whether the conversation's character set (MSH-18) has what a text needs."""
    unicode = (header.at(18) or "").upper().startswith("UNICODE")
    return lambda text: unicode or text.isascii()


# LAW


def _law(query: Query, work: Sequence[Job], menu: Menu, stamp: Callable[[], Stamp]) -> Given:
    """RSP^K11, then an OML^O33 for every tube asked for, with or without work."""
    first = response(query, stamp(), ())
    if query.placed:
        return Given((first,), ((),))
    header = tuple(query.header.at(number) or "" for number in (5, 6, 3, 4))
    found = {job.label.specimen: job for job in work}
    jobs = [(label, found.get(label)) for label in (query.ids or tuple(found) or ("",))]
    messages = (
        work_order(header, job, menu, stamp()) if job else _no_work(header, label, stamp())
        for label, job in jobs
    )
    return Given((first, *messages), ((), *((job,) if job else () for _, job in jobs)))


def work_order(
    header: Sequence[str], job: Job, menu: Menu, stamp: Stamp, *, control: str = "NW"
) -> bytes:
    """OML^O33 for one tube; ``control`` is ORC-1: ``NW``, or ``CA`` to take it back."""
    patient = tuple(_person(job.patient, 1))
    tube = _tube(job.label.specimen, job, stamp)
    return download(header, stamp, patient, tube, tuple(_orders(job, menu, stamp, control)))


def _no_work(header: Sequence[str], label: str, stamp: Stamp) -> bytes:
    """The negative answer: SPM, SAC and an ORC; ``""`` where every tube was asked for."""
    order = segment("ORC", "DC", *[""] * 7, _time(stamp.time))
    return download(header, stamp, (), _tube(label or '""', None, stamp), (order,))


def _tube(label: str, job: Job | None, stamp: Stamp) -> tuple[str, ...]:
    name = label if label == '""' else escape(label)
    kind = escape(job.specimen.type) if job and job.specimen.type else ""
    collected = job.specimen.collected_at if job else None
    when = _time(collected.astimezone(stamp.time.tzinfo)) if collected else ""
    role = components("P", "", "HL70369")
    spm = segment("SPM", "1", name, "", kind, *[""] * 6, role, *[""] * 5, when)
    return spm, segment("SAC", "", "", name)


def _orders(job: Job, menu: Menu, stamp: Stamp, control: str) -> Iterator[str]:
    for step in job.steps:
        for test in step.tests:
            number = f"{step.order.id}.{_place(test, menu)}"
            yield segment("ORC", control, number, *[""] * 6, _time(stamp.time))
            if control == "NW":
                yield segment("TQ1", *[""] * 8, components(job.priority, "", "HL70485"))
            code = components(escape(menu.written(test)), "", "L")
            yield segment("OBR", "", number, "", code)


def _place(test: str, menu: Menu) -> str:
    """A short name of a test that does not change: an AWOS id has 22 characters at most."""
    written = menu.written(test)
    return written if written.isalnum() and len(written) <= 12 else written.encode().hex()[:12]


def _time(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%S")


def _person(known: KnownPatient, number: int) -> Iterator[str]:
    ids = "~".join(
        components(escape(one.value), "", "", escape(one.authority), escape(one.type))
        for one in known.identifiers
    )
    name = components(*map(escape, name_parts(known.name or "")))
    birth = (known.birth_date or "").replace("-", "")
    yield segment("PID", str(number), "", ids, "", name, "", birth, known.sex or "")


# GeneXpert and Mindray haematology


def _requested(work: Sequence[Job], menu: Menu) -> Iterator[str]:
    """PID, then ORC, OBR, TQ1 and SPM for each test of the patient."""
    patient, people, number = 0, 0, 0
    for job in work:
        if job.patient.id != patient:
            patient, people, number = job.patient.id, people + 1, 0
            known = job.patient.identifiers[:1]
            yield segment("PID", str(people), "", escape(known[0].value) if known else "")
        for test in job.tests:
            number += 1
            yield segment("ORC", "NW", str(number))
            code = escape(menu.written(test))
            yield segment("OBR", str(number), "", "", code, *[""] * 6, "A")
            yield segment("TQ1", *[""] * 8, "S" if job.priority == "S" else "R")
            label = escape(job.label.specimen)
            yield segment("SPM", str(number), label, "", "ORH", *[""] * 6, "P")


def _counted(job: Job, may: Callable[[str], bool]) -> Iterator[str]:
    """A blood count of one tube; in which mode is the analyzer's own setting."""
    known = job.patient
    yield from _person(known if may(known.name or "") else replace(known, name=None), 1)
    label = escape(job.label.specimen)
    yield segment("ORC", "AF", label)
    yield segment("OBR", "1", label, "", _COUNT)
