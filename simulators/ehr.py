"""An EHR stand-in: receives HL7 over MLLP, keeps what it got, answers as its script says.

Written on plain sockets and ``bytes.split`` on purpose: nothing of the gateway's own message code
is used, so that what it accepts was judged by somebody else.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

_START, _END = b"\x0b", b"\x1c\r"
_POINT_OF_CARE = (b"R30", b"R31", b"R32")
_LIMIT = 32 * 1024 * 1024


class Answer(StrEnum):
    """What the EHR does with a message; the last one of a script goes on for ever."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"
    SILENCE = "silence"
    GARBAGE = "garbage"
    EMPTY = "empty"
    WRONG_ID = "wrong-id"
    CLOSE = "close"
    TWICE = "twice"


@dataclass(slots=True)
class Inbox:
    """Everything an EHR got and what it answered, in order."""

    messages: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def add(self, message: bytes, answer: str) -> None:
        self.messages.append(message)
        self.answers.append(answer)


class Ehr:
    """``answers`` is the script; ``delay`` seconds pass before each answer."""

    def __init__(
        self,
        answers: Sequence[Answer] = (Answer.AA,),
        *,
        delay: float = 0.0,
        record: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        keep: bool = True,
        watcher: Callable[[bytes, str], None] | None = None,
    ) -> None:
        if not answers:
            raise ValueError("an EHR needs at least one answer")
        self.inbox = Inbox()
        self._answers = tuple(answers)
        self._delay = delay
        self._record = record
        self._clock = clock
        self._keep = keep
        self._watcher = watcher
        self._count = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def listen(self, host: str, port: int) -> int:
        """Opens the listener; the port it got (useful with port 0)."""
        if self._record is not None:
            self._record.mkdir(parents=True, exist_ok=True)
        self._server = await asyncio.start_server(self._serve, host, port, limit=_LIMIT)
        return int(self._server.sockets[0].getsockname()[1])

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None
            await asyncio.sleep(0)

    @property
    def received(self) -> int:
        return self._count

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                block = await reader.readuntil(_END)
                message = block[block.rfind(_START) + 1 : -len(_END)]
                if not await self._answer(message, writer):
                    return
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        except asyncio.CancelledError:
            return  # the EHR is switched off
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, message: bytes, writer: asyncio.StreamWriter) -> bool:
        answer = self._answers[min(self._count, len(self._answers) - 1)]
        self._count += 1
        if self._record is not None:
            name = f"{self._count:06d}.hl7"
            await asyncio.to_thread(_keep_file, self._record / name, message)
        if self._delay:
            await asyncio.sleep(self._delay)
        if self._keep:
            self.inbox.add(message, answer.value)
        if self._watcher is not None:
            self._watcher(message, answer.value)
        if answer is Answer.CLOSE:
            return False
        for reply in self._replies(answer, message):
            writer.write(reply)
        await writer.drain()
        return True

    def _replies(self, answer: Answer, message: bytes) -> tuple[bytes, ...]:
        match answer:
            case Answer.SILENCE:
                return ()
            case Answer.GARBAGE:
                return (_START + b"this is not HL7" + _END,)
            case Answer.EMPTY:
                return (_START + _END,)
            case Answer.WRONG_ID:
                return (self._acknowledgment("AA", message, b"NOT-YOURS"),)
            case Answer.TWICE:
                return (self._acknowledgment("AA", message),) * 2
            case _:
                return (self._acknowledgment(answer.value, message),)

    def _acknowledgment(self, code: str, message: bytes, control: bytes | None = None) -> bytes:
        header = message.split(b"\r", 1)[0].split(b"|")
        version = header[11] if len(header) > 11 else b"2.5.1"
        sent = header[9] if len(header) > 9 else b""
        kind = header[8].split(b"^")[1] if len(header) > 8 and b"^" in header[8] else b""
        now = self._clock().strftime("%Y%m%d%H%M%S").encode()
        msh = (
            b"MSH",
            b"^~\\&",
            b"EHR",
            b"CLINIC",
            b"GATEWAY",
            b"",
            now,
            b"",
            b"ACK^R33^ACK" if kind in _POINT_OF_CARE else b"ACK^R01^ACK",
            b"A%07d" % self._count,
            b"P",
            version,
        )
        msa = (b"MSA", code.encode(), sent if control is None else control)
        lines = [b"|".join(msh), b"|".join(msa)]
        if kind in (b"R30", b"R31") and code == "AA":
            lines.append(b"ORC|OK|POC%05d^EHR" % self._count)
        return _START + b"".join(line + b"\r" for line in lines) + _END


def _keep_file(path: Path, message: bytes) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        file.write(message)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
