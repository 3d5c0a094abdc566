"""Scenario files of a simulated EHR: what they say as HL7, what is wrong with one in one line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.orderer import Orderer, read_steps


def scenario(folder: Path, text: str) -> Path:
    path = folder / "orders.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[step]]\nvisit = 1", "step 1 needs one of"),
        ("[[step]]\nwait = 1\npatient = { id = '1' }", "step 1 needs one of"),
        ("[[step]]\nwait = 1\n[[step]]\npatient = { name = 'X' }", "step 2 'patient' lacks id"),
        ("[[step]]\npatient = { id = '1', age = 7 }", "'patient' has no key age"),
        ("[[step]]\norder = { placer = 'P1' }", "lacks patient, specimen, tests"),
        (
            "[[step]]\norder = { placer = 'P', patient = '1', specimen = 'L', tests = 'GLU' }",
            "needs tests =",
        ),
        ("[[step]]\nexam = { placer = 'P', patient = '1' }", "'exam' lacks procedure"),
        ("[[step]]\nmerge = 'A'", "'merge' needs a table"),
        ("step", "not valid TOML"),
    ],
)
def test_mistakes_of_a_file(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"orders\.toml: ") as error:
        read_steps(scenario(tmp_path, text))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_day_as_messages(tmp_path: Path) -> None:
    steps = read_steps(
        scenario(
            tmp_path,
            """
[[step]]
patient = { id = "M1", name = "DOE^JANE", birth = "19700101", sex = "F" }
[[step]]
order = { placer = "P1", patient = "M1", specimen = "L1", tests = ["GLU", "CRP"], priority = "S" }
[[step]]
cancel = { placer = "P1", patient = "M1" }
[[step]]
merge = { prior = "M1", survivor = "M2" }
""",
        )
    )
    orderer = Orderer("127.0.0.1", 1, lambda: datetime(2026, 1, 5, tzinfo=UTC), "T")
    messages = [body.decode().split("\r") for step in steps for body in orderer.messages(step)]
    assert [lines[0].split("|")[8] for lines in messages] == [
        "ADT^A04^ADT_A01",
        "ORM^O01^ORM_O01",
        "ORM^O01^ORM_O01",
        "ADT^A40^ADT_A39",
    ]
    assert {lines[0].split("|")[10] for lines in messages} == {"T"}
    assert messages[1][1:6] == [
        "PID|1||M1^^^EHR^MR||DOE^JANE||19700101|F",
        "ORC|NW|P1^EHR",
        "OBR|1|P1^EHR|L1|GLU|S",
        "ORC|NW|P1^EHR",
        "OBR|2|P1^EHR|L1|CRP|S",
    ]
    assert messages[2][2] == "ORC|CA|P1^EHR"
    assert messages[3][1:3] == ["PID|1||M2^^^EHR^MR|||||", "MRG|M1^^^EHR^MR"]


def test_an_exam_is_ordered_for_the_ultrasound_worklist() -> None:
    orderer = Orderer("127.0.0.1", 1, lambda: datetime(2026, 1, 5, tzinfo=UTC))
    exam = {"placer": "U1", "patient": "M1", "procedure": "US-BIOPSY^Biopsy^L"}
    (message,) = orderer.messages({"exam": exam})
    request = message.decode().split("\r")[3].split("|")
    assert (request[2], request[4], request[24]) == ("U1^EHR", "US-BIOPSY^Biopsy^L", "US")
