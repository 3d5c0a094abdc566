"""The parent's side of the second process: started when it is wanted, ended when it is idle.

Nothing depends on it.  What it was asked when it dies, or says nothing for too long, is answered
with None: whoever asked still has the arrivals, and the journal has their bytes.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from gateway import logs
from gateway.intake.arrival import Arrival
from gateway.intake.drafting import Draft, Setup, unpacked
from gateway.logs import describe

Told = Callable[[Sequence[Draft | None]], None]

_PROMPT: Final = 5.0  # seconds for a start that others wait for
_PATIENCE: Final = 60.0  # seconds for a start, or for a batch
_IDLE: Final = 60.0  # seconds without a question
_TRIES: Final = 3  # starts that may fail before it is left alone
# Ctrl-C in a terminal is the parent's.  No session of its own: Linux shares the processor out
# between sessions first, and its niceness would mean nothing.
_CHILD: Final = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
from gateway.intake.drafting_child import main
sys.exit(main())
"""


class DraftingProcess:
    """``changed`` is called when it becomes ready, takes long to become so, or is gone.

    ``promising``: it was started a moment ago and is worth waiting for.
    """

    def __init__(
        self,
        setup: Setup,
        changed: Callable[[], None],
        *,
        idle: float = _IDLE,
        program: str = _CHILD,
    ) -> None:
        self._setup = setup
        self._changed = changed
        self._idle = idle
        self._program = program
        self._running: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._asked: deque[tuple[int, Told]] = deque()
        self._question = asyncio.Event()
        self._failures = 0
        self.ready = False
        self.promising = False

    @property
    def outstanding(self) -> int:
        """Batches asked and not answered."""
        return len(self._asked)

    @property
    def exhausted(self) -> bool:
        """Whether it failed so often that it is not started any more."""
        return self._failures >= _TRIES

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Begins to start it, unless it runs or has failed too often."""
        if self._running is None and not self.exhausted:
            self.promising = True
            self._running = asyncio.get_running_loop().create_task(self._run())

    def ask(self, arrivals: Sequence[Arrival], now: datetime, told: Told) -> None:
        """``told`` gets a draft for each arrival, or None for those it could not make."""
        process = self._process
        if process is None or process.stdin is None:
            told([None] * len(arrivals))
            return
        self._asked.append((len(arrivals), told))
        self._question.set()
        _send(process, (arrivals, now))

    async def close(self) -> None:
        """Ends it at once."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        late = asyncio.get_running_loop().call_later(_PROMPT, self._slow)
        try:
            await self._converse()
        except Exception as error:  # noqa: BLE001 - whatever ended it, the work is done here
            self._failures += 1
            logs.get().warning("intake.process_failed", failure=describe(error))
        finally:
            late.cancel()
            self.ready = self.promising = False
            await self._end()
            self._running = None
            self._give_back()
            self._changed()

    async def _converse(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                self._program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            _send(process, self._setup)
            await _receive(process)
        self.ready, self.promising = True, False
        self._changed()
        while await self._is_asked():
            async with asyncio.timeout(_PATIENCE):
                answer = await _receive(process)
            drafts = [None if each is None else unpacked(each) for each in answer]
            _, told = self._asked.popleft()
            told(drafts)

    async def _is_asked(self) -> bool:
        """False after a while without a question."""
        if not self._asked:
            self._question.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._idle):
                    await self._question.wait()
        return bool(self._asked)

    def _slow(self) -> None:
        self.promising = False
        self._changed()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _give_back(self) -> None:
        while self._asked:
            count, told = self._asked.popleft()
            told([None] * count)


def _send(process: Process, message: object) -> None:
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    if process.stdin is not None:
        process.stdin.write(len(data).to_bytes(4, "big") + data)


async def _receive(process: Process) -> Any:
    if process.stdout is None:
        raise EOFError
    length = int.from_bytes(await process.stdout.readexactly(4), "big")
    return pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 - from our child
