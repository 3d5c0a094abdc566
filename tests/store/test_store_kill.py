"""The store's process dies at any moment: every promise it made is kept.

``GATEWAY_KILLS`` sets how often (a short run by default), ``GATEWAY_KILL_SEED`` when.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_oracle import Promises, check
from store_samples import Clock, file, filing, message, open_store, report

from gateway.errors import StoreError
from gateway.store import Store
from gateway.store.migrate import package_steps

KILLS = int(os.environ.get("GATEWAY_KILLS", "8"))
SEED = int(os.environ.get("GATEWAY_KILL_SEED", "20260105"))
HERE = Path(__file__).parent


def run_victim(directory: Path, lifetime: float, promises: Promises) -> None:
    """From its first word on the victim has ``lifetime`` seconds."""
    command = [sys.executable, str(HERE / "store_victim.py"), str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as victim:
        assert victim.stdout is not None
        first = victim.stdout.readline()
        assert first == b"ready\n"
        deadline = time.monotonic() + lifetime
        lines: list[bytes] = []
        while time.monotonic() < deadline:
            lines.append(victim.stdout.readline())
        os.kill(victim.pid, signal.SIGKILL)
        lines += victim.stdout.read().splitlines(keepends=True)
        promises.hear(line for line in lines if line.endswith(b"\n"))


@pytest.mark.timeout(60 + KILLS * 10)
def test_every_promise_outlives_a_kill(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    promises = Promises()
    for _ in range(KILLS):
        run_victim(tmp_path / "data", rng.uniform(0.0, 0.3), promises)
        asyncio.run(check(tmp_path / "data", promises))
    assert promises.total() > 100
    assert promises.closed
    assert promises.delivered
    assert promises.other == []


STEPS = [
    f"CREATE TABLE extra_{n} (id INTEGER PRIMARY KEY, body TEXT);"
    + "".join(f"INSERT INTO extra_{n} VALUES ({row}, '{'x' * 2000}');" for row in range(600))
    for n in range(6)
]
MIGRATION = f"""
import asyncio, os, sys
from datetime import UTC, datetime
from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
from test_store_kill import STEPS
from gateway.errors import StoreError
from gateway.store import Store
from gateway.store.migrate import package_steps

async def main():
    os.write(1, b"ready\\n")
    steps = (*package_steps(), *STEPS)
    store = await Store.open(Path(sys.argv[1]), clock=lambda: datetime.now(UTC), steps=steps)
    await store.aclose()

asyncio.run(main())
"""


async def prepared(directory: Path) -> None:
    store = await open_store(directory)
    for n in range(50):
        await file(store, filing(report(n, message(n))))
    await store.aclose()


@pytest.mark.timeout(60 + KILLS * 10)
def test_a_migration_killed_midway_is_done_or_not(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    reached = set()
    for n in range(KILLS):
        directory = tmp_path / f"data-{n}"
        asyncio.run(prepared(directory))
        command = [sys.executable, "-c", MIGRATION, str(directory)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as victim:
            assert victim.stdout is not None
            victim.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.15))
            os.kill(victim.pid, signal.SIGKILL)
        reached.add(asyncio.run(check_migrated(directory)))
    assert reached <= set(range(len(STEPS) + 1))


async def check_migrated(directory: Path) -> int:
    """Opens with every number of steps until one fits; each table of a step is whole or absent."""
    for done in range(len(STEPS) + 1):
        steps = (*package_steps(), *STEPS[:done])
        try:
            store = await Store.open(directory, clock=Clock(), read_only=True, steps=steps)
        except StoreError as error:
            if "newer version" not in str(error):
                raise
            continue
        try:
            await check_tables(store, done)
        finally:
            await store.aclose()
        return done
    raise AssertionError("no schema fits")


async def check_tables(store: Store, done: int) -> None:
    tables = await store.engine.read(
        lambda c: [
            name
            for (name,) in c.execute("SELECT name FROM sqlite_master WHERE name LIKE 'extra_%'")
        ]
    )
    assert sorted(tables) == [f"extra_{n}" for n in range(done)]
    for table in tables:
        count = await store.engine.read(
            lambda c, t=table: c.execute(f"SELECT COUNT(*) FROM {t}").get
        )
        assert count == 600
    assert len(await store.reports.list()) == 50
    assert (await store.sweep()).clean
