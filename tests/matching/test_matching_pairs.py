"""10,000 generated results against a town of twins, namesakes and merged numbers: none to the
wrong person, and everything that is not matched is held and says why."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import apsw

from gateway.matching import Match, Policy, Rules, decide
from gateway.matching.identity import suggestions
from gateway.orders import book, patients
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

    def __init__(self, seed: int, size: int) -> None:
        self.rng = random.Random(seed)
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

    def _settle(self, index: int) -> None:
        rng = self.rng
        twin = index % 5 == 1
        before = self.people[-1] if twin else None
        family = before.name.split("^")[0] if before and before.name else rng.choice(FAMILIES)
        birth = before.birth_date if before else f"19{rng.randint(30, 99)}-0{rng.randint(1, 9)}-11"
        number = f"MRN{1000 + index}"
        person = Person(
            (Identifier(number, "EHR", "MR"),),
            f"{family}^{rng.choice(GIVEN)}",
            birth,
            rng.choice("MF"),
        )
        self.people.append(person)
        self.numbers[number] = index
        patient = patients.register(self.connection, person, 0)
        label = f"26S{index:05d}"
        self.labels[label] = index
        order = OrderData(f"P{index}", "EHR", "GLU", specimens=(SpecimenData(label),))
        book.place(self.connection, order, patient, 1, NOW, WEEK)
        if index % 17 == 3:
            book.change_status(self.connection, StatusChange(f"P{index}", "EHR", None), 1, 0)
            self.cancelled.add(label)

    def _merge(self, index: int) -> None:
        """A second number of the same person, which the EHR then finds out."""
        old = Identifier(f"OLD{1000 + index}", "EHR", "MR")
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


def test_no_result_goes_to_the_wrong_person() -> None:
    town = Town(1, 500)
    rng = town.rng
    rules = {policy: Rules({"bench": policy}, known=frozenset(("GLU", "K"))) for policy in Policy}
    matched = held = wrong = 0
    for _ in range(10_000):
        meant = rng.randrange(500)
        label: str | None = f"26S{meant:05d}"
        number: str | None = rng.choice((f"MRN{1000 + meant}", f"OLD{1000 + meant - meant % 10}"))
        if number and number.startswith("OLD") and meant % 10:
            number = f"MRN{1000 + meant}"
        person: Person | None = town.people[meant]
        fault = rng.randrange(8)
        if fault == 1 and label:
            label = mistype(rng, label)
        elif fault == 2 and number:
            number = mistype(rng, number)
        elif fault == 3:
            person = town.people[(meant + 1) % 500]  # the neighbour's name, perhaps the twin's
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
        policy = rng.choice(tuple(Policy))
        result = decide(town.connection, report(label, number, person, "GLU"), rules[policy], NOW)
        holds = any(problem.hold for problem in result.problems)
        if holds:
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
    book.place(connection, order, patient, 1, NOW, WEEK)
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
    book.place(connection, order, patient, 1, NOW, WEEK)
    rules = Rules({"bench": Policy.REQUIRED}, known=frozenset(("GLU", "K")))
    found = decide(connection, report("L", None, None, "K"), rules, NOW)
    assert [p.code for p in found.problems] == [ProblemCode.ORDER_MISMATCH]
    opaque = OrderData("P2", "", "CBC", specimens=(SpecimenData("M"),))
    book.place(connection, opaque, patient, 1, NOW, WEEK)
    assert not decide(connection, report("M", None, None, "K"), rules, NOW).problems


def test_a_cancelled_or_expired_order_takes_nothing() -> None:
    connection = database()
    patient = patients.register(connection, Person((Identifier("1"),)), 0)
    order = OrderData("P1", "", "GLU", specimens=(SpecimenData("L"),))
    book.place(connection, order, patient, 1, NOW, WEEK)
    rules = Rules({"bench": Policy.OPTIONAL})
    late = decide(connection, report("L", None, None, "GLU"), rules, NOW + 2 * WEEK)
    assert [p.code for p in late.problems] == [ProblemCode.ORDER_MISMATCH]
    book.change_status(connection, StatusChange("P1", "", None), 1, 0)
    found = decide(connection, report("L", None, None, "GLU"), rules, NOW)
    assert [p.code for p in found.problems] == [ProblemCode.ORDER_MISMATCH]
