"""``gateway capture``: a live line recorded with timing, as an escaped transcript."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from gateway.cli.private import new_private
from gateway.cli.run import now
from gateway.drivers import DeviceLink, Noise, Site
from gateway.errors import ConfigurationError, StoreError
from gateway.intake import Arrival
from gateway.lines import link_for
from gateway.notices import LinkState, Noticeboard
from gateway.profiles import AnalyzerProfile, catalogue
from gateway.protocols.astm import Comment, Direction, Spoken, write_wire
from gateway.transports import AnyAddress, Peer, StreamAddress, maintain
from gateway.transports.tape import Tape


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
    try:
        file = new_private(output)
    except FileExistsError:
        raise ConfigurationError([f"{output}: exists already; choose another name"]) from None
    except OSError as error:
        raise ConfigurationError([f"{output}: {(error.strerror or 'error').lower()}"]) from None
    with file:
        recording = Recording(file)
        recording.comment(f"{profile} on {stream}, {now().isoformat(timespec='seconds')}")
        recording.comment("answered as the gateway does" if answer else "only listened")
        answering = known[profile] if answer else None
        asyncio.run(_record(address, recording, answering, seconds))
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
    """Writes down what arrives; answers as the gateway does when given a profile."""

    def __init__(self, recording: Recording, profile: AnalyzerProfile | None) -> None:
        self._recording = recording
        self._link: DeviceLink | None = None
        if profile is not None:
            tape = Spoke(recording)
            notices = Noticeboard(now)
            site = Site("capture", ("capture",), Kept(), Nobody(), notices, Noise(1), tape)
            self._link = link_for([profile], site, "capture", asyncio.get_running_loop())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._link is not None:
            self._link.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._recording.spoke(Direction.DEVICE, data)
        if self._link is not None:
            self._link.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._link is not None:
            self._link.connection_lost(exc)


class Spoke(Tape):
    """What we say goes into the recording before it goes out."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording

    def device(self, data: bytes) -> None:
        """It is written down already."""

    def host(self, data: bytes) -> None:
        self._recording.spoke(Direction.HOST, data)


class Kept:
    """A journal for bytes that are in a file before anybody asks."""

    accepting = True

    def __init__(self) -> None:
        self._last = 0

    def open_transmission(self, _device: str, _protocol: str, _peer: str) -> int:
        self._last += 1
        return self._last

    def append(
        self,
        _transmission: int,
        _entry: bytes,
        done: Callable[[StoreError | None], None],
        *,
        evidence: bool = False,
    ) -> None:
        asyncio.get_running_loop().call_soon(done, None)

    def evidence(self, _transmission: int, _entry: bytes) -> None:
        """It is in the file."""


class Nobody:
    """Nothing is read here."""

    def complete(self, _arrival: Arrival) -> None:
        """A recording ends nowhere."""

    def incomplete(self, _arrival: Arrival, _reason: str) -> None:
        """It is in the file all the same."""


async def _record(
    address: AnyAddress,
    recording: Recording,
    profile: AnalyzerProfile | None,
    seconds: float | None,
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def connect(_peer: Peer) -> Ear:
        return Ear(recording, profile)

    def observe(state: LinkState, text: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {state.value}: {text}", file=sys.stderr)

    line = asyncio.create_task(maintain(address, connect, observe=observe))
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
    line.cancel()
    with suppress(asyncio.CancelledError):
        await line
