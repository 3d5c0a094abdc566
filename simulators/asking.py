"""An analyzer that asks the host what to do before it runs (LIS02-A2 host query)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.profiles import AnalyzerProfile
from gateway.profiles.samples import Finding, Sample
from gateway.protocols.astm import (
    At,
    Delimiters,
    Enquiry,
    Event,
    Failed,
    FrameDamaged,
    FrameReceived,
    FrameRepeated,
    Line,
    Record,
    Role,
    SenderEvent,
    TransmissionEnded,
    TransmissionIncomplete,
    decode,
    encode,
)
from simulators.analyzer import Analyzer
from simulators.pipe import Pipe, PipeClosed
from simulators.scenarios import Day


@dataclass(frozen=True, slots=True)
class Tube:
    """What the host wants done: the label, whose it is, the device's own test codes."""

    specimen: str
    patient: str | None
    codes: tuple[str, ...]


class AskingAnalyzer(Analyzer):
    """``ask`` and ``send`` use the same line."""

    async def ask(
        self, profile: AnalyzerProfile, specimen: str = "ALL", *, patience: float = 15.0
    ) -> tuple[Tube, ...]:
        """The work list for an id or for everything; TimeoutError when nobody answers."""
        pipe = await self._open()
        line = Line(self._dialect, role=Role.INSTRUMENT)
        line.send(question(profile, specimen))
        await pipe.write(line.data_to_send())
        try:
            async with asyncio.timeout(patience):
                text = await _converse(pipe, line)
        except PipeClosed:
            await self.aclose()
            raise
        return tuple(tubes(text, profile))


class Asks(Protocol):
    """An analyzer that asks for everything that waits, in whatever language."""

    async def ask(self, profile: AnalyzerProfile) -> tuple[Tube, ...]: ...

    async def send(self, message: Sequence[bytes]) -> None: ...


async def run_work_list(
    device: Asks,
    day: Day,
    count: int,
    *,
    pause: float = 1.0,
    told: Callable[[tuple[Tube, ...]], None] = lambda _: None,
    acknowledged: Callable[[tuple[Sample, ...]], None] = lambda _: None,
) -> None:
    """Asks until there is work, and runs it; ends after ``count`` specimens (0: never).  ``told``
    hears what the host answered, where it was work, ``acknowledged`` what it has of the results."""
    done = 0
    while not count or done < count:
        work = await device.ask(day.profile)
        if work:
            told(work)
        for tube in work[: count - done if count else None]:
            message = day.message(measured(tube, day))
            await device.send(message.records)
            acknowledged(message.samples)
            done += 1
        if not work:
            await asyncio.sleep(pause)


def measured(tube: Tube, day: Day) -> Sample:
    """Plausible results for what was asked, under the label and number of the work list."""
    known = {finding.code: finding for finding in day.findings()}
    moment = next(iter(known.values())).observed_at
    spare = (Finding(code, "5.4", "mmol/L", observed_at=moment) for code in tube.codes)
    findings = tuple(known.get(one.code, one) for one in spare)
    return day.sample(findings, specimen=tube.specimen, patient=tube.patient, name=None)


def question(profile: AnalyzerProfile, specimen: str) -> list[bytes]:
    """H, Q and L; the id stands where the profile reads it."""
    if profile.query is None:
        raise ValueError(f"'{profile.name}' does not ask its host")
    delimiters = Delimiters(*profile.shape.delimiters)
    cells: dict[At | str, str | None] = {"Q.2": "1", profile.query.specimen: specimen}
    cells[profile.query.tests] = "ALL"
    version = profile.shape.fixed.get("H.13", "LIS2-A2")
    records = (
        Record.build("H", {"H.12": "P", "H.13": version}, delimiters, profile.encoding),
        Record.build("Q", cells, delimiters, profile.encoding),
        Record.build("L", {"L.2": "1", "L.3": "N"}, delimiters, profile.encoding),
    )
    return encode(records, profile.encoding)


def tubes(text: bytes, profile: AnalyzerProfile) -> Iterator[Tube]:
    """The O records of an answer."""
    place = profile.query
    if place is None:
        return
    test = At.parse(place.order_test)
    for message in decode(text, profile.encoding):
        for patient in message.patients:
            for node in patient.children:
                specimen = node.record.at(place.order_specimen)
                if node.record.type != "O" or not specimen:
                    continue
                repeats = range(1, len(node.record.repeats(test.field)) + 1)
                cells = [node.record.components(test.field, number) for number in repeats]
                codes = [_code(cell, test.component or 1, profile) for cell in cells]
                number = patient.record.at("P.3") or patient.record.at("P.4")
                yield Tube(specimen.strip(), number, tuple(code for code in codes if code))


def _code(cell: tuple[str, ...], component: int, profile: AnalyzerProfile) -> str | None:
    text = cell[component - 1] if len(cell) >= component else ""
    match = re.fullmatch(profile.code, text)
    return match.groupdict().get("code") if match and text else None


async def _converse(pipe: Pipe, line: Line) -> bytes:
    texts: list[bytes] = []
    while True:
        event = line.next_event()
        await pipe.write(line.data_to_send())
        match event:
            case None:
                line.receive_data(await pipe.read())
            case TransmissionEnded():
                return b"".join(texts)
            case Failed() | TransmissionIncomplete():
                raise PipeClosed("the conversation broke off")
            case _:
                await pipe.write(_answer(line, event, texts))


def _answer(line: Line, event: Event | SenderEvent, texts: list[bytes]) -> bytes:
    match event:
        case FrameReceived(frame):
            texts.append(frame.text)
            return line.accept()
        case Enquiry() | FrameRepeated():
            return line.accept()
        case FrameDamaged():
            return line.refuse()
        case _:
            return b""
