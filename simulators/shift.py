"""One simulated analyzer's shift: a scenario sent message by message, or a work list run.

``ledger`` gets one JSON line per result that the host acknowledged, after it did.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from gateway.profiles import AnalyzerProfile, Protocol, catalogue
from gateway.profiles.samples import Sample
from gateway.protocols.astm import Dialect
from simulators.analyzer import Analyzer
from simulators.asking import AskingAnalyzer, run_work_list
from simulators.asking_hl7 import AskingSpeaker, may_ask
from simulators.filing import FileWriter
from simulators.mistakes import Mistake
from simulators.others import Speaker
from simulators.pipe import open_pipe
from simulators.scenarios import SCENARIOS, Day

QUERY = "query"

Clock = Callable[[], datetime]
Sender = Analyzer | Speaker | FileWriter
Asker = AskingAnalyzer | AskingSpeaker


@dataclass(frozen=True, slots=True)
class Shift:
    """``count`` 0: for ever; ``rate`` in messages a second, 0: no pause; ``retry`` in seconds."""

    profile: str
    to: str
    scenario: str
    count: int
    rate: float
    seed: int
    zone: str
    retry: float


def list_scenarios() -> None:
    """A line each."""
    for name, told in SCENARIOS.items():
        print(f"{name:<18} {(told.__doc__ or '').splitlines()[0]}")
    print(f"{QUERY:<18} Asks for its work list before it runs.")


async def work(shift: Shift, ledger: TextIO | None, clock: Clock) -> None:
    """Until ``count`` messages are acknowledged; Mistake for what cannot be meant."""
    profile = _known(shift.profile)
    if shift.scenario not in (*SCENARIOS, QUERY):
        raise Mistake(f"unknown scenario '{shift.scenario}'; known: {', '.join(SCENARIOS)}")
    day = Day(profile, random.Random(shift.seed), clock, ZoneInfo(shift.zone))
    note = partial(_note, ledger, shift.profile, clock)
    if shift.scenario == QUERY:
        await _run_work_list(shift, day, clock, note)
    else:
        await _send_scenario(shift, day, clock, note)


def _known(name: str) -> AnalyzerProfile:
    known = catalogue()
    if name not in known:
        raise Mistake(f"unknown profile '{name}'; known: {', '.join(known)}")
    return known[name]


async def _run_work_list(
    shift: Shift, day: Day, clock: Clock, note: Callable[[tuple[Sample, ...]], None]
) -> None:
    asker = _asker(day.profile, shift, clock)
    pause = 1 / shift.rate if shift.rate else 1.0
    try:
        await run_work_list(asker, day, shift.count, pause=pause, acknowledged=note)
    finally:
        await asker.aclose()


async def _send_scenario(
    shift: Shift, day: Day, clock: Clock, note: Callable[[tuple[Sample, ...]], None]
) -> None:
    device = _sender(day.profile, shift, clock)
    try:
        for number, message in enumerate(SCENARIOS[shift.scenario](day), 1):
            await device.send(message.records)
            note(message.samples)
            if number == shift.count:
                return
            if shift.rate:
                await asyncio.sleep(1 / shift.rate)
    finally:
        await device.aclose()


def _asker(profile: AnalyzerProfile, shift: Shift, clock: Clock) -> Asker:
    reach = partial(open_pipe, shift.to)
    if may_ask(profile):
        return AskingSpeaker(profile, reach, clock=clock, retry=shift.retry)
    if profile.query is None:
        raise Mistake(f"'{profile.name}' does not ask its host")
    return AskingAnalyzer(profile.link.dialect or Dialect(), reach, retry=shift.retry)


def _sender(profile: AnalyzerProfile, shift: Shift, clock: Clock) -> Sender:
    reach = partial(open_pipe, shift.to)
    if shift.to.startswith("file:"):
        return FileWriter(profile, _folder(shift.to))
    if profile.link.protocol is Protocol.FILE:
        raise Mistake(f"{profile.name} writes files: --to file:FOLDER")
    if profile.link.protocol is Protocol.ASTM:
        return Analyzer(profile.link.dialect or Dialect(), reach, retry=shift.retry)
    return Speaker(profile, reach, clock=clock, retry=shift.retry)


def _folder(to: str) -> Path:
    folder = Path(to.removeprefix("file:").partition("?")[0])
    if not folder.is_dir():
        raise Mistake(f"there is no folder {folder}")
    return folder


def _note(ledger: TextIO | None, profile: str, clock: Clock, samples: tuple[Sample, ...]) -> None:
    if ledger is None:
        return
    now = clock().isoformat()
    for sample in samples:
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
