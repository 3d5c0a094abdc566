"""``gateway demo``: a whole clinic in one process, on real sockets and a real serial line.

The gateway is the same as in ``gateway run``, on a store in a temporary folder.  Around it: an
MQTT broker, four analyzers (one over a pseudo terminal, one that asks what was ordered), an
ultrasound unit (a process of its own) and an EHR.  Nothing is real but the code.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import sys
import tempfile
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway import logs
from gateway.cli.live import Board, DeviceRow, screen
from gateway.cli.run import now
from gateway.config import Configuration, parse
from gateway.notices import Noticeboard
from gateway.profiles import catalogue
from gateway.protocols.astm import Dialect, Timers
from simulators import ehr as simulated
from simulators import wire
from simulators.analyzer import Analyzer
from simulators.asking import AskingAnalyzer, Tube, run_work_list
from simulators.broker import broker, listen
from simulators.orderer import Orderer
from simulators.pipe import open_pipe
from simulators.ptys import cable
from simulators.scenarios import SCENARIOS, Day
from simulators.ward import Placed, Ward

_ENDPOINT = re.compile(r".+:[0-9]{1,5}")
_ZONE = "Europe/Berlin"
_UNIT = "us-room-1"
ORDERED = "ordered"
_ORDERED_TESTS = ("3016-3", "3024-7", "3051-0")
_BETWEEN_ORDERS = 6.0


@dataclass(frozen=True, slots=True)
class Bench:
    """One simulated analyzer: what it is, what its day is like, how bad its wire is."""

    name: str
    profile: str
    scenario: str
    pause: float
    stream: str
    reach: str
    noisy: bool = False


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
    ports = _free_ports(8)
    site = _served(http, ports[5])
    with ExitStack() as things:
        near, far = things.enter_context(cable())
        benches = _benches(ports, near, far)
        text = _configuration(benches, folder, ports, site)
        configuration = parse(text, folder / "gateway.toml")
        board = _board(benches, ports, folder, site)
        notices = Noticeboard(now)
        things.enter_context(notices.watched_by(board.see))
        things.enter_context(screen(board))
        async with AsyncExitStack() as stack:
            await _surroundings(stack, ports, board)
            await _gateway(stack, configuration, notices)
            day = random.Random(seed)  # noqa: S311 - a repeatable day
            ward = _ward(ports[7], board, random.Random(day.random()))  # noqa: S311 - likewise
            await _background(stack, asyncio.create_task(ward.run(_BETWEEN_ORDERS)))
            await _devices(stack, benches, day, ward, board)
            await _ultrasound(stack, ports[4], seed)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stopping.wait()


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _served(http: str, spare: int) -> str:
    """Where the API is served: as asked, or on a spare port when somebody else is there."""
    host, _, port = http.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError:
            return f"{host}:{spare}"
    return http


def _benches(ports: list[int], near: str, far: str) -> tuple[Bench, ...]:
    def tcp(port: int) -> tuple[str, str]:
        return f"tcp-listen:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}"

    return (
        Bench("haematology", "sysmex-xn-l", "mixed", 4.0, *tcp(ports[0])),
        Bench("chemistry", "erba-xl", "several-specimens", 7.0, *tcp(ports[1]), noisy=True),
        Bench("immunology", "snibe-maglumi", ORDERED, 2.0, *tcp(ports[6])),
        Bench("hba1c-desk", "abbott-afinion-2", "mixed", 5.0, f"serial:{near}", f"serial:{far}"),
    )


def _configuration(benches: tuple[Bench, ...], folder: Path, ports: list[int], site: str) -> str:
    devices = "".join(
        f'[devices.{b.name}]\nprofile = "{b.profile}"\nstream = "{b.stream}"\n'
        f'orders = "{"required" if b.scenario == ORDERED else "optional"}"\n'
        for b in benches
    )
    return f"""
[gateway]
site = "demo"
timezone = "{_ZONE}"
data_dir = "{folder}/data"
processing = "T"
{devices}
[http]
listen = "{site}"

[orders]
listen = "127.0.0.1:{ports[7]}"

[dicom]
listen = "127.0.0.1:{ports[4]}"

[devices.{_UNIT}]
profile = "ultrasound"
ae_title = "VOLUSON"
address = "127.0.0.1/32"

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ports[2]}"
without_patient = "send"

