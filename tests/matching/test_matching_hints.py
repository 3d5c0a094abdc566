"""What is suggested for a study that names nobody here: by likeness and by time, never tied."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from test_matching_imaging import NOW, Department, department

from gateway.orders.model import OrderStatus

__all__ = ["department"]

SOON, LATE = NOW + timedelta(minutes=90), NOW + timedelta(hours=3)
DUE, DUE_HERE = "due when the images came", "due at this unit when the images came"


@pytest.mark.parametrize(
    ("sent", "ordered", "why"),
    [
        ({"PatientName": "DOE^JANE"}, {}, ["same name", "same birth date"]),
        ({"PatientName": "jane doé", "PatientBirthDate": ""}, {}, ["same name"]),
        ({"PatientName": "DOH^JANE"}, {}, ["a similar name", "same birth date"]),
        ({"PatientName": "DOE^J"}, {}, ["a similar name", "same birth date"]),
        ({"PatientName": "DOE", "PatientBirthDate": ""}, {}, ["a similar name"]),
        ({"PatientName": "DOE^JOHN"}, {}, ["same birth date"]),
        ({"PatientName": "OB^^^^", "PatientBirthDate": "19991231"}, {}, None),
        ({"PatientName": "J", "PatientBirthDate": ""}, {}, None),
        (
            {"PatientID": "MRN01", "PatientName": "", "PatientBirthDate": ""},
            {},
            ["a similar patient id"],
        ),
        ({"PatientName": "", "PatientBirthDate": ""}, {"scheduled_at": SOON}, [DUE]),
        ({"PatientName": "", "PatientBirthDate": ""}, {"scheduled_at": LATE}, None),
        (
            {"PatientName": "", "PatientBirthDate": ""},
            {"scheduled_at": SOON, "ae_title": "TEST"},
            [DUE_HERE],
        ),
        (
            {"PatientName": "", "PatientBirthDate": ""},
            {"scheduled_at": SOON, "ae_title": "OTHER"},
            None,
        ),
        ({"PatientName": "DOE^JANE"}, {"status": OrderStatus.CANCELLED}, None),
    ],
)
async def test_likeness_and_time_are_only_suggested(
    department: Department, sent: dict[str, Any], ordered: dict[str, Any], why: list[str] | None
) -> None:
    await department.order("A1", "MRN1", "DOE^JANE", **ordered)
    await department.image(**{"PatientID": "26-01-05-101130", **sent})
    study = await department.look()
    assert (study["match"], study["order"]) == ("unmatched", None)
    assert [one["why"] for one in study["suggestions"]] == ([] if why is None else [why])
    for one in study["suggestions"]:
        assert "the patient id is not that of the order's patient" in one["against"]


async def test_a_study_that_is_linked_needs_no_suggestion(department: Department) -> None:
    await department.order("A1", "MRN2", "DOE^JANE")
    await department.image(PatientID="X")
    assert (await department.look())["suggestions"]
    await department.desk["studies.link"]({"uid": "1.2.3", "order": "A1", "user": "ada"})
    assert not (await department.show())["suggestions"]


async def test_the_best_founded_suggestion_comes_first(department: Department) -> None:
    await department.order("A1", "MRN2", "DOH^JANE")
    await department.order("A2", "MRN3", "DOE^JANE", scheduled_at=NOW)
    await department.order("A3", "MRN4", "ROE^RICHARD", accession="ACC")
    await department.image(PatientID="X", AccessionNumber="ACC")
    study = await department.look()
    assert [one["placer"] for one in study["suggestions"]] == ["A3", "A2", "A1"]
    assert study["suggestions"][0]["why"] == ["same accession number", "same birth date"]
