"""The parent's side: one child a request, few at once, bounded in memory and time, then killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.rendering.trouble import Trouble

SECONDS: Final = 20.0
MEMORY: Final = 1024 * 1024 * 1024
OUTPUT: Final = 128 * 1024 * 1024
_AT_ONCE: Final = 2
_CHILD: Final = "gateway.rendering.child"
_ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}

Looked = list[bytes]


class Unrenderable(GatewayError):
    """Nothing can be made of it: says what kind of trouble it was."""


class Renderer:
    """``look`` has a child answer one request and gives the parts of the answer.  ``file``: the
    longest file a child may write, in bytes."""

    def __init__(self, *, seconds: float = SECONDS, memory: int = MEMORY, file: int = 0) -> None:
        self._seconds = seconds
        self._memory = memory
        self._file = file
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def look(self, request: Mapping[str, Any]) -> Looked:
        limits = {"memory": self._memory, "seconds": int(self._seconds) + 1, "output": OUTPUT}
        limits["file"] = self._file
        asked = json.dumps({**request, "limits": limits}).encode()
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-s", "-m", _CHILD),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=_ENVIRONMENT,
            )
            try:
                async with asyncio.timeout(self._seconds):
                    out, _ = await process.communicate(asked)
            except TimeoutError:
                raise Unrenderable("it took too long") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode != 0:
            raise Unrenderable(_REASONS.get(process.returncode or 0, "the decoder failed"))
        return _parts(out)


_REASONS: Final[Mapping[int, str]] = {
    Trouble.UNDECODABLE: "it cannot be decoded",
    Trouble.NO_SUCH_FRAME: "there is no such frame",
    Trouble.TOO_LARGE: "it is too large",
    Trouble.NO_PICTURE: "it holds no picture",
}


def _parts(out: bytes) -> Looked:
    """Each is preceded by its length, eight bytes big endian."""
    parts, at = [], 0
    while at < len(out):
        length = int.from_bytes(out[at : at + 8], "big")
        parts.append(out[at + 8 : at + 8 + length])
        at += 8 + length
    return parts
