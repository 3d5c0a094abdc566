"""``gateway capture``: a live line recorded with timing, as an escaped transcript."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO, cast

from gateway.cli.run import now
from gateway.errors import ConfigurationError
from gateway.notices import LinkState
from gateway.profiles import catalogue
from gateway.protocols.astm import (
    Comment,
    Dialect,
    Direction,
    Receiver,
    Spoken,
    write_wire,
)
from gateway.protocols.errors import ProtocolError
from gateway.transports import AnyAddress, Peer, StreamAddress, maintain


def capture_stream(
    stream: str, output: Path, profile: str, answer: bool, seconds: float | None
) -> int:
    """Records until Ctrl-C (or ``seconds``); every line is in the file before it is answered."""
    try:
        address = StreamAddress.parse(stream)
    except ValueError as error:
        raise ConfigurationError([f"STREAM: {error}"]) from None
    known = catalogue()
    if profile not in known:
        names = ", ".join(sorted(known))
        raise ConfigurationError([f"--profile: unknown profile '{profile}'; known: {names}"])
    dialect = known[profile].link.dialect or Dialect()
    try:
        file = output.open("x", encoding="utf-8")
    except FileExistsError:
        raise ConfigurationError([f"{output}: exists already; choose another name"]) from None
    except OSError as error:
        raise ConfigurationError([f"{output}: {(error.strerror or 'error').lower()}"]) from None
    output.chmod(0o600)
    with file:
        recording = Recording(file)
        recording.comment(f"{profile} on {stream}, {now().isoformat(timespec='seconds')}")
        recording.comment("answered as the gateway does" if answer else "only listened")
        asyncio.run(_record(address, recording, dialect if answer else None, seconds))
    print(
        f"{recording.pieces} piece(s) in {output}; it may name patients: keep it safe",
        file=sys.stderr,
    )
    return 0


class Recording:
    """A transcript that grows; each line is flushed when it is complete."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._last = time.monotonic()
        self.pieces = 0

    def comment(self, text: str) -> None:
        self._file.write(write_wire([Comment(f"# {text}")]))

    def spoke(self, direction: Direction, data: bytes) -> None:
        moment = time.monotonic()
        passed, self._last = moment - self._last, moment
        seconds = Decimal(f"{passed:.3f}")
        self._file.write(write_wire([Spoken(direction, data, seconds)]))
        self._file.flush()
        self.pieces += 1


class Ear(asyncio.Protocol):
    """Writes down what arrives; answers like the gateway when given a dialect."""

    def __init__(self, recording: Recording, dialect: Dialect | None) -> None:
        self._recording = recording
        self._receiver = None if dialect is None else Receiver(dialect)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._recording.spoke(Direction.DEVICE, data)
        if self._receiver is None or self._transport is None:
            return
        try:
            self._receiver.receive_data(data)
            while (event := self._receiver.next_event()) is not None:
                self._answer(type(event).__name__)
        except ProtocolError:
            self._transport.abort()

    def _answer(self, event: str) -> None:
        if self._receiver is None or self._transport is None or not self._receiver.awaiting:
            return
        damaged = event == "FrameDamaged"
        reply = self._receiver.refuse() if damaged else self._receiver.accept()
        if reply:
            self._recording.spoke(Direction.HOST, reply)
            self._transport.write(reply)


async def _record(
    address: AnyAddress, recording: Recording, dialect: Dialect | None, seconds: float | None
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def connect(_peer: Peer) -> Ear:
        return Ear(recording, dialect)

    def observe(state: LinkState, text: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {state.value}: {text}", file=sys.stderr)

    line = asyncio.create_task(maintain(address, connect, observe=observe))
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
    line.cancel()
    with suppress(asyncio.CancelledError):
        await line
