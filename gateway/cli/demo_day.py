"""The demonstration's day: patients are admitted, orders placed, analyzers measure and send."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from gateway.cli.demo_site import ORDERED, ZONE, Bench
from gateway.cli.live import Board
from gateway.cli.run import now
from gateway.profiles import catalogue
from gateway.protocols.astm import Dialect, Timers
from simulators import wire
from simulators.analyzer import Analyzer
from simulators.asking import AskingAnalyzer, Tube, run_work_list
from simulators.orderer import Orderer
from simulators.pipe import open_pipe
from simulators.scenarios import SCENARIOS, Day
from simulators.ward import Placed, Ward

_ORDERED_TESTS: Final = ("3016-3", "3024-7", "3051-0")


def new_ward(port: int, board: Board, rng: random.Random) -> Ward:
    """Places orders with the gateway, and shows them."""
    orderer = Orderer("127.0.0.1", port, now, processing="T")

    def placed(order: Placed) -> None:
        board.ehr_ordered(order.placer, order.specimen, len(order.tests))

    return Ward(orderer, rng, _ORDERED_TESTS, placed)


async def begin_work(
    stack: AsyncExitStack,
    benches: tuple[Bench, ...],
    rng: random.Random,
    ward: Ward,
    board: Board,
) -> None:
    """Every analyzer at its bench, until the stack ends."""
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
        await background(stack, asyncio.create_task(work))


async def _ordered_day(
    bench: Bench, reach: str, rng: random.Random, first: float, board: Board
) -> None:
    """An analyzer that asks what was ordered and runs it, until cancelled."""
    profile = catalogue()[bench.profile]
    dialect = _hurried(profile.link.dialect or Dialect())
    device = AskingAnalyzer(dialect, lambda: open_pipe(reach), retry=1.0)
    day = Day(profile, rng, now, ZoneInfo(ZONE))
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
    day = Day(profile, rng, now, ZoneInfo(ZONE), prefix=f"26{bench.name[0].upper()}")
    await asyncio.sleep(first)
    try:
        for message in SCENARIOS[bench.scenario](day):
            await ward.admit(message.samples)
            await device.send(message.records)
            await asyncio.sleep(bench.pause * rng.uniform(0.6, 1.4))
    finally:
        await device.aclose()


async def examine(stack: AsyncExitStack, port: int, seed: int, ward: Ward, board: Board) -> None:
    """An ultrasound unit that takes its exams from the worklist, until it is ended."""
    board.ehr_scheduled((await ward.schedule()).placer)
    here = str(Path(__file__).parents[2])
    unit = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "ultrasound", "--to", f"GATEWAY@127.0.0.1:{port}"),
        *("--scenario", "worklist-exam", "--count", "0", "--pause", "10", "--seed", str(seed)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": here},
        start_new_session=True,
    )

    async def stop() -> None:
        if unit.returncode is None:
            unit.kill()
        await unit.wait()

    stack.push_async_callback(stop)
    if unit.stdout is not None:
        further = _schedule_further(unit.stdout, ward, board)
        await background(stack, asyncio.create_task(further))


async def _schedule_further(said: asyncio.StreamReader, ward: Ward, board: Board) -> None:
    """The next exam is ordered when the unit says that one is done."""
    async for line in said:
        if line.startswith(b"performed step: completed"):
            board.ehr_scheduled((await ward.schedule()).placer)


def _hurried(dialect: Dialect) -> Dialect:
    """The device's own dialect, with a demonstration's patience."""
    return replace(dialect, timers=Timers().scaled(0.1))


async def background(stack: AsyncExitStack, task: asyncio.Task[None]) -> None:
    """Has the task end with the stack."""

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)
