"""10,000 generated results against a town of twins, namesakes and merged numbers: none to the
wrong person, and everything that is not matched is held and says why."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import apsw

from gateway.matching import Check, IdType, Match, Policy, Rules, decide
from gateway.matching.check_digits import mod_37_2_character
from gateway.matching.identity import suggestions
from gateway.orders import book, patients, placing
from gateway.orders.model import (
    Identifier,
    Merge,
    OrderData,
    Person,
    SpecimenData,
    StatusChange,
)
from gateway.report import (
    Code,
    Device,
    Kind,
    Observation,
    Patient,
    PatientId,
    ProblemCode,
    Quantity,
    Report,
    Source,
    Specimen,
)
from gateway.store.migrate import package_steps

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
FAMILIES = ("DOE", "TEST", "SAMPLE", "EXAMPLE")
GIVEN = ("JANE", "JOHN", "ANN", "ANNA", "MARY", "JO")
WEEK = timedelta(days=7)


def database() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for step in package_steps():
        connection.execute(step)
    return connection


class Town:
    """``truth`` knows whose each label and number is, whatever the tables say."""

    def __init__(self, seed: int, size: int, *, checked: bool = False) -> None:
        self.rng = random.Random(seed)
        self._checked = checked
        self.label_of: list[str] = []
        self.number_of: list[str] = []
        self.old_number_of: dict[int, str] = {}
        self.connection = database()
        self.people: list[Person] = []
        self.labels: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.dead: set[str] = set()
        self.cancelled: set[str] = set()
        for index in range(size):
            self._settle(index)
        for index in range(0, size, 10):
            self._merge(index)

    def _with_check(self, text: str) -> str:
        return text + mod_37_2_character(text) if self._checked else text

    def _settle(self, index: int) -> None:
        rng = self.rng
        twin = index % 5 == 1
        before = self.people[-1] if twin else None
        family = before.name.split("^")[0] if before and before.name else rng.choice(FAMILIES)
        birth = before.birth_date if before else f"19{rng.randint(30, 99)}-0{rng.randint(1, 9)}-11"
        number = self._with_check(f"MRN{1000 + index}")
        person = Person(
            (Identifier(number, "EHR", "MR"),),
            f"{family}^{rng.choice(GIVEN)}",
            birth,
            rng.choice("MF"),
        )
        self.people.append(person)
        self.numbers[number] = index
        patient = patients.register(self.connection, person, 0)
        label = self._with_check(f"26S{index:05d}")
        self.label_of.append(label)
        self.number_of.append(number)
        self.labels[label] = index
        order = OrderData(f"P{index}", "EHR", "GLU", specimens=(SpecimenData(label),))
        placing.place(self.connection, order, patient, 1, NOW, WEEK)
        if index % 17 == 3:
            book.change_status(self.connection, StatusChange(f"P{index}", "EHR", None), 1, 0)
            self.cancelled.add(label)

    def _merge(self, index: int) -> None:
        """A second number of the same person, which the EHR then finds out."""
        old = Identifier(self._with_check(f"OLD{1000 + index}"), "EHR", "MR")
        self.old_number_of[index] = old.value
        patients.register(self.connection, Person((old,), self.people[index].name), 0)
        patients.merge(self.connection, Merge(self.people[index], (old,)), 1, 0)
        self.numbers[old.value] = index
        self.dead.add(old.value)


def mistype(rng: random.Random, text: str) -> str:
    place = rng.randrange(3, len(text) - 1)
    if rng.random() < 0.5:
        return text[:place] + rng.choice("0123456789") + text[place + 1 :]
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def report(label: str | None, number: str | None, person: Person | None, code: str) -> Report:
    ids = (PatientId(number, "P.3"),) if number else ()
    said = Patient(
        ids,
        person.name if person else None,
        person.birth_date if person else None,
        person.sex if person else None,
    )
    one = Observation(Code(code), Quantity("5.5"), "5.5", observed_at=NOW)
    device = Device("bench", "generic-astm")
    return Report(
        "r", device, Kind.PATIENT, Specimen(label), said, NOW, (one,), (), Source("1", "a")
    )


def faulty(
    rng: random.Random, town: Town, meant: int
) -> tuple[str | None, str | None, Person | None]:
    """What a device might say of a result of ``meant``: right, mistyped, or partly not at all."""
    label: str | None = town.label_of[meant]
    number: str | None = town.number_of[meant]
    if meant % 10 == 0 and rng.random() < 0.5:
        number = town.old_number_of[meant]
    person: Person | None = town.people[meant]
    fault = rng.randrange(8)
    if fault == 1 and label:
        label = mistype(rng, label)
    elif fault == 2 and number:
        number = mistype(rng, number)
    elif fault == 3:
        person = town.people[(meant + 1) % len(town.people)]  # the neighbour's, perhaps the twin's
    elif fault == 4:
        label = None
    elif fault == 5:
        number = None
    elif fault == 6 and label:
        label, number = mistype(rng, label), None  # nothing else to hold it against
    elif fault == 7:
        label, number = None, mistype(rng, number or "")
    if rng.random() < 0.3:
        person = None
    return label, number, person


def test_no_result_goes_to_the_wrong_person() -> None:
    town = Town(1, 500)
    rng = town.rng
    rules = {policy: Rules({"bench": policy}, known=frozenset(("GLU", "K"))) for policy in Policy}
    matched = held = wrong = 0
    for _ in range(10_000):
        meant = rng.randrange(500)
        label, number, person = faulty(rng, town, meant)
        policy = rng.choice(tuple(Policy))
        result = decide(town.connection, report(label, number, person, "GLU"), rules[policy], NOW)
        if any(problem.hold for problem in result.problems):
            held += 1
            continue
        if result.patient is None:
            assert policy is Policy.OPTIONAL
            assert number is None
            held += 1  # nobody is named: the router holds it
            continue
        matched += 1
        wrong += not sound(town, result, label, number, person, meant)
    assert wrong == 0
    assert matched > 2_000
    assert held > 2_000


def test_with_check_digits_nothing_reaches_anybody_but_the_one_who_was_meant() -> None:
    """10,000 times, judged by who really lay there: not by what any table says."""
    town = Town(7, 500, checked=True)
    rng = town.rng
    kinds = (IdType(r"[0-9A-Z]{5,15}[0-9A-Z*]", Check.MOD_37_2),)
    rules = {
        policy: Rules({"bench": policy}, kinds, kinds, known=frozenset(("GLU", "K")))
        for policy in Policy
    }
    reasons: Counter[str] = Counter()
    for _ in range(10_000):
        meant = rng.randrange(500)
        label, number, person = faulty(rng, town, meant)
        policy = rng.choice(tuple(Policy))
        result = decide(town.connection, report(label, number, person, "GLU"), rules[policy], NOW)
        codes = [problem.code.value for problem in result.problems if problem.hold]
        if codes:
            reasons.update(codes)
            assert set(codes) <= REASONS
            continue
        if result.patient is None:
            assert (policy, number) == (Policy.OPTIONAL, None)
            reasons["nobody"] += 1
            continue
        living = {one.value for one in result.patient.identifiers}
        assert living == {town.number_of[meant]}
        assert label not in town.cancelled
        assert {town.labels[order_label(town, one.id)] for one in result.orders} <= {meant}
        reasons["matched"] += 1
    assert reasons["matched"] > 3_000
    assert all(reasons[code] > 100 for code in REASONS)


REASONS = {"unknown-order", "unknown-patient", "identity-conflict", "order-mismatch"}


def order_label(town: Town, order: int) -> str:
    row = town.connection.execute(
        "SELECT barcode FROM order_specimens WHERE order_id = ?", (order,)
    )
    return str(row.get)


def test_a_patient_number_that_looks_alike_is_suggested_and_not_matched() -> None:
    connection = database()
    patient = patients.register(connection, Person((Identifier("MRN10042"),)), 0)
    order = OrderData("P1", "", "GLU", specimens=(SpecimenData("26S0042"),))
    placing.place(connection, order, patient, 1, NOW, WEEK)
    for policy in Policy:
        for typed in ("MRN10043", "MRN10024", "MRN1042", "mrn10042"):
            sent = report(None, typed, None, "GLU")
            found = decide(connection, sent, Rules({"bench": policy}), NOW)
            assert [p.code for p in found.problems] == [ProblemCode.UNKNOWN_PATIENT]
            assert [one.placer for one in suggestions(connection, sent)] == ["P1"]


def sound(
    town: Town,
    result: Match,
    label: str | None,
    number: str | None,
    person: Person | None,
    meant: int,
) -> bool:
    """The person it went to is who every identification sent with it says.

    A label alone, mistyped into another living label, is that label: nobody could tell."""
    assert result.patient is not None
    living = {one.value for one in result.patient.identifiers}
    owner = {town.numbers[value] for value in living}
    if living & town.dead or len(owner) != 1:
        return False
    (who,) = owner
    said = [town.labels.get(label)] if label in town.labels else []
    said += [town.numbers.get(number)] if number else []
    if label and label in town.cancelled:
        return False
    if person is not None and who != meant and person.name != town.people[who].name:
        return False
    return all(one == who for one in said)


def test_a_label_that_was_mistyped_is_suggested_and_not_matched() -> None:
    connection = database()
    patient = patients.register(connection, Person((Identifier("1"),)), 0)
    order = OrderData("P1", "", "GLU", specimens=(SpecimenData("26S0042"),))
    placing.place(connection, order, patient, 1, NOW, WEEK)
    rules = Rules({"bench": Policy.REQUIRED})
    for typed in ("26S0043", "26S0024", "26S042", "26S00422", "26s0042"):
        found = decide(connection, report(typed, None, None, "GLU"), rules, NOW)
        assert [p.code for p in found.problems] == [ProblemCode.UNKNOWN_ORDER]
        assert found.patient is None
        offered = suggestions(connection, report(typed, None, None, "GLU"))
        assert [one.placer for one in offered] == ["P1"]


def test_a_test_that_was_not_ordered_is_held() -> None:
    connection = database()
    patient = patients.register(connection, Person((Identifier("1"),)), 0)
    order = OrderData("P1", "", "GLU", specimens=(SpecimenData("L"),))
    placing.place(connection, order, patient, 1, NOW, WEEK)
    rules = Rules({"bench": Policy.REQUIRED}, known=frozenset(("GLU", "K")))
    found = decide(connection, report("L", None, None, "K"), rules, NOW)
    assert [p.code for p in found.problems] == [ProblemCode.ORDER_MISMATCH]
    opaque = OrderData("P2", "", "CBC", specimens=(SpecimenData("M"),))
    placing.place(connection, opaque, patient, 1, NOW, WEEK)
    assert not decide(connection, report("M", None, None, "K"), rules, NOW).problems


def test_a_cancelled_or_expired_order_takes_nothing() -> None:
    connection = database()
    patient = patients.register(connection, Person((Identifier("1"),)), 0)
    order = OrderData("P1", "", "GLU", specimens=(SpecimenData("L"),))
    placing.place(connection, order, patient, 1, NOW, WEEK)
    rules = Rules({"bench": Policy.OPTIONAL})
    late = decide(connection, report("L", None, None, "GLU"), rules, NOW + 2 * WEEK)
    assert [p.code for p in late.problems] == [ProblemCode.ORDER_MISMATCH]
    book.change_status(connection, StatusChange("P1", "", None), 1, 0)
    found = decide(connection, report("L", None, None, "GLU"), rules, NOW)
    assert [p.code for p in found.problems] == [ProblemCode.ORDER_MISMATCH]
