"""A gateway and a device in two network namespaces, joined by a virtual cable.

Runs as a program, as root of its own namespaces (``unshare -rn``).  The device listens, and dials
the gateway as well; both stay silent.  Prints one JSON line per thing that happens; reads ``cut``,
``mute`` and ``mend`` from its input.  Timings are those of a clinic divided by ten.
"""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
from contextlib import suppress
from functools import partial

from gateway.notices import LinkState
from gateway.transports import (
    Admission,
    Backoff,
    KeepAlive,
    Peer,
    TcpConnect,
    TcpListen,
    is_dead,
    maintain,
)

GATEWAY, DEVICE, PORT = "198.51.100.1", "198.51.100.2", 4001
QUICK = KeepAlive(idle=1, interval=1, count=2, unanswered=2.0)
SEGS_IN = 140  # offset of tcpi_segs_in in struct tcp_info

DEVICE_PROGRAM = f"""
import socket, time
listener = socket.create_server(("{DEVICE}", {PORT}))
held = []
while True:
    try:
        held.append(socket.create_connection(("{GATEWAY}", {PORT}), 1))
        break
    except OSError:
        time.sleep(0.02)
while True:
    held.append(listener.accept())
"""


def tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def run(*command: str) -> None:
    subprocess.run(command, check=True)


class Quiet(asyncio.Protocol):
    """Never hears anything; says when the peer's kernel answered two probes."""

    def __init__(self, role: str, peer: Peer) -> None:
        self._role = role
        self._watch: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._watch = asyncio.ensure_future(self._count(transport.get_extra_info("socket")))

    async def _count(self, sock: object) -> None:
        def segments() -> int:
            info = sock.getsockopt(6, 11, 192)  # type: ignore[attr-defined]
            return int(struct.unpack_from("I", info, SEGS_IN)[0])

        first = segments()
        while segments() < first + 2:
            await asyncio.sleep(0.05)
        tell(role=self._role, event="probed")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        tell(role=self._role, event="lost", dead=is_dead(exc), kind=type(exc).__name__)


def observer(role: str, state: LinkState, text: str) -> None:
    tell(role=role, event=state.value, text=text)


async def gateway() -> None:
    backoff = Backoff(0.05, 0.2)
    async with asyncio.TaskGroup() as group:
        for role, address in (
            ("dial", TcpConnect(DEVICE, PORT)),
            ("listen", TcpListen(GATEWAY, PORT)),
        ):
            group.create_task(
                maintain(
                    address,
                    partial(Quiet, role),
                    observe=partial(observer, role),
                    backoff=backoff,
                    admission=Admission(),
                    keepalive=QUICK,
                    patience=0.5,
                )
            )


async def obey(inside: list[str]) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        match line.strip():
            case "cut":
                run(*inside, "ip", "link", "set", "device0", "down")
            case "mute":
                run(*inside, "ip", "route", "add", "blackhole", f"{GATEWAY}/32")
            case "mend":
                run(*inside, "ip", "route", "flush", "type", "blackhole")
                run(*inside, "ip", "link", "set", "device0", "up")


async def main() -> None:
    holder = subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE)
    inside = ["nsenter", "-t", str(holder.pid), "-n"]
    device = None
    try:
        while subprocess.run(
            [
                "ip",
                "link",
                "add",
                "gateway0",
                "type",
                "veth",
                "peer",
                "name",
                "device0",
                "netns",
                str(holder.pid),
            ],
            check=False,
        ).returncode:
            await asyncio.sleep(0.02)
        run("ip", "address", "add", f"{GATEWAY}/24", "dev", "gateway0")
        run("ip", "link", "set", "gateway0", "up")
        run(*inside, "ip", "address", "add", f"{DEVICE}/24", "dev", "device0")
        run(*inside, "ip", "link", "set", "device0", "up")
        device = subprocess.Popen([*inside, sys.executable, "-c", DEVICE_PROGRAM])
        task = asyncio.ensure_future(gateway())
        await obey(inside)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        tell(event="done")
    finally:
        for process in (device, holder):
            if process is not None:
                process.kill()
                process.wait()


if __name__ == "__main__":
    asyncio.run(main())