[destinations.events]
type = "mqtt"
url = "mqtt://127.0.0.1:{ports[3]}"
protocol = "3.1.1"
"""


def _board(benches: tuple[Bench, ...], ports: list[int], folder: Path, site: str) -> Board:
    known = catalogue()
    rows = {
        b.name: DeviceRow(b.name, f"{known[b.profile].vendor} {known[b.profile].model}")
        for b in benches
    }
    rows[_UNIT] = DeviceRow(_UNIT, "ultrasound, GE Voluson S10")
    return Board(
        rows,
        {"ehr": f"mllp 127.0.0.1:{ports[2]}", "events": f"mqtt 127.0.0.1:{ports[3]}"},
        f"Clinic gateway, demonstration (nothing here is real; data in {folder}; Ctrl-C ends it)\n"
        f"API: http://{site}/api/v1/status (any name; the password is in {folder}/data/http.token)",
        clock=now,
    )


async def _surroundings(stack: AsyncExitStack, ports: list[int], board: Board) -> None:
    """The broker, a listener on it, and the EHR."""
    await stack.enter_async_context(broker("127.0.0.1", ports[3]))
    system = simulated.Ehr(
        keep=False, watcher=lambda body, answer: board.ehr_answered(answer, _placer(body))
    )
    await system.listen("127.0.0.1", ports[2])
    stack.push_async_callback(system.aclose)
    heard = listen("127.0.0.1", ports[3], "clinic/#", lambda topic, _: board.mqtt_heard(topic))
    await _background(stack, asyncio.create_task(heard))


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


def _ward(port: int, board: Board, rng: random.Random) -> Ward:
    orderer = Orderer("127.0.0.1", port, now, processing="T")

    def placed(order: Placed) -> None:
        board.ehr_ordered(order.placer, order.specimen, len(order.tests))

    return Ward(orderer, rng, _ORDERED_TESTS, placed)


async def _devices(
    stack: AsyncExitStack,
    benches: tuple[Bench, ...],
    rng: random.Random,
    ward: Ward,
    board: Board,
) -> None:
    for number, bench in enumerate(benches):
        reach = bench.reach
        if bench.noisy:
            noise = random.Random(rng.random())  # noqa: S311 - a repeatable day
            upstream = ("127.0.0.1", int(reach.rpartition(":")[2]))
            relay = wire.Relay(upstream, towards=partial(wire.flip_bits, noise, 0.15))
            reach = f"tcp:127.0.0.1:{await relay.listen()}"
            stack.push_async_callback(relay.aclose)
        own = random.Random(rng.random())  # noqa: S311 - a repeatable day
        first = 0.3 * number
        if bench.scenario == ORDERED:
            work = _ordered_day(bench, reach, own, first, board)
        else:
            work = _day(bench, reach, own, first, ward)
        await _background(stack, asyncio.create_task(work))


async def _ultrasound(stack: AsyncExitStack, port: int, seed: int) -> None:
    """A unit that sends an exam every few seconds, until it is ended."""
    here = str(Path(__file__).parents[2])
    unit = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "ultrasound", "--to", f"GATEWAY@127.0.0.1:{port}"),
        *("--count", "0", "--pause", "10", "--seed", str(seed)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": here},
        start_new_session=True,
    )

    async def stop() -> None:
        if unit.returncode is None:
            unit.kill()
        await unit.wait()

    stack.push_async_callback(stop)


async def _ordered_day(
    bench: Bench, reach: str, rng: random.Random, first: float, board: Board
) -> None:
    """An analyzer that asks what was ordered and runs it, until cancelled."""
    profile = catalogue()[bench.profile]
    dialect = _hurried(profile.link.dialect or Dialect())
    device = AskingAnalyzer(dialect, lambda: open_pipe(reach), retry=1.0)
    day = Day(profile, rng, now, ZoneInfo(_ZONE))
    await asyncio.sleep(first)

    def told(tubes: tuple[Tube, ...]) -> None:
        board.device_told(bench.name, ", ".join(tube.specimen for tube in tubes))

    try:
        await run_work_list(device, day, 0, pause=bench.pause, told=told)
    finally:
        await device.aclose()


async def _day(bench: Bench, reach: str, rng: random.Random, first: float, ward: Ward) -> None:
    """One analyzer at work, until cancelled; the EHR knows the patients."""
    profile = catalogue()[bench.profile]
    dialect = profile.link.dialect or Dialect()
    hurried = _hurried(dialect)
    device = Analyzer(hurried, lambda: open_pipe(reach), retry=1.0)
    day = Day(profile, rng, now, ZoneInfo(_ZONE), prefix=f"26{bench.name[0].upper()}")
    await asyncio.sleep(first)
    try:
        for message in SCENARIOS[bench.scenario](day):
            await ward.admit(message.samples)
            await device.send(message.records)
            await asyncio.sleep(bench.pause * rng.uniform(0.6, 1.4))
    finally:
        await device.aclose()


def _hurried(dialect: Dialect) -> Dialect:
    """The device's own dialect, with a demonstration's patience."""
    from dataclasses import replace

    return replace(dialect, timers=Timers().scaled(0.1))


async def _background(stack: AsyncExitStack, task: asyncio.Task[None]) -> None:
    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)
