"""What was answered 0000 survives SIGKILL, and is on disk before the answer is written."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from imaging_site import site
from peers import associated
from samples import data_set

HERE = Path(__file__).parent
KILLS = int(os.environ.get("GATEWAY_KILLS", "4"))


@asynccontextmanager
async def child(folder: Path, *before: str) -> AsyncIterator[tuple[int, int]]:
    """Its process id and port.  Killed at the end, if not before."""
    process = await asyncio.create_subprocess_exec(
        *before,
        sys.executable,
        str(HERE / "node_child.py"),
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[2]}"},
    )
    number = process.pid
    try:
        assert process.stdout is not None
        async with asyncio.timeout(120):
            while not (found := re.fullmatch(rb"(\d+) (\d+)\n", await process.stdout.readline())):
                assert process.returncode is None, "the node did not start"
        number = int(found[2])
        yield number, int(found[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        await process.communicate()


async def keep_sending(port: int, name: str, acknowledged: dict[str, bytes]) -> None:
    """Images of many sizes until the node is gone."""
    rng = random.Random(name)
    with contextlib.suppress(OSError, AssertionError):
        async with associated(port) as peer:
            for number in range(100_000):
                uid = f"1.2.{name}.{number}"
                data = data_set(uid, pixels=rng.randbytes(rng.choice((100, 50_000, 1_500_000))))
                if await peer.store(uid, data) == 0:
                    acknowledged[uid] = hashlib.sha256(data).digest()


async def test_sigkill_at_random_moments_under_four_senders(tmp_path: Path) -> None:
    acknowledged: dict[str, bytes] = {}
    rng = random.Random(7)
    for kill in range(KILLS):
        async with child(tmp_path) as (process, port):
            senders = [
                asyncio.create_task(keep_sending(port, f"{kill}.{number}", acknowledged))
                for number in range(4)
            ]
            await asyncio.sleep(rng.uniform(0.05, 0.8))
            os.kill(process, signal.SIGKILL)
            await asyncio.gather(*senders)
    async with site(tmp_path) as clinic:
        archive = clinic.imaging.archive
        assert not archive.shelves.parts()
        assert acknowledged
        for uid, digest in acknowledged.items():
            found = await archive.index.instance(uid)
            assert found is not None, uid
            raw = archive.shelves.path(found.path).read_bytes()
            assert found.sha256 == digest == hashlib.sha256(raw[found.start :]).digest()
        paths = await archive.index.paths()
        assert {f"{f.parent.name}/{f.name}" for f in clinic.files()} == paths
        assert not await archive.index.quarantined()


TRACED = "fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write,writev,openat"
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(.*)$")


def completed(trace: str) -> list[str]:
    """Calls in the order they returned, with the arguments they began with."""
    begun: dict[tuple[str, str], str] = {}
    done: list[str] = []
    for line in trace.splitlines():
        found = CALL.match(line)
        if not found:
            continue
        thread, name, rest = found.groups()
        if "<unfinished" in rest:
            begun[thread, name] = rest
        else:
            done.append(name + begun.pop((thread, name), rest))
    return done


def where(calls: list[str], *parts: str) -> int:
    """The last call with all of these in it."""
    found = [n for n, call in enumerate(calls) if all(part in call for part in parts)]
    assert found, parts
    return found[-1]


@pytest.mark.peer
async def test_file_name_folder_and_index_are_synced_before_the_answer(tmp_path: Path) -> None:
    trace, folder = tmp_path / "trace", tmp_path / "data"
    folder.mkdir()
    strace = ("strace", "-f", "-yy", "-s", "8", "-e", f"trace={TRACED}", "-o", str(trace))
    async with child(folder, *strace) as (_, port), associated(port) as peer:
        assert await peer.store("1.2.3", data_set("1.2.3")) == 0
        await peer.release()
    calls = completed(trace.read_text())
    order = [
        where(calls, "sync(", ".part>"),
        where(calls, "rename", ".part", ".dcm"),
        where(calls, "fsync(", "/archive/2"),
        where(calls, "sync(", "gateway.db-wal>"),
    ]
    assert order == sorted(order), [calls[n] for n in order]
    sends = [n for n, call in enumerate(calls) if "TCP:[" in call and "send" in call[:4]]
    accepted, answered, released = sends
    assert accepted < order[0]
    assert order[-1] < answered < released


async def test_a_file_without_a_row_is_filed_after_a_start(tmp_path: Path) -> None:
    data = data_set("1.2.3")
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.3", data) == 0
            assert await peer.store("1.2.4", data_set("1.2.4")) == 0
        (clinic.imaging.archive.shelves.incoming / "left.part").write_bytes(b"half")
        await clinic.store.engine.write(
            lambda c: c.execute("DELETE FROM instances WHERE uid = '1.2.3'").get
        )
    async with site(tmp_path) as clinic:
        archive = clinic.imaging.archive
        found = await archive.index.instance("1.2.3")
        assert found is not None
        assert found.calling == "VOLUSON"
        assert archive.shelves.path(found.path).read_bytes()[found.start :] == data
        assert not archive.shelves.parts()
        assert len(clinic.files()) == 2
