"""``gateway spy``: two ports on the two wires of a working link, merged into one transcript.

One adapter hears what the device says, the other what the host says; neither ever writes.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

from gateway.cli.capture import Recording
from gateway.cli.private import new_private
from gateway.cli.run import now
from gateway.errors import ConfigurationError
from gateway.notices import LinkState
from gateway.protocols.astm import Direction
from gateway.transports import AnyAddress, Peer, StreamAddress, maintain


class Tap(asyncio.Protocol):
    """Writes down what one side says."""

    def __init__(self, recording: Recording, direction: Direction) -> None:
        self._recording = recording
        self._direction = direction

    def data_received(self, data: bytes) -> None:
        self._recording.spoke(self._direction, data)


def spy_streams(device: str, host: str, output: Path, seconds: float | None) -> int:
    """Records until Ctrl-C (or ``seconds``)."""
    addresses = {}
    for direction, text in ((Direction.DEVICE, device), (Direction.HOST, host)):
        try:
            addresses[direction] = StreamAddress.parse(text)
        except ValueError as error:
            raise ConfigurationError([f"STREAM: {error}"]) from None
    try:
        file = new_private(output)
    except OSError as error:
        why = "exists already" if isinstance(error, FileExistsError) else error.strerror
        raise ConfigurationError([f"{output}: {why}; choose another name"]) from None
    with file:
        recording = Recording(file)
        recording.comment(f"device on {device}, host on {host}")
        recording.comment(f"{now().isoformat(timespec='seconds')}; only listened")
        asyncio.run(_listen(addresses, recording, seconds))
    print(f"{recording.pieces} piece(s) in {output}; it may name patients", file=sys.stderr)
    return 0


async def _listen(
    addresses: dict[Direction, AnyAddress], recording: Recording, seconds: float | None
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    async def tap(direction: Direction, address: AnyAddress) -> None:
        def observe(state: LinkState, text: str) -> None:
            print(f"{direction.name.lower()} {state.value}: {text}", file=sys.stderr)

        def connect(_peer: Peer) -> Tap:
            return Tap(recording, direction)

        await maintain(address, connect, observe=observe)

    lines = [asyncio.create_task(tap(*pair)) for pair in addresses.items()]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
    for line in lines:
        line.cancel()
    await asyncio.gather(*lines, return_exceptions=True)
