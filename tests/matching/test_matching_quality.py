"""Controls: judged by Westgard's rules, kept apart from patients, able to hold them back."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.intake import Arrival, EhrRoute, Intake, Known, Router, Sender
from gateway.matching import Rules, quality
from gateway.matching.quality import Material, Target
from gateway.matching.westgard import broken
from gateway.messages import DESTINATION_PROFILES
from gateway.notices import Noticeboard
from gateway.profiles import catalogue
from gateway.store import Store

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("newest_first", "rules"),
    [
        ((), ()),
        (("1.9",), ()),
        (("2",), ()),
        (("2.1",), ("1-2s",)),
        (("-3.1",), ("1-2s", "1-3s")),
        (("2.1", "2.2"), ("1-2s", "2-2s")),
        (("2.1", "-2.2"), ("1-2s", "R-4s")),
        (("2.1", "0", "2.1"), ("1-2s",)),
        (("1.1", "1.2", "1.3", "1.4"), ("4-1s",)),
        (("1.1", "1.2", "1.3", "0.9"), ()),
        (("-1.1", "-1.2", "-1.3", "-1.4"), ("4-1s",)),
        (("0.1",) * 10, ("10-x",)),
        (("0.1",) * 9, ()),
        (("0.1",) * 9 + ("-0.1",), ()),
    ],
)
def test_the_six_rules(newest_first: tuple[str, ...], rules: tuple[str, ...]) -> None:
    assert broken([Decimal(text) for text in newest_first]) == rules


class Bench:
    def __init__(self, store: Store, rules: Rules | None) -> None:
        self.store = store
        codes = {"GLU": "2345-7", "CRP": "1988-5"}
        device = Known("bench", catalogue()["generic-astm"], ZoneInfo("UTC"), codes)
        route = EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"], hold_without_patient=False)
        router = Router([route], Sender("GATEWAY", "a"), store.site_key, lambda: NOW)
        target = Target(Decimal("5.0"), Decimal("0.1"))
        materials = {"QC01": Material("LOT7", "1", {"GLU": target})}
        notices = Noticeboard(lambda: NOW)
        self.intake = Intake(
            store, {"bench": device}, router, notices, lambda: NOW, rules, materials
        )

    async def send(self, text: bytes) -> None:
        number = self.store.open_transmission("bench", "astm", "test")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.store.append(number, text, done.set_result)
        assert await done is None
        self.intake.complete(Arrival(number, ("bench",), "astm", text, True, "test"))

    async def bodies(self) -> list[str]:
        await self.intake.drained()
        rows = await self.store.engine.read(
            lambda c: c.execute("SELECT body FROM outbox ORDER BY id").fetchall()
        )
        return [bytes(body).decode() for (body,) in rows]


def run(
    label: str,
    value: str,
    *,
    minute: int = 0,
    code: str = "GLU",
    header: str = "P",
    action: str = "N",
    kind: str = "",
) -> bytes:
    at = f"20260105{minute // 60 % 9:02d}{minute % 60:02d}00"
    records = (
        rf"H|\^&|||TEST^1|||||||{header}|LIS2-A2|20260105080000",
        "P|1||MRN1||DOE^JANE",
        f"O|1|{label}||^^^{code}|||||||{action}||||{kind}",
        f"R|1|^^^{code}|{value}|mg/dL||N||F||||{at}",
        "L|1|N",
    )
    return "".join(f"{record}\r" for record in records).encode()


MARKS: tuple[dict[str, str], ...] = (
    {"header": "Q"},
    {"action": "Q"},
    {"kind": "CTRL"},
    {"kind": "QC"},
    {"kind": "Q^C"},
    {"kind": "control"},
)
LABELS = ("QC01", "qc 1", "Abg qc 1", "QC-12345678", "CONTROL 2", "Background", "Calib 1")


async def test_two_thousand_mixed_runs_send_no_control_with_a_patient(tmp_path: Path) -> None:
    rng = random.Random(2)
    store = await Store.open(tmp_path, clock=lambda: NOW)
    bench = Bench(store, None)
    patients = set()
    for number in range(2_000):
        if rng.random() < 0.5:
            label, marks = f"L{number:04d}", {}
            patients.add(label)
        elif rng.random() < 0.5:
            label, marks = f"C{number:04d}", rng.choice(MARKS)
        else:
            label, marks = rng.choice(LABELS), {}
        await bench.send(run(label, f"5.{number}", minute=number, **marks))
    sent = {
        line.split("|")[2].split("^")[-1]
        for body in await bench.bodies()
        for line in body.split("\r")
        if line.startswith("SPM")
    }
    assert sent == patients
    kept = await store.engine.read(lambda c: c.execute("SELECT COUNT(*) FROM qc_results").get)
    assert kept > 300
    await store.aclose()


async def test_a_failed_control_holds_patients_until_somebody_releases_it(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, clock=lambda: NOW)
    bench = Bench(store, Rules({}, matches=False, hold_failed=True))
    await bench.send(run("QC01", "5.05", minute=1))
    await bench.send(run("L1", "5.5", minute=2))
    await bench.intake.drained()
    assert len(await bench.bodies()) == 1
    await bench.send(run("QC01", "5.45", minute=3))
    await bench.send(run("L2", "5.5", minute=4))
    await bench.send(run("L3", "5.5", minute=5, code="CRP"))
    assert len(await bench.bodies()) == 2
    (hold,) = await store.holds.list()
    assert [p.code.value for p in hold.problems if p.hold] == ["qc-failed"]
    rows = await store.engine.read(
        lambda c: c.execute("SELECT lot, level, deviation, verdict FROM qc_results").fetchall()
    )
    assert rows == [("LOT7", "1", "0.500", "ok"), ("LOT7", "1", "4.500", "1-2s,1-3s")]
    await store.engine.write(lambda c: quality.release(c, "bench", "GLU", "tech"))
    await bench.send(run("L4", "5.5", minute=6))
    assert len(await bench.bodies()) == 3
    await store.aclose()


async def test_twenty_results_make_a_target(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, clock=lambda: NOW)
    bench = Bench(store, None)
    for number in range(20):
        await bench.send(run("QC02", f"7.{number % 3}", minute=number))
    await bench.send(run("QC02", "9.0", minute=21))
    await bench.intake.drained()
    query = "SELECT verdict FROM qc_results ORDER BY id"
    verdicts = await store.engine.read(lambda c: [v for (v,) in c.execute(query)])
    assert verdicts[:20] == ["no-target"] * 20
    assert verdicts[20] == "1-2s,1-3s"
    await store.aclose()
