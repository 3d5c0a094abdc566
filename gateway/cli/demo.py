"""``gateway demo``: a whole clinic in one process, on real sockets and a real serial line.

The gateway is the same as in ``gateway run``, on a store in a temporary folder.  Around it: an
MQTT broker, four analyzers (one over a pseudo terminal, one that asks what was ordered), an
ultrasound unit (a process of its own) and an EHR.  Nothing is real but the code.
"""

from __future__ import annotations

import asyncio
import random
import re
import signal
import sys
import tempfile
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path

from gateway import logs
from gateway.cli.demo_day import background, begin_work, examine, new_ward
from gateway.cli.demo_site import analyzers, blank_board, configuration_text, free_ports, served
from gateway.cli.live import Board, screen
from gateway.cli.run import now
from gateway.config import Configuration, parse
from gateway.notices import Noticeboard
from simulators import ehr as simulated
from simulators.broker import broker, listen
from simulators.ptys import cable

_ENDPOINT = re.compile(r".+:[0-9]{1,5}")
_BETWEEN_ORDERS = 6.0


def demonstrate(http: str, seconds: float | None, seed: int) -> int:
    """Runs the clinic until Ctrl-C (or ``seconds``); the exit status of a clean end is 0."""
    if not _ENDPOINT.fullmatch(http) or not 1 <= int(http.rpartition(":")[2]) <= 65535:
        print(f"--http: '{http}' is no HOST:PORT; ports are 1 to 65535", file=sys.stderr)
        return 2
    logs.configure("ERROR")
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as folder:
        asyncio.run(_clinic(Path(folder), http, seconds, seed))
    print("\nstopped; nothing here was real, and nothing is left behind")
    return 0


async def _clinic(folder: Path, http: str, seconds: float | None, seed: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    ports = free_ports(8)
    site = served(http, ports[5])
    with ExitStack() as things:
        near, far = things.enter_context(cable())
        benches = analyzers(ports, near, far)
        text = configuration_text(benches, folder, ports, site)
        configuration = parse(text, folder / "gateway.toml")
        board = blank_board(benches, ports, folder, site)
        notices = Noticeboard(now)
        things.enter_context(notices.watched_by(board.see))
        things.enter_context(screen(board))
        async with AsyncExitStack() as stack:
            await _surroundings(stack, ports, board)
            await _gateway(stack, configuration, notices)
            day = random.Random(seed)  # noqa: S311 - a repeatable day
            ward = new_ward(ports[7], board, random.Random(day.random()))  # noqa: S311 - likewise
            await background(stack, asyncio.create_task(ward.run(_BETWEEN_ORDERS)))
            await begin_work(stack, benches, day, ward, board)
            await examine(stack, ports[4], seed, ward, board)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stopping.wait()


async def _surroundings(stack: AsyncExitStack, ports: list[int], board: Board) -> None:
    """The broker, a listener on it, and the EHR."""
    await stack.enter_async_context(broker("127.0.0.1", ports[3]))
    system = simulated.Ehr(
        keep=False, watcher=lambda body, answer: board.ehr_answered(answer, _placer(body))
    )
    await system.listen("127.0.0.1", ports[2])
    stack.push_async_callback(system.aclose)
    heard = listen("127.0.0.1", ports[3], "clinic/#", lambda topic, _: board.mqtt_heard(topic))
    await background(stack, asyncio.create_task(heard))


async def _gateway(
    stack: AsyncExitStack, configuration: Configuration, notices: Noticeboard
) -> None:
    from gateway.app import running

    await stack.enter_async_context(running(configuration, notices=notices, clock=now))


def _placer(message: bytes) -> str:
    """ORC-2.1: the EHR's own number of an order."""
    for line in message.split(b"\r"):
        if line.startswith(b"ORC|"):
            return line.split(b"|")[2].split(b"^")[0].decode()
    return ""
