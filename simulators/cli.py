"""``gateway-sim``: simulated devices and an EHR stand-in, to try the gateway with."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from simulators.mistakes import Mistake

app = typer.Typer(
    name="gateway-sim",
    help="Simulated devices and an EHR stand-in, to try the gateway with.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class JobFailed(Exception):
    """A simulated unit's job stayed red."""


def main() -> None:
    """Runs the command line; 2 for wrong use, 1 when the work failed."""
    from simulators.analyzer import GaveUp
    from simulators.pipe import PipeClosed

    try:
        sys.exit(app(prog_name="gateway-sim", standalone_mode=False) or 0)
    except TyperException as error:
        text = " ".join(str(error.format_message()).replace("Value error, ", "").split())
        if text:
            said = text.replace("Input should be", "must be").rstrip(".")
            print(f"gateway-sim: {said}; see 'gateway-sim --help'", file=sys.stderr)
        sys.exit(2)
    except (Mistake, ValueError) as error:
        print(f"gateway-sim: {error}", file=sys.stderr)
        sys.exit(2)
    except (GaveUp, PipeClosed, JobFailed, OSError) as error:
        print(f"gateway-sim: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)


@app.command(
    epilog="Example: gateway-sim analyzer --profile sysmex-xn-l --to tcp:127.0.0.1:4001 --count 5"
)
def analyzer(
    profile: Annotated[str, typer.Option(help="Which device; see 'gateway profiles'.")],
    to: Annotated[
        str, typer.Option(help="serial:PATH?baud=.., tcp:HOST:PORT, tcp-listen:.., file:FOLDER")
    ],
    scenario: Annotated[str, typer.Option(help="Which day; 'list' shows them.")] = "panel",
    count: Annotated[int, typer.Option(help="Messages to send; 0: for ever.", min=0)] = 1,
    rate: Annotated[float, typer.Option(help="Messages per second; 0: no pause.", min=0)] = 0.0,
    seed: Annotated[int, typer.Option(help="Same seed, same day.")] = 1,
    sent: Annotated[
        Path | None, typer.Option(help="One JSON line per result the host acknowledged.")
    ] = None,
    tz: Annotated[str, typer.Option(help="Zone of the device's clock.")] = "UTC",
    retry: Annotated[float, typer.Option(help="Seconds before a message is sent again.")] = 2.0,
) -> None:
    """An analyzer that sends results and keeps trying until they are acknowledged."""
    from simulators.shift import Shift, list_scenarios, work

    if scenario == "list":
        list_scenarios()
        return
    shift = Shift(profile, to, scenario, count, rate, seed, tz, retry)
    with ExitStack() as stack:
        ledger = None if sent is None else stack.enter_context(sent.open("a", encoding="utf-8"))
        asyncio.run(work(shift, ledger, partial(datetime.now, UTC)))


@app.command(epilog="Example: gateway-sim ehr --mllp 127.0.0.1:2576 --answers AA,AE,AA")
def ehr(
    mllp: Annotated[str, typer.Option(help="HOST:PORT to listen on.")],
    record: Annotated[Path | None, typer.Option(help="Folder for what arrives.")] = None,
    answers: Annotated[
        str, typer.Option(help="AA AE AR CA CE CR silence garbage close ...; the last repeats.")
    ] = "AA",
    delay: Annotated[float, typer.Option(help="Seconds before each answer.", min=0)] = 0.0,
    orders: Annotated[
        Path | None, typer.Option(help="A scenario (TOML) of patients, orders, merges, cancels.")
    ] = None,
    orders_to: Annotated[
        str, typer.Option(help="HOST:PORT where the gateway takes orders.")
    ] = "127.0.0.1:2575",
    processing: Annotated[
        str, typer.Option(help="MSH-11 of what it sends; the gateway's own is the only one taken.")
    ] = "P",
) -> None:
    """An EHR: sends orders, receives results over MLLP and answers as its script says."""
    asyncio.run(_receive(mllp, record, answers, delay, orders, orders_to, processing))


def _tell(message: bytes, answer: str) -> None:
    print(f"{len(message)} bytes, answered {answer}", flush=True)


async def _receive(
    mllp: str,
    record: Path | None,
    answers: str,
    delay: float,
    orders: Path | None,
    orders_to: str,
    processing: str,
) -> None:
    from simulators.ehr import Answer, Ehr
    from simulators.orderer import Orderer, read_steps
    from simulators.pipe import endpoint

    host, port = endpoint(mllp)
    steps = [] if orders is None else await asyncio.to_thread(read_steps, orders)
    orderer = Orderer(*endpoint(orders_to), partial(datetime.now, UTC), processing)
    try:
        script = [Answer(word.strip()) for word in answers.split(",")]
    except ValueError:
        known = ", ".join(answer.value for answer in Answer)
        raise Mistake(f"'{answers}': answers are {known}, joined by commas") from None
    system = Ehr(script, delay=delay, record=record, keep=False, watcher=_tell)
    port_taken = await system.listen(host, port)
    print(f"listening on {host}:{port_taken}", flush=True)
    with suppress(asyncio.CancelledError):
        try:
            if steps:
                await orderer.run(steps)
                print(f"{orderer.accepted} messages accepted", flush=True)
            await asyncio.Event().wait()
        finally:
            await system.aclose()


@app.command(epilog="Example: gateway-sim ultrasound --to GATEWAY@127.0.0.1:11112 --scenario exam")
def ultrasound(
    to: Annotated[str, typer.Option(help="AET@HOST:PORT of the gateway.")],
    aet: Annotated[str | None, typer.Option(help="Its own AE title; default: the make's.")] = None,
    personality: Annotated[str, typer.Option(help="Which make; 'list' shows them.")] = "ge",
    scenario: Annotated[str, typer.Option(help="What it does; 'list' shows them.")] = "exam",
    seed: Annotated[int, typer.Option(help="Same seed, same pictures.")] = 1,
    count: Annotated[int, typer.Option(help="Exams; 0: for ever.", min=0)] = 1,
    pause: Annotated[float, typer.Option(help="Seconds between exams.", min=0)] = 5.0,
    listen: Annotated[
        int | None, typer.Option(help="Port for the gateway's commitment report.", max=65535)
    ] = None,
) -> None:
    """An ultrasound unit: worklist, performed step, images, report, commitment."""
    from simulators.ultrasound.personality import PERSONALITIES

    if personality == "list":
        for name, unit in PERSONALITIES.items():
            print(f"{name:<10} {unit.manufacturer} {unit.model}, {unit.sending.value}")
        return
    if personality not in PERSONALITIES:
        known = ", ".join(PERSONALITIES)
        raise Mistake(f"unknown personality '{personality}'; known: {known}")
    _examine(to, aet, personality, scenario, seed, count, pause, listen)


def _examine(
    to: str,
    aet: str | None,
    personality: str,
    scenario: str,
    seed: int,
    count: int,
    pause: float,
    listen: int | None,
) -> None:
    from simulators.ultrasound.command import examine
    from simulators.ultrasound.personality import PERSONALITIES
    from simulators.ultrasound.scenarios import SCENARIOS
    from simulators.ultrasound.unit import Failed

    if scenario == "list":
        for name, told in SCENARIOS.items():
            print(f"{name:<14} {(told.__doc__ or '').splitlines()[0]}")
        return
    if scenario not in SCENARIOS:
        raise Mistake(f"unknown scenario '{scenario}'; known: {', '.join(SCENARIOS)}")
    chosen = PERSONALITIES[personality]
    try:
        examine(chosen, to, aet, scenario, seed, count=count, pause=pause, listen=listen)
    except Failed as error:
        raise JobFailed(str(error)) from None
