"""What is new, repeated, corrected or measured again; originals, corrections, resends and reruns
in a thousand mixtures, with lost acknowledgments and restarts."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from gateway.delivery.base import Backoff, Patience
from gateway.delivery.courier import Courier
from gateway.delivery.mllp import MllpOptions, MllpSender
from gateway.intake import Arrival, EhrRoute, Intake, Known, Router, Sender
from gateway.matching import Earlier, pieces
from gateway.messages import DESTINATION_PROFILES
from gateway.notices import Noticeboard
from gateway.profiles import catalogue
from gateway.profiles.circumstances import TWICE
from gateway.report import (
    Code,
    Device,
    Kind,
    Observation,
    Patient,
    PatientId,
    Problem,
    ProblemCode,
    Quantity,
    Report,
    Source,
    Specimen,
)
from gateway.store import Store
from simulators.ehr import Answer, Ehr

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def one(code: str, number: str, minute: int | None = 0) -> Observation:
    at = None if minute is None else NOW + timedelta(minutes=minute)
    return Observation(Code(code), Quantity(number), number, observed_at=at)


def report(identity: str, *observations: Observation, minutes: float = 0) -> Report:
    return Report(
        identity,
        Device("bench", "generic-astm"),
        Kind.PATIENT,
        Specimen("L1"),
        Patient(),
        NOW + timedelta(minutes=minutes),
        observations,
        (),
        Source("1", "astm"),
    )


def sent(one: Report, revision: int = 1) -> Earlier:
    return Earlier(one, revision, sent=True, waits=False)


def test_nothing_before_is_new() -> None:
    first = report("a" * 32, one("GLU", "5.5"))
    (piece,) = pieces(first, (), "1")
    assert (piece.report, piece.revision, piece.previous) == (first, 1, None)


def test_the_same_again_is_nothing() -> None:
    first = report("a" * 32, one("GLU", "5.5"), one("CRP", "1.0"))
    part = report("b" * 32, one("CRP", "1.0"))
    assert pieces(replace(first, id="c" * 32), (sent(first),), "2") == ()
    assert pieces(part, (sent(first),), "2") == ()


def test_another_value_at_the_same_time_revises_the_whole_report() -> None:
    first = report("a" * 32, one("GLU", "5.5"), one("CRP", "1.0"))
    (piece,) = pieces(report("b" * 32, one("GLU", "5.6")), (sent(first),), "2")
    assert (piece.report.id, piece.revision, piece.previous) == (first.id, 2, first)
    assert [o.raw for o in piece.report.observations] == ["5.6", "1.0"]


def test_any_difference_is_a_revision() -> None:
    first = one("GLU", "5.5")
    for other in (
        replace(first, flags=("H",)),
        replace(first, notes=("hemolytic",)),
        replace(first, range="4 to 6"),
        replace(first, raw=">5.5"),
    ):
        (piece,) = pieces(report("b" * 32, other), (sent(report("a" * 32, first)),), "2")
        assert piece.revises


def test_the_mark_of_the_hour_that_comes_twice_is_no_difference() -> None:
    """The first time it is sent nobody can know that the hour will come again."""
    first = one("GLU", "5.5")
    marked = report("b" * 32, replace(first, notes=(TWICE,)))
    assert pieces(marked, (sent(report("a" * 32, first)),), "2") == ()


def test_another_time_is_another_measurement() -> None:
    first = report("a" * 32, one("GLU", "5.5"))
    (piece,) = pieces(report("b" * 32, one("GLU", "5.5", 30)), (sent(first),), "2")
    assert (piece.report.id, piece.revision) == ("b" * 32, 1)


def test_replicates_are_told_apart() -> None:
    first = report("a" * 32, one("GLU", "5.5"), one("GLU", "5.6"))
    again = report("b" * 32, one("GLU", "5.5"), one("GLU", "5.7"))
    (piece,) = pieces(again, (sent(first),), "2")
    assert [o.raw for o in piece.report.observations] == ["5.5", "5.7"]


def test_what_was_never_sent_is_no_correction() -> None:
    first = Earlier(report("a" * 32, one("GLU", "5.5")), 1, sent=False, waits=True)
    (piece,) = pieces(report("b" * 32, one("GLU", "5.6")), (first,), "2")
    assert (piece.revision, piece.previous) == (2, None)


def held(one: Report, *codes: ProblemCode) -> Earlier:
    problems = tuple(Problem(code, "R[1]") for code in codes)
    return Earlier(replace(one, problems=problems), 1, sent=False, waits=True)


@pytest.mark.parametrize(
    ("again", "kept"),
    [
        ((one("GLU", "5.6"), one("CRP", "1.0")), ()),
        ((one("GLU", "5.6"), one("CRP", "1.0"), one("K", "4.1")), ()),
        ((one("GLU", "5.6"),), (ProblemCode.UNKNOWN_FLAG,)),
        ((one("GLU", "5.6"), one("CRP", "1.0", 30)), (ProblemCode.UNKNOWN_FLAG,)),
    ],
)
def test_how_results_were_written_holds_nothing_once_all_are_sent_again(
    again: tuple[Observation, ...], kept: tuple[ProblemCode, ...]
) -> None:
    first = report("a" * 32, one("GLU", "5.5"), one("CRP", "1.0"))
    before = held(first, ProblemCode.UNKNOWN_FLAG, ProblemCode.UNKNOWN_PATIENT)
    piece = pieces(report("b" * 32, *again), (before,), "2")[0]
    assert piece.revises
    assert tuple(problem.code for problem in piece.report.problems) == kept


@pytest.mark.parametrize(
    "code",
    [
        ProblemCode.IDENTITY_CONFLICT,
        ProblemCode.QC_FAILED,
        ProblemCode.INSTRUMENT_ALARM,
        ProblemCode.KIND_UNDECIDED,
        ProblemCode.ENCODING_DOUBTFUL,
    ],
)
def test_what_holds_for_another_reason_holds_the_next_revision_too(code: ProblemCode) -> None:
    before = held(report("a" * 32, one("GLU", "5.5")), code)
    (piece,) = pieces(report("b" * 32, one("GLU", "5.6")), (before,), "2")
    assert [problem.code for problem in piece.report.problems] == [code]


def test_who_was_named_once_is_named_still() -> None:
    """A correction that names nobody goes where its original went, and the original does not
    come again after it."""
    first = replace(report("a" * 32, one("GLU", "5.5")), patient=Patient((PatientId("M1", "P.3"),)))
    (piece,) = pieces(report("b" * 32, one("GLU", "5.6")), (sent(first),), "2")
    assert piece.report.patient == first.patient
    nameless = Earlier(replace(piece.report, patient=Patient()), 2, sent=True, waits=False)
    assert pieces(replace(first, id="c" * 32), (sent(first), nameless), "3") == ()


def test_a_patient_that_was_discarded_is_nobody() -> None:
    first = report("a" * 32, one("GLU", "5.5"))
    wrong = replace(first, patient=Patient((PatientId("M2", "P.3"),)))
    chain = (sent(first), Earlier(wrong, 2, sent=False, waits=False, discarded=True))
    (piece,) = pieces(report("b" * 32, one("GLU", "5.6")), chain, "3")
    assert not piece.report.patient.known


def test_an_older_content_does_not_come_back() -> None:
    first = report("a" * 32, one("GLU", "5.5"))
    second = replace(first, observations=(one("GLU", "5.6"),))
    assert pieces(replace(first, id="c" * 32), (sent(first), sent(second, 2)), "3") == ()


def test_without_a_time_ten_minutes_decide() -> None:
    first = report("a" * 32, one("GLU", "5.5", None))
    soon = replace(first, received_at=NOW + timedelta(minutes=9))
    late = replace(first, received_at=NOW + timedelta(minutes=11))
    assert pieces(soon, (sent(first),), "2") == ()
    (piece,) = pieces(late, (sent(first),), "2")
    assert piece.report.id != first.id
    assert [p.code for p in piece.report.problems] == [ProblemCode.POSSIBLE_DUPLICATE]
    assert not piece.report.held
    assert pieces(late, (sent(first),), "2") == (piece,)
    other = report("b" * 32, one("GLU", "5.6", None), minutes=1)
    (another,) = pieces(other, (sent(first),), "2")
    assert not another.revises


class Bench:
    """Intake, store and courier that can be stopped at any moment and started again, between an
    analyzer that resends and an EHR whose acknowledgments get lost."""

    def __init__(self, directory: Path, ehr: int) -> None:
        self.directory = directory
        self.now = NOW
        self.ehr = ehr
        self.store: Store | None = None
        self.intake: Intake | None = None
        self.carrying: asyncio.Task[None] | None = None

    def clock(self) -> datetime:
        return self.now

    async def start(self) -> None:
        self.store = await Store.open(self.directory, clock=self.clock)
        device = Known("bench", catalogue()["generic-astm"], ZoneInfo("UTC"), {"GLU": "2345-7"})
        route = EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"], hold_without_patient=False)
        router = Router([route], Sender("GATEWAY", "a"), self.store.site_key, self.clock)
        notices = Noticeboard(self.clock)
        self.intake = Intake(self.store, {"bench": device}, router, notices, self.clock)
        await self.intake.recover()
        courier = Courier(
            "ehr",
            self.store.outbox,
            MllpSender(MllpOptions("127.0.0.1", self.ehr, reply=0.5)),
            clock=self.clock,
            random=lambda: 0.0,
            notices=notices,
            patience=Patience(Backoff(0.001, 0.01), silent_tries=100, silent_strikes=100),
        )
        self.carrying = asyncio.create_task(courier.run())

    async def stop(self, *, filed: bool = True) -> None:
        """``filed``: what was read is filed first; else only what stands in the journal is left."""
        assert self.store is not None
        assert self.intake is not None
        assert self.carrying is not None
        self.carrying.cancel()  # whatever is on its way: its acknowledgment finds nobody
        await asyncio.gather(self.carrying, return_exceptions=True)
        if filed:
            await self.intake.drained()
        await self.intake.ended(0)
        await self.store.aclose()

    async def send(self, text: bytes, *, cut_off: bool = False) -> None:
        """As a link does it; ``cut_off``: it is journaled, and the gateway stops before anything
        of it is read."""
        assert self.store is not None
        assert self.intake is not None
        number = self.store.open_transmission("bench", "astm", "test")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.store.append(number, text, done.set_result)
        assert await done is None
        if cut_off:
            await self.stop(filed=False)
            await self.start()
            return
        self.intake.complete(Arrival(number, ("bench",), "astm", text, True, "test"))

    async def delivered(self) -> None:
        """Nothing is left to be sent."""
        assert self.store is not None
        assert self.intake is not None
        await self.intake.drained()
        async with asyncio.timeout(120):
            while await self.store.outbox.queues():
                await asyncio.sleep(0.02)


def transmission(label: str, value: str, minute: int, sent_at: int) -> bytes:
    at = f"202601050{8 + minute // 60}{minute % 60:02d}00"
    records = (
        rf"H|\^&|||TEST^1||||||||LIS2-A2|2026010508{sent_at % 60:02d}00",
        "P|1||||DOE^JANE",
        f"O|1|{label}||^^^GLU",
        f"R|1|^^^GLU|{value}|mg/dL||N||F||||{at}",
        "L|1|N",
    )
    return "".join(f"{record}\r" for record in records).encode()


Script = list[tuple[str, int]]
"""Value and minute of each transmission of a specimen, in the order sent."""


def script(rng: random.Random) -> Script:
    """An original, up to four of: a correction, a rerun, a resend of something said before."""
    said: Script = [("5.0", 0)]
    sent = list(said)
    for step in range(rng.randint(1, 4)):
        match rng.choice(("correction", "resend", "resend", "rerun")):
            case "correction":
                said.append((f"5.{step + 1}", 0))
                sent.append(said[-1])
            case "rerun":
                said.append((f"6.{step + 1}", 30 + step))
                sent.append(said[-1])
            case _:
                sent.append(rng.choice(said))  # its acknowledgment was lost
    return sent


def expected(sent: Script) -> list[tuple[str, str]]:
    """What the EHR must see of it: everything new once, in the order it was said; another value at
    the same time is a correction."""
    seen: list[tuple[str, str]] = []
    for place, (value, minute) in enumerate(dict.fromkeys(sent)):
        seen.append((value, "C" if minute == 0 and place else "F"))
    return seen


class Seen(NamedTuple):
    """One arrival at the EHR, read by splitting."""

    label: str
    control: str
    value: str
    status: str
    filler: str


def seen(body: bytes) -> Seen:
    cells = {s[:3]: s.split("|") for s in body.decode().split("\r") if s}
    label = cells["SPM"][2].split("^")[-1]
    return Seen(label, cells["MSH"][9], cells["OBX"][5], cells["OBX"][11], cells["OBR"][3])


async def test_a_thousand_mixtures_end_with_the_last_revision(tmp_path: Path) -> None:
    """With lost acknowledgments on both sides and a restart every hundred transmissions: judged by
    what arrived at the EHR alone."""
    rng = random.Random(11)
    answers = [Answer.CLOSE if rng.random() < 0.04 else Answer.AA for _ in range(4_000)]
    ehr = Ehr([*answers, Answer.AA])
    bench = Bench(tmp_path, await ehr.listen("127.0.0.1", 0))
    await bench.start()
    scripts = {f"L{number:04d}": script(rng) for number in range(1_000)}
    queue = [(label, step) for label, sent in scripts.items() for step in range(len(sent))]
    order = sorted(queue, key=lambda item: (item[1] + rng.random() * 0.5, item[0]))
    for count, (label, step) in enumerate(order):
        value, minute = scripts[label][step]
        text = transmission(label, value, minute, count)
        await bench.send(text, cut_off=rng.random() < 0.01)
    await bench.delivered()
    await bench.stop()
    await ehr.aclose()

    bodies: dict[str, bytes] = {}
    arrivals: dict[str, list[Seen]] = {}
    for body in ehr.inbox.messages:
        one = seen(body)
        assert bodies.setdefault(one.control, body) == body, "a double with other bytes"
        arrivals.setdefault(one.label, []).append(one)
    lost = ehr.inbox.answers.count("close")
    assert len(ehr.inbox.messages) - len(bodies) >= lost > 50
    for label, sent in scripts.items():
        got = [key for key, _ in groupby(arrivals[label])]  # a double follows its own at once
        assert [(one.value, one.status) for one in got] == expected(sent), (label, sent)
        chain = {one.filler for one in got if one.value.startswith("5.")}
        assert len(chain) == 1, "a correction under another number than its original"
