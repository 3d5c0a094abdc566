"""dcmjs-dimse as an independent peer: a process that asks.

``make peers`` installs it beside the test tools where npm is at hand.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from services_site import DEADLINE, UNIT

INSTALLED = Path(sys.prefix) / "peers-node"
SCRIPTS = Path(__file__).parents[1] / "peers_node"
ENVIRONMENT = {**os.environ, "NODE_PATH": str(INSTALLED / "node_modules")}

at_hand = pytest.mark.skipif(
    not (INSTALLED / ".ready").is_file(),
    reason="dcmjs-dimse is tested where npm is at hand (make peers)",
)


def conversation(
    port: int, *requests: dict[str, Any], calling: str = UNIT, host: str = "127.0.0.1", **more: Any
) -> dict[str, Any]:
    """One association: what it asks, in this order."""
    where = {"host": host, "port": port, "calling": calling, "called": "GATEWAY"}
    return {**where, "requests": requests, **more}


async def converse(*conversations: dict[str, Any]) -> list[dict[str, Any]]:
    """What came of each."""
    plan = json.dumps({"conversations": conversations}).encode()
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "node", SCRIPTS / "requestor.js", stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT
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
