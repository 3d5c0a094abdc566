"""The least an ASTM receiver can do: ``python -m benchmarks.lean [sync] [asyncio]``.

Checks frame number and checksum and answers ACK; with ``sync`` each message is appended to a file
and synced before its last ACK.  No journal, no records, no delivery.  ``asyncio``: not on uvloop.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from typing import cast
from zlib import adler32


class Lean(asyncio.Protocol):
    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._frames: list[bytes] = []
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        start = 0
        while start < len(data):
            head = data[start]
            if head == 5:
                self._frames, self._number = [], 0
                self._transport.write(b"\x06")
                start += 1
            elif head == 2:
                end = data.index(b"\n", start) + 1
                self._frame(data[start:end])
                start = end
            else:
                start += 1

    def _frame(self, frame: bytes) -> None:
        body, digits = frame[1:-4], frame[-4:-2]
        self._number = (self._number + 1) % 8
        good = body[0] - 48 == self._number and len(body) <= 256
        good = good and b"%02X" % ((adler32(body) - 1) & 0xFF) == digits
        if not good and len(body) <= 256:
            self._transport.write(b"\x15")
            return
        self._frames.append(body)
        if self._descriptor is not None and body[1:2] == b"L":
            os.write(self._descriptor, b"".join(self._frames))
            os.fdatasync(self._descriptor)
        self._transport.write(b"\x06")


async def main() -> None:
    loop = asyncio.get_running_loop()
    file = tempfile.TemporaryFile(dir=".") if "sync" in sys.argv else None  # noqa: SIM115
    descriptor = None if file is None else file.fileno()
    server = await loop.create_server(lambda: Lean(descriptor), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import contextlib

    with contextlib.suppress(KeyboardInterrupt):
        try:
            import uvloop

            run = asyncio.run if "asyncio" in sys.argv else uvloop.run
        except ImportError:
            run = asyncio.run
        run(main())
