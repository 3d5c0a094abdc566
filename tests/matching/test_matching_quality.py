"""Controls: judged by Westgard's rules, kept apart from patients, able to hold them back."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from marked_runs import CONTROLS, PATIENTS, UNDECIDED, Marked

from gateway.intake import Arrival, EhrRoute, Intake, Known, MqttRoute, Router, Sender
from gateway.matching import Rules, quality
from gateway.matching.quality import Material, Target
from gateway.matching.westgard import broken
from gateway.messages import DESTINATION_PROFILES, PatientData
from gateway.notices import Noticeboard
from gateway.profiles import catalogue
from gateway.profiles.recording import read_recording
from gateway.store import Store

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 1, 5, 10, 15, tzinfo=UTC)


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


ELEVEN = {
    *("H-12 Q", "O-12 Q", "MSH-11 Q", "role LQC", "OBS.R02", "OBR-4 LQC", "OBR-3 QC file"),
    *("O-16 CTRL", "O-16 ^C", "typed QC01", "typed Abg qc 1", "Background", "bare P"),
    "QC_NEW_DATA",
}
"""The ways of marking a control that devices have; some of the eleven have two forms."""


class Ward:
    """Every device of ``marked_runs``, one EHR that takes whatever it is sent, one broker."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.profiles = {one.profile for one in (*PATIENTS, *CONTROLS, *UNDECIDED)}
        codes = {"GLU": "2345-7"}
        units = {"WBC:": "10*3/uL"}
        devices = {
            name: Known(
                name,
                catalogue()[name],
                ZoneInfo("UTC"),
                codes if name.startswith("generic") else {},
                units if name == "horiba-micros60" else {},
            )
            for name in self.profiles
        }
        ehr = EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"], hold_without_patient=False)
        routes = [ehr, MqttRoute("events", PatientData.FULL)]
        router = Router(routes, Sender("GATEWAY", "a"), store.site_key, lambda: LATER)
        self.intake = Intake(store, devices, router, Noticeboard(lambda: LATER), lambda: LATER)

    async def send(self, run: Marked, label: str, value: str) -> None:
        """Through the framing of the device's own protocol."""
        link = catalogue()[run.profile].link
        found = [
            one for one in read_recording([(run.write(label, value), 1.0)], link) if one.payload
        ]
        whole = [one for one in found if one.complete and not one.call]
        assert len(whole) == 1, (run, found)
        number = self.store.open_transmission(run.profile, link.protocol.value, "test")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.store.append(number, whole[0].payload, done.set_result)
        assert await done is None
        arrival = Arrival(
            number, (run.profile,), link.protocol.value, whole[0].payload, True, "test"
        )
        self.intake.complete(arrival)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        await self.intake.drained()
        return await self.store.engine.read(lambda c: c.execute(query).fetchall())


async def test_two_thousand_mixed_runs_send_no_control_to_a_patient(tmp_path: Path) -> None:
    assert {run.mark for run in CONTROLS} >= ELEVEN
    rng = random.Random(2)
    store = await Store.open(tmp_path, clock=lambda: LATER)
    ward = Ward(store)
    meant: dict[str, str] = {}  # a patient's value and whose it is
    marked: Counter[str] = Counter()
    undecided = 0
    for number in range(2_000):
        draw = rng.random()
        runs = PATIENTS if draw < 0.5 else CONTROLS if draw < 0.9 else UNDECIDED
        run, value = rng.choice(runs), f"{10_000 + number}"
        label = f"M{number:05d}"
        await ward.send(run, label, value)
        if not run.mark:
            meant[value] = label
        marked[run.mark] += 1
        undecided += run.undecided
    assert min(marked[mark] for mark in ELEVEN) >= 20, marked
    sent = {}
    for (body,) in await ward.rows("SELECT body FROM outbox WHERE destination = 'ehr'"):
        segments = {s[:3]: s.split("|") for s in bytes(body).decode().split("\r") if s}
        named = segments.get("PID", [""] * 4)[3] or segments["SPM"][2]
        sent[segments["OBX"][5]] = named.split("^")[-1] if "^M" in named else named
    assert sent == meant
    topics = await ward.rows("SELECT meta, body FROM outbox WHERE destination = 'events'")
    results = [json.loads(body) for meta, body in topics if json.loads(meta)["content"] == "result"]
    assert {one["observations"][0]["value"]["number"] for one in results} == set(meant)
    assert len(await store.holds.list(limit=3_000)) == undecided
    rest = await ward.rows("SELECT DISTINCT kind FROM reports ORDER BY kind")
    assert [kind for (kind,) in rest] == ["calibration", "other", "patient", "qc", "unknown"]
    kept = await ward.rows("SELECT value FROM qc_results")
    assert not {value for (value,) in kept} & set(meant)
    assert len(kept) > 500
    await ward.intake.ended()
    await store.aclose()


