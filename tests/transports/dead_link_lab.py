"""A gateway and a device in two network namespaces, joined by a virtual cable.

Runs as a program, as root of its own namespaces (``unshare -rn``).  The device listens, and dials
the gateway as well; both stay silent.  Prints one JSON line per thing that happens; reads ``cut``,
``mute`` and ``mend`` from its input.  Timings are those of a clinic divided by ten.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

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
        self._first: int | None = None
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._count(transport.get_extra_info("socket"))

    def _count(self, sock: Any) -> None:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        (segments,) = struct.unpack_from("I", info, SEGS_IN)
        self._first = segments if self._first is None else self._first
        if segments >= self._first + 2:
            tell(role=self._role, event="probed")
        else:
            self._look = asyncio.get_running_loop().call_later(0.05, self._count, sock)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
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


async def watch(inside: list[str]) -> None:
    task = asyncio.ensure_future(gateway())
    await obey(inside)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    tell(event="done")


def namespace_of(pid: int | str) -> Path:
    return Path(f"/proc/{pid}/ns/net").readlink()


def lay_cable(pid: int, inside: list[str]) -> None:
    peer = ("peer", "name", "device0", "netns", str(pid))
    run("ip", "link", "add", "gateway0", "type", "veth", *peer)
    run("ip", "address", "add", f"{GATEWAY}/24", "dev", "gateway0")
    run("ip", "link", "set", "gateway0", "up")
    run(*inside, "ip", "address", "add", f"{DEVICE}/24", "dev", "device0")
    run(*inside, "ip", "link", "set", "device0", "up")


def main() -> None:
    programs = [subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE)]
    pid = programs[0].pid
    inside = ["nsenter", "-t", str(pid), "-n"]
    try:
        while namespace_of(pid) == namespace_of("self"):
            time.sleep(0.01)
        lay_cable(pid, inside)
        programs.append(
            subprocess.Popen([*inside, sys.executable, "-c", DEVICE_PROGRAM], stdin=subprocess.PIPE)
        )
        asyncio.run(watch(inside))
    finally:
        for program in programs:
            program.kill()
            program.wait()


if __name__ == "__main__":
    main()
