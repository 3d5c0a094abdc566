"""The power goes at any moment: every promise is kept.  A kill test cannot see this.

``GATEWAY_CUTS`` sets how often (a short run by default), ``GATEWAY_KILL_SEED`` when.
"""

from __future__ import annotations

import asyncio
import copy
import os
import random
from pathlib import Path

import apsw
import pytest
from power_cut import Power, power
from store_oracle import Promises, check
from store_samples import Clock, append, open_store
from store_victim import recover, work

from gateway.store import lifecycle

CUTS = int(os.environ.get("GATEWAY_CUTS", "20"))
SEED = int(os.environ.get("GATEWAY_KILL_SEED", "20260105"))


async def cut_under_load(
    directory: Path, target: Path, supply: Power, rng: random.Random
) -> list[tuple[Path, Promises]]:
    """One store at work, cut several times; each cut with what had been promised by then."""
    cuts: list[tuple[Path, Promises]] = []
    promises = Promises()
    store = await open_store(directory)
    stopping = asyncio.Event()
    working = asyncio.create_task(work(store, stopping, promises.say))
    for n in range(5):
        await asyncio.sleep(rng.uniform(0.0, 0.1))
        so_far = copy.deepcopy(promises)
        cuts.append((supply.cut(target / f"cut-{n}", rng), so_far))
    stopping.set()
    await working
    await recover(store)
    await store.aclose()
    return cuts


@pytest.mark.timeout(60 + CUTS * 5)
async def test_every_promise_outlives_a_power_cut(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    promised = 0
    for n in range(0, CUTS, 5):
        target = made(tmp_path / f"cuts-{n}")
        with power() as supply:
            cuts = await cut_under_load(tmp_path / f"data-{n}", target, supply, rng)
        for directory, promises in cuts:
            await check(directory, promises)
            promised += promises.total() + len(promises.closed) + len(promises.delivered)
    assert promised > 100


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def test_the_test_sees_a_store_that_does_not_sync(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``synchronous=NORMAL`` a kill loses nothing and a power cut loses promises."""
    begin = lifecycle.Writer.start

    def careless(writer: lifecycle.Writer) -> None:
        writer._connection.pragma("synchronous", "normal")
        begin(writer)

    monkeypatch.setattr(lifecycle.Writer, "start", careless)
    with power() as supply:
        store = await open_store(tmp_path / "data", clock)
        number = store.open_transmission("device", "astm", "")
        await append(store, number, b"promised")
        left = supply.cut(tmp_path / "cut", NothingLoose())
        await store.aclose()
    monkeypatch.undo()
    again = await open_store(left, clock)
    assert again.unfinished() == []
    await again.aclose()


class NothingLoose(random.Random):
    """Chooses that nothing but the durable survives."""

    def choice(self, seq: object) -> float:  # type: ignore[override]
        return 0.0


def test_the_disk_keeps_only_what_was_synced(tmp_path: Path) -> None:
    with power() as supply:
        connection = apsw.Connection(str(tmp_path / "plain.db"))
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.execute("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)")
        left = supply.cut(tmp_path / "cut", NothingLoose())
        connection.close()
    again = apsw.Connection(str(left / "plain.db"))
    assert again.execute("SELECT n FROM t").get == 1
    again.close()