@pytest.mark.parametrize("run", [*CONTROLS, *UNDECIDED], ids=lambda run: run.mark)
async def test_no_mark_lets_a_control_pass(tmp_path: Path, run: Marked) -> None:
    store = await Store.open(tmp_path, clock=lambda: LATER)
    ward = Ward(store)
    await ward.send(run, "M1", "77")
    assert not await ward.rows("SELECT 1 FROM outbox WHERE destination = 'ehr'")
    holds = await store.holds.list()
    assert len(holds) == run.undecided
    await ward.intake.ended()
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
    await bench.intake.ended()
    await store.aclose()


async def test_twenty_results_make_a_target(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, clock=lambda: NOW)
    bench = Bench(store, None)
    for number in range(20):
        await bench.send(run("QC02", f"7.{number % 3}", minute=number))
    await bench.send(run("QC02", ">8.0", minute=20))  # no number to reckon with
    await bench.send(run("QC02", "9.0", minute=21))
    await bench.send(run("QC02", "7.1", minute=22))
    await bench.intake.drained()
    query = "SELECT verdict FROM qc_results ORDER BY id"
    verdicts = await store.engine.read(lambda c: [v for (v,) in c.execute(query)])
    assert verdicts[:20] == ["no-target"] * 20
    assert verdicts[20:] == ["no-number", "1-2s,1-3s", "ok"]
    await bench.intake.ended()
    await store.aclose()


@pytest.mark.parametrize(
    ("value", "kept", "holds"),
    [
        (">600", [(">600", None, "no-number")], True),
        ("<1.0", [("<1.0", None, "no-number")], True),
        ("5..0", [("unreadable", None, "no-number")], True),
        ("5.0", [("5.0", "0.000", "ok")], False),
    ],
)
async def test_a_control_without_a_number_has_failed(
    tmp_path: Path, value: str, kept: list[tuple[str, str | None, str]], *, holds: bool
) -> None:
    store = await Store.open(tmp_path, clock=lambda: NOW)
    bench = Bench(store, Rules({}, matches=False, hold_failed=True))
    await bench.send(run("QC01", "5.0", minute=1))
    await bench.send(run("QC01", value, minute=2))
    await bench.send(run("QC09", value, minute=3))  # no target: nothing to fail
    await bench.send(run("L1", "5.5", minute=4))
    await bench.intake.drained()
    query = "SELECT value, deviation, verdict FROM qc_results WHERE material = 'QC01' ORDER BY id"
    rows = await store.engine.read(lambda c: c.execute(query).fetchall())
    assert rows == [("5.0", "0.000", "ok"), *kept]
    held = await store.holds.list()
    assert ("qc-failed" in [p.code.value for one in held for p in one.problems]) is holds
    assert [one["verdict"] for one in await store.engine.read(failed)] == ["failed"] * holds
    await bench.intake.ended()
    await store.aclose()


def failed(connection: Any) -> list[dict[str, Any]]:
    return [one for one in quality.standing(connection, None, None) if one["verdict"] == "failed"]
