"""What a person who looks for a study's order may go by: likeness and time.

Units invent patient ids where no worklist was used, and names are typed.  An open imaging order is
named when its patient is called alike, was born the same day, has a number that looks alike, or
when it is due at the unit about when the images came.  None of it ties anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import apsw

from gateway.matching.imaging import ImagingMatch, Subject, Suggestion, against, iso_date
from gateway.matching.nearness import is_near
from gateway.matching.persons import words
from gateway.orders import book, patients
from gateway.orders.patients import KnownPatient

NEARBY: Final = timedelta(hours=2)
_OPEN: Final = 2_000
_MOST: Final = 20
_MICROS: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """When the study's images came, in microseconds, and the AE titles that sent them."""

    first: int
    last: int
    callers: frozenset[str]


def hinted(connection: apsw.Connection, study: Subject, match: ImagingMatch) -> ImagingMatch:
    """With the hints, where no order is found: the most reasons first."""
    if match.order is not None:
        return match
    found = {s.order.id: s for s in match.suggestions}
    for number, why in _hints(connection, study).items():
        order = book.find(connection, number)
        if number in found:
            known = found[number]
            found[number] = Suggestion(known.order, (*known.why, *why), known.against)
        elif order is not None:
            found[number] = Suggestion(order, why, against(connection, study, order))
    told = [s.order.id for s in match.suggestions]
    others = sorted((n for n in found if n not in told), key=lambda n: (-len(found[n].why), n))
    return ImagingMatch(suggestions=tuple(found[n] for n in (*told, *others))[:_MOST])


def _hints(connection: apsw.Connection, study: Subject) -> Mapping[int, tuple[str, ...]]:
    arrival = _arrival(connection, study.uid)
    found: dict[int, dict[str, None]] = {}
    persons: dict[int, tuple[str, ...]] = {}
    for order, patient, station, due in _open_procedures(connection):
        if patient not in persons:
            known = patients.find(connection, patient)
            persons[patient] = tuple(_likeness(study, known)) if known else ()
        why = dict.fromkeys((*persons[patient], *_due(arrival, station, due)))
        if why:
            found.setdefault(order, {}).update(why)
    return {order: tuple(why) for order, why in found.items()}


def _open_procedures(connection: apsw.Connection) -> list[tuple[int, int, str, int | None]]:
    found: list[Any] = connection.execute(
        "SELECT o.id, o.patient, COALESCE(i.ae_title, ''), i.scheduled_at "
        "FROM imaging_procedures i JOIN orders o ON o.id = i.order_id "
        "WHERE o.status IN ('active', 'in-progress') ORDER BY o.id DESC LIMIT ?",
        (_OPEN,),
    ).fetchall()
    return found


def _arrival(connection: apsw.Connection, uid: str) -> _Arrival:
    rows: list[Any] = connection.execute(
        "SELECT s.first_at, s.changed_at, i.calling FROM studies s JOIN series e ON e.study = s.id "
        "JOIN instances i ON i.series = e.id WHERE s.uid = ? GROUP BY i.calling",
        (uid,),
    ).fetchall()
    first, last = (rows[0][0], rows[0][1]) if rows else (0, 0)
    return _Arrival(first, last, frozenset(caller for _, _, caller in rows))


def _due(arrival: _Arrival, station: str, due: int | None) -> Iterator[str]:
    margin = NEARBY // _MICROS
    if due is None or not arrival.first - margin <= due <= arrival.last + margin:
        return
    if station in arrival.callers:
        yield "due at this unit when the images came"
    elif not station:
        yield "due when the images came"


def _likeness(study: Subject, known: KnownPatient) -> Iterator[str]:
    """Whole matches of the id are told elsewhere."""
    numbers = [one.value for one in (*known.identifiers, *known.dead)]
    if study.patient_id and any(is_near(study.patient_id, number) for number in numbers):
        yield "a similar patient id"
    born = iso_date(study.birth_date)
    if name := _name(words(study.patient_name), words(known.name or "")):
        yield name
    if born and born == known.birth_date:
        yield "same birth date"


def _name(sent: list[str], known: list[str]) -> str | None:
    """One word alone says too little to be called the same."""
    if not sent or not known or max(map(len, sent)) < 2:
        return None
    if sorted(sent) == sorted(known):
        return "same name"
    agree = [any(word == other for other in known) for word in sent]
    near = [any(_alike(word, other) for other in known) for word in sent]
    return "a similar name" if all(near) and (any(agree) or len(sent) > 1) else None


def _alike(word: str, other: str) -> bool:
    if word == other:
        return True
    if len(word) == 1 or len(other) == 1:
        return word[0] == other[0]
    return min(len(word), len(other)) > 2 and is_near(word, other)
