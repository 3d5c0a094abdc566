"""Whose study it really is, as a person said: applied to what goes out, never to what came in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import apsw

from gateway.store.moments import from_micros

NAMES: Final = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
SYSTEM: Final = "GATEWAY"


@dataclass(frozen=True, slots=True, repr=False)
class Correction:
    """``values`` are of ``NAMES``; a later correction of a study has a higher ``id``."""

    id: int
    values: tuple[str, ...]
    at: datetime

    @property
    def attributes(self) -> dict[str, str]:
        return dict(zip(NAMES, self.values, strict=True))

    def instruction(self) -> dict[str, Any]:
        """For ``gateway.rendering``'s child."""
        moment = self.at.strftime("%Y%m%d%H%M%S.%f+0000")
        return {"names": NAMES, "values": self.values, "at": moment, "system": SYSTEM}


def correction_of(connection: apsw.Connection, study_uid: str) -> Correction | None:
    """The latest one; None when nobody corrected anything."""
    return _latest(connection, f"{_SELECT} WHERE c.study_uid = ?", study_uid)


def correction_of_series(connection: apsw.Connection, series: int) -> Correction | None:
    """The same, of the study a series belongs to."""
    where = "JOIN studies s ON s.uid = c.study_uid JOIN series e ON e.study = s.id WHERE e.id = ?"
    return _latest(connection, f"{_SELECT} {where}", series)


_SELECT: Final = (
    "SELECT c.id, c.patient_id, c.issuer, c.patient_name, c.birth_date, c.sex, c.at "
    "FROM study_corrections c"
)


def _latest(connection: apsw.Connection, query: str, binding: str | int) -> Correction | None:
    row = connection.execute(f"{query} ORDER BY c.id DESC LIMIT 1", (binding,)).fetchone()
    if row is None:
        return None
    return Correction(int(row[0]), tuple(map(str, row[1:6])), from_micros(row[6]))
