"""Every edit, deletion and reordering of the audit trail is found."""

from __future__ import annotations

import os
import random
from pathlib import Path

import apsw
import pytest
from store_samples import Clock, open_store, tamper

from gateway.store import Store
from gateway.store.audit import verify
from gateway.store.connection import open_writer

EDITS = int(os.environ.get("GATEWAY_AUDIT_EDITS", "200"))
ROWS = 40


async def fill(store: Store, clock: Clock) -> None:
    for n in range(ROWS):
        clock.pass_by(seconds=n)
        await store.audit.record(f"person-{n % 3}", "release", f"hold {n}", f"reason {n}")


async def test_the_trail_reads_and_verifies(store: Store, clock: Clock) -> None:
    empty = await store.audit.verify_chain()
    assert (empty.whole, empty.length) == (True, 0)
    await fill(store, clock)
    state = await store.audit.verify_chain()
    assert (state.whole, state.length) == (True, ROWS)
    assert await store.audit.head() == (ROWS, state.head)
    newest = await store.audit.list(limit=2)
    assert [e.seq for e in newest] == [ROWS, ROWS - 1]
    assert newest[0].subject == f"hold {ROWS - 1}"
    assert [e.seq for e in await store.audit.list(before=3)] == [2, 1]


def edit(connection: apsw.Connection, rng: random.Random) -> None:
    one, other = rng.sample(range(1, ROWS + 1), 2)
    match rng.randrange(6):
        case 0:
            column = rng.choice(["actor", "action", "subject", "detail"])
            connection.execute(f"UPDATE audit SET {column} = {column} || 'x' WHERE seq = ?", (one,))
        case 1:
            connection.execute("DELETE FROM audit WHERE seq = ?", (one,))
        case 2:
            connection.execute("DELETE FROM audit WHERE seq >= ?", (one,))
        case 3:
            connection.execute("UPDATE audit SET seq = -1 WHERE seq = ?", (one,))
            connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (one, other))
            connection.execute("UPDATE audit SET seq = ? WHERE seq = -1", (other,))
        case 4:
            connection.execute("UPDATE audit SET at = at + 1 WHERE seq = ?", (one,))
        case _:
            connection.execute(
                "INSERT INTO audit SELECT seq + ?, at, actor, action, subject, detail, previous, "
                "hash FROM audit WHERE seq = ?",
                (ROWS, one),
            )


async def test_every_change_is_found(store: Store, clock: Clock, directory: Path) -> None:
    await fill(store, clock)
    await store.aclose()
    connection = open_writer(directory / "gateway.db")
    for trigger in ("audit_stay", "audit_leave"):
        connection.execute(f"DROP TRIGGER {trigger}")
    rng = random.Random(4)
    missed = 0
    for _ in range(EDITS):
        connection.execute("BEGIN")
        edit(connection, rng)
        missed += verify(connection).whole
        connection.execute("ROLLBACK")
    assert verify(connection).whole
    connection.close()
    assert missed == 0


@pytest.mark.parametrize("seq", [1, ROWS // 2, ROWS])
async def test_the_first_bad_row_is_named(
    store: Store, clock: Clock, directory: Path, seq: int
) -> None:
    await fill(store, clock)
    await store.aclose()
    tamper(directory, "UPDATE audit SET actor = 'nobody' WHERE seq = ?", seq)
    again = await open_store(directory)
    assert (await again.audit.verify_chain()).broken_at == seq
    await again.aclose()
