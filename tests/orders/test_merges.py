"""Merges in every order (chained, repeated, turned round, before anything is known) against a model
that knows nothing of tables: whom a number leads to, and that results only go to living ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import apsw

from gateway.matching import Policy, Rules, decide
from gateway.orders import patients, placing
from gateway.orders.model import Identifier, Merge, OrderData, Person, SpecimenData
from gateway.report import (
    Code,
    Device,
    Kind,
    Observation,
    Patient,
    PatientId,
    Quantity,
    Report,
    Source,
    Specimen,
)
from gateway.store.migrate import package_steps

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Model:
    """Persons as sets of numbers; a number is alive until it was merged away."""

    def __init__(self) -> None:
        self.persons: list[set[str]] = []
        self.alive: set[str] = set()

    def person(self, number: str) -> set[str]:
        for one in self.persons:
            if number in one:
                return one
        self.persons.append({number})
        self.alive.add(number)
        return self.persons[-1]

    def known(self, number: str) -> bool:
        return any(number in one for one in self.persons)

    def merge(self, prior: str, survivor: str) -> None:
        new = not self.known(prior)
        kept = self.person(survivor)
        if prior in kept and prior not in self.alive:
            return  # said before
        if prior in kept:
            self.alive.add(survivor)  # the merge before is turned round
        else:
            gone = self.person(prior)
            self.persons.remove(gone)
            kept |= gone
        self.alive.discard(prior)
        assert not new or prior in kept


def result(label: str | None, number: str | None) -> Report:
    one = Observation(Code("GLU"), Quantity("5.5"), "5.5", observed_at=NOW)
    ids = (PatientId(number, "P.3"),) if number else ()
    device = Device("bench", "generic-astm")
    whose = Patient(ids)
    return Report(
        "r", device, Kind.PATIENT, Specimen(label), whose, NOW, (one,), (), Source("1", "a")
    )


def test_two_hundred_towns_of_merges() -> None:
    rules = Rules({"bench": Policy.OPTIONAL}, known=frozenset(("GLU",)))
    looked = 0
    for seed in range(200):
        rng = random.Random(seed)
        connection = apsw.Connection(":memory:")
        for step in package_steps():
            connection.execute(step)
        model, numbers = Model(), [f"N{n}" for n in range(8)]
        labels: dict[str, str] = {}
        for act in range(40):
            one, other = rng.sample(numbers, 2)
            match rng.choice(("register", "order", "merge", "merge", "repeat", "result")):
                case "register":
                    patients.register(connection, Person((Identifier(one),)), act)
                    model.person(one)
                case "order" if model.known(one):
                    owner = patients.register(connection, Person((Identifier(one),)), act)
                    label = f"L{act}"
                    data = OrderData(f"P{act}", "", "GLU", specimens=(SpecimenData(label),))
                    placing.place(connection, data, owner, act, NOW, timedelta(days=9))
                    labels[label] = one
                case "merge" | "repeat":
                    change = Merge(Person((Identifier(other),)), (Identifier(one),))
                    for _ in range(rng.randint(1, 2)):
                        patients.merge(connection, change, act, act)
                        model.merge(one, other)
                case _:
                    looked += 1
                    label, number = None, one
                    if labels and rng.random() < 0.5:
                        label, number = rng.choice(list(labels)), None
                    found = decide(connection, result(label, number), rules, NOW)
                    meant = labels[label] if label else one
                    if not model.known(meant):
                        assert found.problems
                        continue
                    assert found.patient is not None
                    sent = {identifier.value for identifier in found.patient.identifiers}
                    assert sent, "a patient without a living number"
                    assert sent == model.person(meant) & model.alive, (seed, act)
        connection.close()
    assert looked > 1_000
