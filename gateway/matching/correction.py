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
    """``values`` are of ``NAMES``."""

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
    row = connection.execute(
        "SELECT patient_id, issuer, patient_name, birth_date, sex, at FROM study_corrections "
        "WHERE study_uid = ? ORDER BY id DESC LIMIT 1",
        (study_uid,),
    ).fetchone()
    return None if row is None else Correction(tuple(map(str, row[:5])), from_micros(row[5]))
