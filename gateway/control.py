"""The way in for commands while the gateway runs: a socket in the data folder, for its owner only.

One request a line and one answer a line, both JSON: ``{"verb": ..., "arguments": {...}}`` is
answered ``{"answer": ...}`` or ``{"mistake": "..."}``.  Verbs are those of ``gateway.desk``.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError

NAME = "control.sock"
_LIMIT = 64 * 1024 * 1024
_PATIENCE = 2.0  # s, for what is under way when the gateway stops

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Any]]


class NotRunning(GatewayError):
    """No gateway answers on this data folder."""


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A path short enough for a unix socket, however deep the folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


@asynccontextmanager
async def serve(folder: Path, ask: Ask) -> AsyncIterator[None]:
    """Answers commands until the block ends; one under way then has a moment."""
    lines = _Lines(ask)
    (folder / NAME).unlink(missing_ok=True)
    with _short(folder) as path:
        mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(lines.serve, path, limit=_LIMIT)
        finally:
            os.umask(mask)
    try:
        yield
    finally:
        server.close()
        await lines.close()
        await server.wait_closed()
        (folder / NAME).unlink(missing_ok=True)


class _Lines:
    """Everybody who asks."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._idle: dict[asyncio.Task[None], asyncio.WriteTransport] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        try:
            while not self._closing:
                self._idle[task] = writer.transport
                line = await reader.readline()
                del self._idle[task]
                if not line:
                    break
                writer.write(await _answer(line, self._ask) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return
        finally:
            self._idle.pop(task, None)
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """Hangs up; what is under way is answered within a moment or not at all."""
        self._closing = True
        for transport in self._idle.values():
            transport.abort()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=_PATIENCE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _answer(line: bytes, ask: Ask) -> bytes:
    try:
        request = json.loads(line)
        answer = {"answer": await ask(request["verb"], request.get("arguments", {}))}
    except GatewayError as error:
        answer = {"mistake": str(error)}
    except (ValueError, KeyError, TypeError) as error:
        answer = {"mistake": f"the request is not understood ({type(error).__name__})"}
    return json.dumps(answer).encode()


def began(folder: Path) -> float | None:
    """When the gateway that runs on ``folder`` opened this way in, by its file system's clock."""
    try:
        with _short(folder) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(path)
            return (folder / NAME).stat().st_mtime
    except OSError:
        return None


def ask_running(folder: Path, verb: str, arguments: Mapping[str, Any]) -> Any:
    """Asks the gateway that runs on ``folder``; NotRunning when none does."""
    request = json.dumps({"verb": verb, "arguments": dict(arguments)}).encode() + b"\n"
    try:
        with (
            _short(folder) as path,
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line,
        ):
            line.connect(path)
            line.sendall(request)
            with line.makefile("rb") as file:
                reply = file.readline()
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NotRunning(f"no gateway runs on {folder}") from None
    except OSError as error:
        raise GatewayError(f"the running gateway cannot be asked: {error.strerror}") from None
    if not reply.endswith(b"\n"):
        raise GatewayError("the running gateway closed the line; try again")
    answer = json.loads(reply)
    if "mistake" in answer:
        raise GatewayError(answer["mistake"])
    return answer["answer"]
