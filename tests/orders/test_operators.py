"""Operators and their certifications; the lists a device is given."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.config.operators import operator_mistakes, read_operators
from gateway.errors import ConfigurationError
from gateway.intake import Arrival, Attribution, Known
from gateway.intake.interpreter import Interpreter
from gateway.orders.model import Identifier, Person
from gateway.orders.operators import Certification, Operator, by_id
from gateway.orders.patients import register
from gateway.orders.rosters import Rosters
from gateway.profiles import Context, catalogue, normalize
from gateway.protocols.poct1a import Listing
from gateway.report import ProblemCode, Report
from gateway.store import Store
from gateway.store.moments import to_micros

NOW = datetime(2026, 1, 5, 9, 15, tzinfo=UTC)
FILE = (
    "id;name;valid_until;devices\r\n"
    "OP1;TEST ONE;2026-01-05;\r\n"
    "OP2;TEST TWO;2026-01-04;\r\n"
    "OP3;;;glucose-2 glucose-3\r\n"
    "\r\n"
)


def listed(tmp_path: Path, text: str = FILE) -> tuple[Operator, ...]:
    path = tmp_path / "operators.csv"
    path.write_text(text, encoding="utf-8-sig")
    return read_operators(path)


def message(operator: str | None, day: str = "2026-01-05") -> bytes:
    who = f'<OPR><OPR.operator_id V="{operator}"/></OPR>' if operator is not None else ""
    raw = (
        '<OBS.R01><HDR><HDR.control_id V="3"/></HDR><SVC><SVC.role_cd V="OBS"/>'
        f'<SVC.observation_dttm V="{day}T10:10:00+00:00"/><PT><PT.patient_id V="M1"/>'
        '<OBS><OBS.observation_id V="GLU"/><OBS.value V="5.4" U="mmol/L"/></OBS></PT>'
        f"{who}</SVC></OBS.R01>"
    )
    return raw.encode()


def result(operator: str | None, *, day: str = "2026-01-05") -> Report:
    site = Context("glucose", ZoneInfo("UTC"), NOW, "1", codes={"GLU": "14749-6"})
    (report,) = normalize(message(operator, day), catalogue()["generic-poct1a"], site)
    return report


def test_the_file(tmp_path: Path) -> None:
    assert listed(tmp_path) == (
        Operator("OP1", "TEST ONE", date(2026, 1, 5)),
        Operator("OP2", "TEST TWO", date(2026, 1, 4)),
        Operator("OP3", "", None, frozenset({"glucose-2", "glucose-3"})),
    )
    assert "OP1" not in repr(listed(tmp_path))


@pytest.mark.parametrize(
    ("operator", "certified"),
    [("OP1", True), (" OP1 ", True), ("OP2", False), ("OP3", False), ("op1", False), (None, False)],
)
def test_who_is_certified(tmp_path: Path, operator: str | None, certified: bool) -> None:
    operators = by_id(listed(tmp_path))
    found = Certification(operators, hold=True).doubts(result(operator))
    assert (found == ()) == certified
    for problem in found:
        assert problem.code is ProblemCode.OPERATOR_NOT_CERTIFIED
        assert problem.hold
        assert problem.at == "observation[1].operator"


def test_the_day_of_the_result_counts(tmp_path: Path) -> None:
    operators = by_id(listed(tmp_path))
    flagged = Certification(operators, hold=False)
    assert flagged.doubts(result("OP2", day="2026-01-04")) == ()
    (late,) = flagged.doubts(result("OP1", day="2026-01-06"))
    assert not late.hold


@pytest.mark.parametrize("hold", [True, False])
def test_the_intake_asks_it_of_every_report(tmp_path: Path, hold: bool) -> None:
    profile, zone = catalogue()["generic-poct1a"], ZoneInfo("UTC")
    asked = Certification(by_id(listed(tmp_path)), hold)
    known = Known("glucose", profile, zone, {"GLU": "14749-6"}, certification=asked)
    reading = Interpreter(Attribution({"glucose": known}), lambda: NOW)
    for operator, doubts in (("OP1", []), ("OP2", [hold])):
        raw = message(operator)
        meaning = reading.read(Arrival(1, ("glucose",), "poct1a", raw, True, "peer", NOW))
        (report,) = meaning.reports
        code = ProblemCode.OPERATOR_NOT_CERTIFIED
        assert [p.hold for p in report.problems if p.code is code] == doubts


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name\nOP1\n", "id must be there"),
        ("id,shoe size\nOP1,42\n", "headings are"),
        ("id,valid_until\nOP1,31.12.2026\n", ":2: '31.12.2026' is no day"),
        ("id,name\n,TEST\n", ":2: a line without an id"),
        ("id\nOP1\nOP1\n", ":3: the id of an earlier line"),
    ],
)
def test_mistakes_in_the_file(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        listed(tmp_path, text)
    assert says in str(caught.value)


def test_devices_nobody_configured_and_a_missing_file(tmp_path: Path) -> None:
    listed(tmp_path)
    found = list(operator_mistakes(tmp_path / "operators.csv", {"glucose-2"}))
    assert [one.text.rpartition(": ")[2] for one in found] == ["unknown device 'glucose-3'"]
    (missing,) = operator_mistakes(tmp_path / "none.csv", ())
    assert "no such file" in missing.text


def ids(listing: Listing, name: str) -> list[str]:
    fields = [entry.child(name) for entry in listing.entries]
    return [field.attributes["V"] for field in fields if field is not None]


async def test_lists_hold_who_is_certified_and_whom_the_ehr_told_of(tmp_path: Path) -> None:
    now = NOW
    store = await Store.open(tmp_path / "data", clock=lambda: now)
    try:
        for day, number in ((1, "MRN0001"), (9, "MRN0009"), (40, "MRN0040")):
            at = to_micros(NOW - timedelta(days=day))
            person = Person((Identifier(number, "", "MR"),), "DOE^JANE", "1970-01-31", "F")
            await store.engine.write(lambda c, p=person, a=at: register(c, p, a))
        wanted = {
            "glucose": frozenset({"operators", "patients"}),
            "hba1c": frozenset({"operators"}),
        }
        rosters = Rosters(store, listed(tmp_path), wanted, lambda: now, timedelta(days=14))
        operators, patients = await rosters.listings("glucose")
        assert ids(operators, "OPR.operator_id") == ["OP1"]
        assert ids(patients, "PT.patient_id") == ["MRN0001", "MRN0009"]
        assert ids(patients, "PT.name") == ["DOE JANE", "DOE JANE"]
        assert [one.name for one in await rosters.listings("hba1c")] == ["OPL.R01"]
        assert rosters.wants("hba1c")
        assert not rosters.wants("another")
    finally:
        await store.aclose()
