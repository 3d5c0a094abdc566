"""What is new, repeated, corrected or measured again; originals, corrections, resends and reruns
in a thousand mixtures, with lost acknowledgments and restarts."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.intake import Arrival, EhrRoute, Intake, Known, Router, Sender
from gateway.matching import Earlier, pieces
from gateway.messages import DESTINATION_PROFILES
from gateway.notices import Noticeboard
from gateway.profiles import catalogue
from gateway.report import (
    Code,
    Device,
    Kind,
    Observation,
    Patient,
    ProblemCode,
    Quantity,
    Report,
    Source,
    Specimen,
)
from gateway.store import Store

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
    """A store and an intake that can be killed at any moment and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now = NOW
        self.store: Store | None = None
        self.intake: Intake | None = None

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

    async def stop(self) -> None:
        assert self.store is not None
        assert self.intake is not None
        await self.intake.drained()
        await self.store.aclose()

    async def send(self, text: bytes, *, cut_off: bool = False) -> None:
        """As a link does it; ``cut_off``: it is journaled, and the gateway dies before it is
        filed."""
        assert self.store is not None
        assert self.intake is not None
        number = self.store.open_transmission("bench", "astm", "test")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.store.append(number, text, done.set_result)
        assert await done is None
        if cut_off:
            await self.stop()
            await self.start()
            return
        self.intake.complete(Arrival(number, ("bench",), "astm", text, True, "test"))


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


async def messages(store: Store) -> list[tuple[str, str, str, str]]:
    """Label, control id, OBX-5 and OBX-11 in the order of the queue."""
    rows = await store.engine.read(
        lambda c: c.execute("SELECT control_id, body FROM outbox ORDER BY position").fetchall()
    )
    found = []
    for control, body in rows:
        segments = {s[:3]: s.split("|") for s in bytes(body).decode().split("\r") if s}
        found.append((segments["SPM"][2], control, segments["OBX"][5], segments["OBX"][11]))
    return found


async def test_a_thousand_mixtures_end_with_the_last_revision(tmp_path: Path) -> None:
    """For each specimen: an original, up to three corrections, resends of any of them, reruns."""
    rng = random.Random(11)
    bench = Bench(tmp_path)
    await bench.start()
    scripts: dict[str, list[tuple[str, int]]] = {}
    for number in range(1_000):
        label = f"L{number:04d}"
        said: list[tuple[str, int]] = [("5.0", 0)]
        script = list(said)
        for step in range(rng.randint(1, 4)):
            match rng.choice(("correction", "resend", "resend", "rerun")):
                case "correction":
                    said.append((f"5.{step + 1}", 0))
                    script.append(said[-1])
                case "rerun":
                    said.append((f"6.{step + 1}", 30 + step))
                    script.append(said[-1])
                case _:
                    script.append(rng.choice(said))  # its acknowledgment was lost
        scripts[label] = script
    queue = [(label, step) for label, script in scripts.items() for step in range(len(script))]
    order = sorted(queue, key=lambda item: (item[1] + rng.random() * 0.5, item[0]))
    for count, (label, step) in enumerate(order):
        value, minute = scripts[label][step]
        text = transmission(label, value, minute, count)
        await bench.send(text, cut_off=rng.random() < 0.01)
    await bench.stop()
    await bench.start()
    assert bench.store is not None
    found = await messages(bench.store)
    assert len({control for _, control, _, _ in found}) == len(found)
    by_label: dict[str, list[tuple[str, str]]] = {}
    for label, _, value, status in found:
        by_label.setdefault(label.split("^")[-1], []).append((value, status))
    for label, script in scripts.items():
        expected = [
            (value, "C" if minute == 0 and place else "F")
            for place, (value, minute) in enumerate(dict.fromkeys(script))
        ]
        assert by_label[label] == expected, (label, script)
    states = await bench.store.reports.list(limit=10_000)
    assert {json.loads(r.body)["id"] for r in states} == {r.id for r in states}
    await bench.stop()
