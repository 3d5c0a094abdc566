"""What contradicts the EHR's record of a person, and what only says less."""

from __future__ import annotations

import pytest

from gateway.matching.persons import contradicts
from gateway.orders.patients import KnownPatient
from gateway.report import Patient


def known(
    name: str | None = None, birth_date: str | None = None, sex: str | None = None
) -> KnownPatient:
    return KnownPatient(1, (), (), name, birth_date, sex)


@pytest.mark.parametrize(
    ("sent", "record"),
    [
        ("DOE^JANE", "DOE^JANE"),
        ("doe^jane", "DOE^JANE"),
        ("DOE^JANE", "DOE^JANE^MARIE"),
        ("DOE^JANE^ANN", "DOE^JANE^MARIE"),
        ("DOE^J", "DOE^JANE"),
        ("DOE^J.", "DOE^JANE"),
        ("DOE", "DOE^JANE"),
        ("^JANE", "DOE^JANE"),
        ("DOE^JANE", "DOE^"),
        ("JANE DOE", "DOE^JANE"),
        ("DOE, JANE", "DOE^JANE"),
        ("DOE JANE", "JANE DOE"),
        ("MÜLLER^ÄNNE", "Muller^Anne"),
        ("O'NEILL^JANE", "O NEILL^JANE"),
        ("DOE^MARIE", "DOE-ROE^ANNE-MARIE"),
        ("***", "DOE^JANE"),
        (None, "DOE^JANE"),
        ("DOE^JANE", None),
    ],
)
def test_a_name_that_agrees(sent: str | None, record: str | None) -> None:
    assert not contradicts(Patient(name=sent), known(record))


@pytest.mark.parametrize(
    ("sent", "record"),
    [
        ("ROE^JANE", "DOE^JANE"),
        ("DOE^ANN", "DOE^JANE"),
        ("JANE^DOE", "DOE^JANE"),
        ("DOE^A", "DOE^JANE"),
        ("DOE^JA", "DOE^JANE"),
        ("D^JOHN", "DOE^JANE"),
        ("JANE ROE", "DOE^JANE"),
        ("DOE JANE ANN", "DOE^JANE"),
        ("DOE^JANE", "DOE"),
        ("DOE^ANNMARIE", "DOE^ANN^MARIE"),
    ],
)
def test_a_name_of_somebody_else(sent: str, record: str) -> None:
    assert contradicts(Patient(name=sent), known(record))


@pytest.mark.parametrize(
    ("sent", "record", "doubtful"),
    [
        ("19800102", "19800102", False),
        ("19800102", "1980", False),
        ("198001", "19800102", False),
        ("19800102", "19800103", True),
        ("1981", "19800102", True),
        (None, "19800102", False),
        ("19800102", None, False),
    ],
)
def test_birth_dates(sent: str | None, record: str | None, doubtful: bool) -> None:
    patient = Patient(name="DOE^JANE", birth_date=sent)
    assert contradicts(patient, known("DOE^JANE", record)) is doubtful


@pytest.mark.parametrize(
    ("sent", "record", "doubtful"),
    [
        ("F", "M", True),
        ("M", "F", True),
        ("F", "F", False),
        ("U", "F", False),
        ("F", "O", False),
        (None, "F", False),
        ("F", None, False),
    ],
)
def test_sexes(sent: str | None, record: str | None, doubtful: bool) -> None:
    assert contradicts(Patient(sex=sent), known(sex=record)) is doubtful
