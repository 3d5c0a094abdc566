"""``gateway-sim``: simulated devices and an EHR stand-in, to try the gateway with."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import typer
from typer.exceptions import TyperException

app = typer.Typer(
    name="gateway-sim",
    help="Simulated devices and an EHR stand-in, to try the gateway with.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Mistake(Exception):
    """Wrong use; the text says what is allowed."""


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
    asyncio.run(_analyze(profile, to, scenario, count, rate, seed, sent, tz, retry))


async def _analyze(
    profile: str,
    to: str,
    scenario: str,
    count: int,
    rate: float,
    seed: int,
    sent: Path | None,
    tz: str,
    retry: float,
) -> None:
    from zoneinfo import ZoneInfo

    from gateway.profiles import Protocol, catalogue
    from gateway.protocols.astm import Dialect
    from simulators.analyzer import Analyzer
    from simulators.asking import AskingAnalyzer, run_work_list
    from simulators.asking_hl7 import AskingSpeaker, may_ask
    from simulators.filing import FileWriter
    from simulators.others import Speaker
    from simulators.pipe import open_pipe
    from simulators.scenarios import SCENARIOS, Day

    if scenario == "list":
        for name, told in SCENARIOS.items():
            print(f"{name:<18} {(told.__doc__ or '').splitlines()[0]}")
        print(f"{'query':<18} Asks for its work list before it runs.")
        return
    known = catalogue()
    if profile not in known:
        raise Mistake(f"unknown profile '{profile}'; known: {', '.join(known)}")
    if scenario not in (*SCENARIOS, "query"):
        raise Mistake(f"unknown scenario '{scenario}'; known: {', '.join(SCENARIOS)}")
    chosen = known[profile]
    day = Day(chosen, random.Random(seed), lambda: datetime.now(UTC), ZoneInfo(tz))
    if scenario == "query":
        asker: AskingAnalyzer | AskingSpeaker
        if may_ask(chosen):
            utc = partial(datetime.now, UTC)
            asker = AskingSpeaker(chosen, partial(open_pipe, to), clock=utc, retry=retry)
        elif chosen.query is not None:
            dialect = chosen.link.dialect or Dialect()
            asker = AskingAnalyzer(dialect, partial(open_pipe, to), retry=retry)
        else:
            raise Mistake(f"'{profile}' does not ask its host")
        try:
            await run_work_list(asker, day, count, pause=1 / rate if rate else 1.0)
        finally:
            await asker.aclose()
        return
    device: Analyzer | Speaker | FileWriter
    if to.startswith("file:"):
        device = FileWriter(chosen, _folder(to))
    elif chosen.link.protocol is Protocol.FILE:
        raise Mistake(f"{profile} writes files: --to file:FOLDER")
    elif chosen.link.protocol is Protocol.ASTM:
        device = Analyzer(chosen.link.dialect or Dialect(), lambda: open_pipe(to), retry=retry)
    else:
        clock = partial(datetime.now, UTC)
        device = Speaker(chosen, lambda: open_pipe(to), clock=clock, retry=retry)
    ledger = None if sent is None else await asyncio.to_thread(sent.open, "a", encoding="utf-8")
    try:
        for number, message in enumerate(SCENARIOS[scenario](day), 1):
            await device.send(message.records)
            if ledger is not None:
                _write(ledger, profile, message.samples)
            if number == count:
                return
            if rate:
                await asyncio.sleep(1 / rate)
    finally:
        await device.aclose()
        if ledger is not None:
            ledger.close()


def _folder(to: str) -> Path:
    folder = Path(to.removeprefix("file:").partition("?")[0])
    if not folder.is_dir():
        raise Mistake(f"there is no folder {folder}")
    return folder


def _write(ledger: TextIO, profile: str, samples: object) -> None:
    from gateway.profiles.samples import Sample

    now = datetime.now(UTC).isoformat()
    for sample in samples if isinstance(samples, tuple) else ():
        if not isinstance(sample, Sample):
            continue
        for finding in sample.findings:
            line = {
                "acknowledged_at": now,
                "profile": profile,
                "kind": sample.kind.value,
                "specimen": sample.specimen,
                "patient": sample.patient,
                "code": finding.code,
                "value": finding.value,
                "unit": finding.unit,
            }
            ledger.write(json.dumps(line) + "\n")
    ledger.flush()


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


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise Mistake(f"'{text}' is no HOST:PORT")
    return host.strip("[]"), int(port)


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

    host, port = _endpoint(mllp)
    steps = [] if orders is None else await asyncio.to_thread(read_steps, orders)
    orderer = Orderer(*_endpoint(orders_to), partial(datetime.now, UTC), processing)
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
