"""The lists a point-of-care device is given: who may run it, and whose results it may expect.

Operators are those certified for the device today; patients those the EHR told of lately, each by
the first of their living numbers, the latest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import apsw

from gateway.names import name_parts
from gateway.orders import patients
from gateway.orders.operators import Operator
from gateway.protocols.poct1a import Listing
from gateway.protocols.poct1a.lists import Entry, operator_list, patient_list
from gateway.store import Store
from gateway.store.moments import to_micros

OPERATORS, PATIENTS = "operators", "patients"
MOST_PATIENTS = 5_000


class Rosters:
    """``wanted`` says which lists each device gets; ``keep`` how long a patient stays on one."""

    def __init__(
        self,
        store: Store,
        operators: Sequence[Operator],
        wanted: Mapping[str, frozenset[str]],
        clock: Callable[[], datetime],
        keep: timedelta,
    ) -> None:
        self._store = store
        self._operators = tuple(operators)
        self._wanted = dict(wanted)
        self._clock = clock
        self._keep = keep

    def wants(self, device: str) -> bool:
        return bool(self._wanted.get(device))

    async def listings(self, device: str) -> tuple[Listing, ...]:
        """The lists for a device, as they stand now; StoreError when they cannot be read."""
        wanted = self._wanted.get(device, frozenset())
        found: list[Listing] = []
        if OPERATORS in wanted:
            found.append(operator_list(self._certified(device)))
        if PATIENTS in wanted:
            since = to_micros(self._clock() - self._keep)

            def look(connection: apsw.Connection) -> list[Entry]:
                known = patients.recent(connection, since, MOST_PATIENTS)
                return [_entry(one) for one in known if one.identifiers]

            found.append(patient_list(await self._store.engine.read(look)))
        return tuple(found)

    def _certified(self, device: str) -> list[Entry]:
        today = self._clock().date()
        return [Entry(o.id, o.name) for o in self._operators if o.certified(device, today)]


def _entry(patient: patients.KnownPatient) -> Entry:
    return Entry(
        patient.identifiers[0].value,
        " ".join(name_parts(patient.name or "")).strip(),
        patient.birth_date or "",
        patient.sex or "",
    )
