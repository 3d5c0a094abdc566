"""An analyzer, its orders and its results, around a real store; nothing is delivered."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from gateway.desk import LinkBoard
from gateway.desk.parts import Parts
from gateway.intake import Arrival, EhrRoute, Intake, Known, Router, Sender
from gateway.intake.late_orders import LateOrders
from gateway.intake.planning import Planner
from gateway.matching import Policy, Rules
from gateway.messages import DESTINATION_PROFILES
from gateway.notices import Noticeboard
from gateway.orders import patients, placing
from gateway.orders.model import Identifier, OrderData, Person, SpecimenData
from gateway.profiles import catalogue
from gateway.store import Store
from gateway.store.moments import to_micros

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CODES = {"GLU": "2345-7", "K": "2823-3", "NA": "2951-2"}
BMP = tuple(frozenset(pair) for pair in CODES.items())


class Bench:
    """One analyzer; its results may come before their orders."""

    def __init__(
        self, store: Store, policy: Policy = Policy.REQUIRED, *, hold_partial: bool = False
    ) -> None:
        self.store, self.now = store, START
        rules = Rules(
            {"bench": policy},
            panels={"BMP": frozenset(CODES)},
            known=frozenset((*CODES, *CODES.values())),
            expected={"bench": {"BMP": BMP}},
            hold_partial=hold_partial,
        )
        device = Known("bench", catalogue()["generic-astm"], ZoneInfo("UTC"), CODES)
        route = EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"])
        self.router = router = Router([route], Sender("GATEWAY", "a"), store.site_key, self.clock)
        notices = Noticeboard(self.clock)
        self.intake = Intake(store, {"bench": device}, router, notices, self.clock, rules)
        self.late = LateOrders(
            store, Planner(router, self.clock, None, rules), rules, notices, self.clock
        )

    def clock(self) -> datetime:
        return self.now

    async def result(self, label: str, *values: str, patient: str = "", minute: int = 0) -> None:
        """``values`` are ``CODE=NUMBER``, all of one time."""
        await self.mixed(label, *((value, minute) for value in values), patient=patient)

    async def flagged(self, label: str, *values: str) -> None:
        """The first of the values bears a flag nobody knows."""
        await self.mixed(label, *((value, 0) for value in values), flag="?!")

    async def untimed(self, label: str, *values: str) -> None:
        await self.mixed(label, *((value, None) for value in values))

    async def mixed(
        self, label: str, *values: tuple[str, int | None], patient: str = "", flag: str = "N"
    ) -> None:
        """Each value (``CODE=NUMBER`` or ``CODE=NUMBER:STATUS``) with the minute it was measured
        in."""
        lines = [r"H|\^&|||TEST^1||||||||LIS2-A2|20260105080000", f"P|1||{patient}||DOE^JANE"]
        lines.append(f"O|1|{label}||^^^ALL")
        for number, (value, minute) in enumerate(values, start=1):
            code, _, answer = value.partition("=")
            digits, _, status = answer.partition(":")
            at = "" if minute is None else f"202601050{8 + minute // 60}{minute % 60:02d}00"
            unit = "mg/dL" if code == "GLU" else "mmol/L"
            lines.append(f"R|{number}|^^^{code}|{digits}|{unit}||{flag}||{status or 'F'}||||{at}")
            flag = "N"
        text = "".join(f"{line}\r" for line in (*lines, "L|1|N")).encode()
        number = self.store.open_transmission("bench", "astm", "test")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.store.append(number, text, done.set_result)
        assert await done is None
        self.intake.complete(Arrival(number, ("bench",), "astm", text, True, "test"))
        await self.intake.drained()

    async def order(
        self, placer: str, label: str, code: str = "GLU", name: str = "", number: str = "MRN1"
    ) -> int:
        """How many results it freed."""
        person = Person((Identifier(number, "EHR", "MR"),), name or "DOE^JANE")
        data = OrderData(placer, "EHR", code, specimens=(SpecimenData(label),))

        def place(connection: Any) -> None:
            owner = patients.register(connection, person, to_micros(self.now))
            placing.place(connection, data, owner, 1, self.now, timedelta(days=14))

        await self.store.engine.write(place)
        return await self.late.look()

    async def sent(self) -> list[dict[str, list[str]]]:
        rows = await self.store.engine.read(
            lambda c: c.execute("SELECT body FROM outbox ORDER BY position").fetchall()
        )
        texts = [bytes(body).decode().split("\r") for (body,) in rows]
        return [{line[:3]: line.split("|") for line in text if line} for text in texts]

    async def values(self) -> list[list[tuple[str, str, str]]]:
        """Device code, OBX-5 and OBX-11 of every observation of every message."""
        rows = await self.store.engine.read(
            lambda c: c.execute("SELECT body FROM outbox ORDER BY position").fetchall()
        )
        lines = [bytes(body).decode().split("\r") for (body,) in rows]
        cells = [[x.split("|") for x in text if x.startswith("OBX")] for text in lines]
        return [[(o[3].split("^")[3], o[5], o[11]) for o in message] for message in cells]

    async def reasons(self) -> list[list[str]]:
        holds = await self.store.holds.list()
        return [[p.code.value for p in hold.problems if p.hold] for hold in holds]

    async def balanced(self) -> bool:
        (books,) = await self.store.books.between(
            START - timedelta(days=1), START + timedelta(days=9)
        )
        return books.balanced


def parts_of(bench: Bench) -> Parts:
    """What a desk works with, as far as results go."""
    known = {"store": bench.store, "router": bench.router, "clock": bench.clock}
    more = {"intake": bench.intake, "destinations": {"ehr": "mllp"}, "lanes": {}, "running": True}
    rest = {"links": LinkBoard(()), "four_eyes": False}
    return cast("Parts", SimpleNamespace(**known, **more, **rest))
