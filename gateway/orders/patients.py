"""Patients in the store: who has which numbers, and where a merged number leads.

Every number belongs to one patient.  A merge moves all numbers and orders of the prior patient to
the survivor and marks the prior number dead: it still leads to the person, but nothing is sent to
it any more.  Chained, repeated and early merges therefore all end in the same state.  All
functions work inside a transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apsw

from gateway.orders.errors import wrong
from gateway.orders.model import Identifier, Merge, Person
from gateway.protocols.hl7 import ErrorCode

ACTIVE, DEAD = "active", "dead"


@dataclass(frozen=True, slots=True)
class KnownPatient:
    """``identifiers`` are the living ones; ``dead`` lead here and are never sent."""

    id: int
    identifiers: tuple[Identifier, ...]
    dead: tuple[Identifier, ...]
    name: str | None
    birth_date: str | None
    sex: str | None

    def __repr__(self) -> str:
        return f"KnownPatient({self.id})"


def register(connection: apsw.Connection, person: Person, now: int) -> int:
    """The patient's row, made or brought up to date.  ``NotTaken`` when the numbers belong to two
    patients: only a merge may join them."""
    owners = _owners(connection, person.identifiers)
    if len(owners) > 1:
        raise wrong(ErrorCode.DUPLICATE_KEY, "PID", 3)
    patient = owners.pop() if owners else _create(connection, now)
    for identifier in person.identifiers:
        _own(connection, identifier, patient, ACTIVE, keep=True)
    _describe(connection, patient, person, now)
    return patient


def merge(connection: apsw.Connection, change: Merge, message: int, now: int) -> int:
    """``change.prior`` die in favour of the patient of ``change.person``, whose row it returns."""
    survivors = _owners(connection, change.person.identifiers)
    if len(survivors) > 1:
        raise wrong(ErrorCode.DUPLICATE_KEY, "PID", 3)
    target = survivors.pop() if survivors else _create(connection, now)
    if set(change.prior) & set(change.person.identifiers):
        raise wrong(ErrorCode.DUPLICATE_KEY, "MRG", 1)
    for prior in change.prior:
        _merge_one(connection, prior, change.person, target, message, now)
    for identifier in change.person.identifiers:
        _own(connection, identifier, target, ACTIVE, keep=True)
    _describe(connection, target, change.person, now)
    return target


def _merge_one(
    connection: apsw.Connection,
    prior: Identifier,
    person: Person,
    target: int,
    message: int,
    now: int,
) -> None:
    found = _row(connection, prior)
    source = target if found is None else found[0]
    if found is not None and found[1] == DEAD and source == target:
        return  # said before; what happened since stays
    if source == target and found is not None:  # the merge before is turned round
        for identifier in person.identifiers:
            _own(connection, identifier, target, ACTIVE, keep=False)
    if source != target:
        for table in ("patient_identifiers", "orders", "report_orders"):
            connection.execute(
                f"UPDATE {table} SET patient = ? WHERE patient = ?",  # noqa: S608 - our names
                (target, source),
            )
    _own(connection, prior, target, DEAD, keep=False)
    connection.execute(
        "INSERT INTO patient_merges (message, prior, survivor, patient, from_patient, at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (message, prior.value, person.identifiers[0].value, target, source, now),
    )


def find(connection: apsw.Connection, number: int) -> KnownPatient | None:
    row = connection.execute(
        "SELECT name, birth_date, sex FROM patients WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        return None
    numbers = connection.execute(
        "SELECT value, authority, type, state FROM patient_identifiers WHERE patient = ? "
        "ORDER BY rowid",
        (number,),
    ).fetchall()
    known = [(Identifier(str(v), str(a), str(t)), state) for v, a, t, state in numbers]
    living = tuple(identifier for identifier, state in known if state == ACTIVE)
    dead = tuple(identifier for identifier, state in known if state == DEAD)
    return KnownPatient(number, living, dead, row[0], row[1], row[2])


def recent(connection: apsw.Connection, since: int, most: int) -> tuple[KnownPatient, ...]:
    """Patients heard of since a moment, the latest first."""
    rows = connection.execute(
        "SELECT id FROM patients WHERE updated_at >= ? ORDER BY updated_at DESC, id DESC LIMIT ?",
        (since, most),
    ).fetchall()
    found = [find(connection, number) for (number,) in rows if isinstance(number, int)]
    return tuple(patient for patient in found if patient is not None)


def with_number(connection: apsw.Connection, value: str) -> tuple[int, ...]:
    """The patients who have a number, whoever assigned it; more than one identifies nobody."""
    rows = connection.execute(
        "SELECT DISTINCT patient FROM patient_identifiers WHERE value = ? ORDER BY patient",
        (value,),
    )
    return tuple(patient for (patient,) in rows)


def is_dead(connection: apsw.Connection, value: str, authority: str = "") -> bool:
    """Whether a number was merged into another; without ``authority``, whoever assigned it."""
    states = connection.execute(
        "SELECT state FROM patient_identifiers WHERE value = ? AND (? = '' OR authority = ?)",
        (value, authority, authority),
    ).fetchall()
    return bool(states) and all(state == DEAD for (state,) in states)


def waiting(connection: apsw.Connection, length: int) -> Iterator[str]:
    """Numbers about as long of patients who have open orders, for suggestions; at most 20,000."""
    rows = connection.execute(
        "SELECT value FROM patient_identifiers WHERE LENGTH(value) BETWEEN ? AND ? "
        "AND patient IN (SELECT patient FROM orders WHERE status IN ('active', 'in-progress')) "
        "ORDER BY rowid DESC LIMIT 20000",
        (length - 1, length + 1),
    )
    for (value,) in rows:
        yield str(value)


def _owners(connection: apsw.Connection, identifiers: Iterable[Identifier]) -> set[int]:
    rows = (_row(connection, identifier) for identifier in identifiers)
    return {row[0] for row in rows if row is not None}


def _row(connection: apsw.Connection, identifier: Identifier) -> tuple[int, str] | None:
    row: tuple[int, str] | None = connection.execute(
        "SELECT patient, state FROM patient_identifiers WHERE value = ? AND authority = ?",
        (identifier.value, identifier.authority),
    ).fetchone()
    return row


def _own(
    connection: apsw.Connection, identifier: Identifier, patient: int, state: str, *, keep: bool
) -> None:
    """``keep``: a number that is known already keeps its state; a dead one stays dead."""
    connection.execute(
        "INSERT INTO patient_identifiers (value, authority, type, patient, state) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (value, authority) DO UPDATE SET "
        "patient = excluded.patient, state = CASE WHEN ? THEN state ELSE excluded.state END, "
        "type = CASE WHEN excluded.type = '' THEN type ELSE excluded.type END",
        (identifier.value, identifier.authority, identifier.type, patient, state, keep),
    )


def _create(connection: apsw.Connection, now: int) -> int:
    connection.execute("INSERT INTO patients (updated_at) VALUES (?)", (now,))
    return connection.last_insert_rowid()


def _describe(connection: apsw.Connection, patient: int, person: Person, now: int) -> None:
    """What the message says replaces what was known; what it leaves out stays.  A message about a
    number that is dead says nothing about the patient it leads to."""
    rows = [_row(connection, identifier) for identifier in person.identifiers]
    if all(row is not None and row[1] == DEAD for row in rows):
        return
    connection.execute(
        "UPDATE patients SET updated_at = ?, name = COALESCE(?, name), "
        "birth_date = COALESCE(?, birth_date), sex = COALESCE(?, sex) WHERE id = ?",
        (now, person.name, person.birth_date, person.sex, patient),
    )
    connection.execute(
        "UPDATE patients SET name = NULLIF(name, ''), birth_date = NULLIF(birth_date, ''), "
        "sex = NULLIF(sex, '') WHERE id = ?",
        (patient,),
    )
