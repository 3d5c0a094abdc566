"""An EHR's side of a working day: patients are admitted, tests ordered, a tube at a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.profiles.samples import Sample
from simulators.orderer import Orderer

_NAMES = ("DOE^JANE", "TEST^ALEX", "SAMPLE^SAM", "DOE^JOHN", "TEST^ROBIN")
_BIOPSY = "US-BIOPSY^Ultrasound guided biopsy^L"


@dataclass(frozen=True, slots=True)
class Placed:
    """An order the gateway accepted."""

    placer: str
    specimen: str
    patient: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scheduled:
    """An exam the gateway has on its worklist."""

    placer: str
    patient: str


class Ward:
    """``tests`` are the codes it orders from; ``placed`` hears of each order."""

    def __init__(
        self,
        orderer: Orderer,
        rng: random.Random,
        tests: Sequence[str],
        placed: Callable[[Placed], None] = lambda _: None,
    ) -> None:
        self._orderer = orderer
        self._rng = rng
        self._tests = tuple(tests)
        self._placed = placed
        self._number = rng.randrange(1000, 5000)

    async def admit(self, samples: Sequence[Sample]) -> None:
        """The EHR knows whom these samples are of before they are measured."""
        people = {one.patient: one.name or "" for one in samples if one.patient}
        steps = [{"patient": {"id": number, "name": name}} for number, name in people.items()]
        if steps:
            await self._orderer.run(steps)

    async def order(self) -> Placed:
        """One tube of one patient."""
        self._number += 1
        number = self._number
        count = self._rng.randint(1, len(self._tests))
        tests = tuple(self._rng.sample(self._tests, count))
        order = Placed(f"P{number:05d}", f"26W{number:05d}", f"WARD{number:05d}", tests)
        person = {"id": order.patient, "name": self._rng.choice(_NAMES), "birth": "19700101"}
        asked = {
            "placer": order.placer,
            "patient": order.patient,
            "specimen": order.specimen,
            "tests": list(tests),
        }
        await self._orderer.run([{"patient": person}, {"order": asked}])
        self._placed(order)
        return order

    async def schedule(self) -> Scheduled:
        """An ultrasound guided biopsy of one patient, for the worklist."""
        self._number += 1
        exam = Scheduled(f"U{self._number:05d}", f"WARD{self._number:05d}")
        person = {"id": exam.patient, "name": self._rng.choice(_NAMES), "birth": "19700101"}
        asked = {"placer": exam.placer, "patient": exam.patient, "procedure": _BIOPSY}
        await self._orderer.run([{"patient": person}, {"exam": asked}])
        return exam

    async def run(self, pause: float) -> None:
        """Until cancelled."""
        while True:
            await self.order()
            await asyncio.sleep(pause * self._rng.uniform(0.6, 1.4))
