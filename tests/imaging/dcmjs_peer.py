"""dcmjs-dimse as an independent peer: a process that asks, and one that is asked.

``make peers`` installs it beside the test tools where npm is at hand.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from services_site import DEADLINE, UNIT

INSTALLED = Path(sys.prefix) / "peers-node"
SCRIPTS = Path(__file__).parents[1] / "peers_node"
ENVIRONMENT = {**os.environ, "NODE_PATH": str(INSTALLED / "node_modules")}
PIPE = asyncio.subprocess.PIPE

at_hand = pytest.mark.skipif(
    not (INSTALLED / ".ready").is_file(),
    reason="dcmjs-dimse is tested where npm is at hand (make peers)",
)


def digest(data_set: bytes) -> str:
    """What the peer says of a data set that it sent or got: the SHA-256 of its bytes."""
    return hashlib.sha256(data_set).hexdigest()


def conversation(
    port: int, *requests: dict[str, Any], calling: str = UNIT, host: str = "127.0.0.1", **more: Any
) -> dict[str, Any]:
    """One association: what it asks, in this order."""
    where = {"host": host, "port": port, "calling": calling, "called": "GATEWAY"}
    return {**where, "requests": requests, **more}


async def converse(*conversations: dict[str, Any]) -> list[dict[str, Any]]:
    """What came of each."""
    plan = json.dumps({"conversations": conversations}).encode()
    process = await asyncio.create_subprocess_exec(
        "node", SCRIPTS / "requestor.js", stdin=PIPE, stdout=PIPE, stderr=PIPE, env=ENVIRONMENT
    )
    try:
        out, mistakes = await asyncio.wait_for(process.communicate(plan), DEADLINE)
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, mistakes.decode()
    found: list[dict[str, Any]] = json.loads(out)
    return found


async def ask(port: int, *requests: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The answers on one association that was released in order."""
    (found,) = await converse(conversation(port, *requests, **more))
    assert found["released"], found
    answers: list[dict[str, Any]] = found["answers"]
    return answers


@dataclass(slots=True)
class Listening:
    """dcmjs-dimse as an archive, or as a unit that waits for its reports."""

    port: int
    _said: asyncio.StreamReader
    past: list[dict[str, Any]] = field(default_factory=list)

    async def next(self, event: str) -> dict[str, Any]:
        """The next of this kind; what happened before it is passed over."""
        async with asyncio.timeout(DEADLINE):
            while line := await self._said.readline():
                self.past.append(json.loads(line))
                if self.past[-1]["event"] == event:
                    return self.past[-1]
        raise AssertionError(f"it ended without {event}")


@asynccontextmanager
async def listening(**plan: Any) -> AsyncIterator[Listening]:
    """On a port of its own choice; ended with the block."""
    process = await asyncio.create_subprocess_exec(
        *("node", SCRIPTS / "archive.js", json.dumps(plan)),
        stdin=PIPE, stdout=PIPE, env=ENVIRONMENT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        peer = Listening(0, process.stdout)
        peer.port = (await peer.next("listening"))["port"]
        yield peer
    finally:
        process.kill()
        await process.wait()
