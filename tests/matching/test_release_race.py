"""A merge between the writing of a released message and its queueing: the message is not queued."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from bench import START, Bench

from gateway.desk.parts import Parts
from gateway.desk.releasing import Releasing
from gateway.desk.replay import Replay
from gateway.orders import patients, placing
from gateway.orders.model import Identifier, Merge, OrderData, Person, SpecimenData
from gateway.store import OutboxMessage, OutOfDate, Store


class Interrupted(Releasing):
    """The EHR merges the patient after the messages were written."""

    def __init__(self, bench: Bench) -> None:
        self.store = bench.store
        parts = SimpleNamespace(
            store=bench.store, router=bench.router, clock=bench.clock, running=False
        )
        super().__init__(cast("Parts", parts))

    async def messages(self, *arguments: Any) -> Sequence[OutboxMessage]:
        written = await super().messages(*arguments)
        prior, survivor = Identifier("MRN1", "EHR", "MR"), Identifier("MRN9", "EHR", "MR")
        change = Merge(Person((survivor,)), (prior,))
        await self.store.engine.write(lambda c: patients.merge(c, change, 1, 1))
        return written


async def test_a_replay_that_was_overtaken_by_a_merge_leaves_it_alone(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, clock=lambda: START)
    try:
        bench = Bench(store)
        await bench.result("L1", "GLU=5.5")
        await bench.order("P1", "L9")
        specimen = SpecimenData("L1")
        data = OrderData("P2", "EHR", "GLU", specimens=(specimen,))

        def place(connection: Any) -> None:
            (owner,) = patients.with_number(connection, "MRN1")
            placing.place(connection, data, owner, 1, START, timedelta(days=1))

        await store.engine.write(place)  # and nobody was woken
        parts = SimpleNamespace(
            store=store, router=bench.router, clock=bench.clock, intake=bench.intake
        )

        class Overtaken(Replay):
            async def _read(self, number: int) -> Any:
                found = await super()._read(number)
                prior, survivor = Identifier("MRN1", "EHR", "MR"), Identifier("MRN9", "EHR", "MR")
                change = Merge(Person((survivor,)), (prior,))
                await store.engine.write(lambda c: patients.merge(c, change, 1, 1))
                return found

        done = await Overtaken(cast("Parts", parts)).run({"user": "ada"})
        assert [c["done"] for c in done["changes"]] == ["left alone: its patient changes just now"]
        assert await bench.sent() == []
        assert await bench.reasons() == [["unknown-order", "no-patient"]]
        done = await Replay(cast("Parts", parts)).run({"user": "ada"})
        assert [c["done"] for c in done["changes"]] == ["released"]
        assert [m["PID"][3] for m in await bench.sent()] == ["MRN9^^^EHR^MR"]
        assert await bench.balanced()
    finally:
        await store.aclose()


async def test_one_decision_settles_every_revision_before_it(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, clock=lambda: START)
    try:
        bench = Bench(store)
        await bench.order("P1", "L1")
        for value in ("5.5", "5.6", "5.7"):
            await bench.result("L7", f"GLU={value}")
        held = await store.holds.list()
        assert [hold.revision for hold in held] == [1, 2, 3]
        item = await store.holds.show(held[1].id)
        assert item is not None
        assert item.report is not None
        parts = SimpleNamespace(store=store, router=bench.router, clock=bench.clock, running=False)
        releasing = Releasing(cast("Parts", parts))
        await releasing.release(item, item.report, "P1", "ada", "label read")
        assert [hold.revision for hold in await store.holds.list()] == [3]
        assert [(m["OBX"][5], m["OBX"][11]) for m in await bench.sent()] == [("5.6", "F")]
        assert await bench.balanced()
    finally:
        await store.aclose()


async def test_a_release_that_was_overtaken_by_a_merge_is_made_anew(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, clock=lambda: START)
    try:
        bench = Bench(store)
        await bench.order("P1", "L1")
        await bench.result("L7", "GLU=5.5")
        (hold,) = await store.holds.list()
        item = await store.holds.show(hold.id)
        assert item is not None
        assert item.report is not None
        releasing = Interrupted(bench)
        with pytest.raises(OutOfDate):
            await releasing.release(item, item.report, "P1", "ada", "label read")
        assert await bench.sent() == []
        assert len(await store.holds.list()) == 1
        await releasing.release(item, item.report, "P1", "ada", "label read")
        (message,) = await bench.sent()
        assert message["PID"][3] == "MRN9^^^EHR^MR"
        assert [entry.action for entry in await store.audit.list()] == ["release"]
    finally:
        await store.aclose()
