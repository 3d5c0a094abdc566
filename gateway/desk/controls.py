"""Controls for a person: how each test stands, and releasing a test whose control failed.

A failed control holds patients' results of its test where the site says so.  Releasing the test
lets the next ones go; those that were held meanwhile go only when the person says so, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import apsw

from gateway.desk.mistakes import Missing, Mistake
from gateway.desk.parts import Parts
from gateway.matching import quality
from gateway.report import ProblemCode
from gateway.store import Hold, audit

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Any]]


class Controls:
    """``verbs`` are added to the desk's; ``ask`` is the desk's own, for single releases."""

    def __init__(self, parts: Parts, ask: Ask) -> None:
        self._parts = parts
        self._ask = ask

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        return {"qc.list": self._list, "qc.release": self._release}

    async def _list(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The last control of each series: device, test, material, lot, level."""
        device, test = arguments.get("device"), arguments.get("test")
        return await self._parts.store.engine.browse(lambda c: quality.standing(c, device, test))

    async def _release(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """``results``: held results that nothing else keeps back go as well."""
        device = str(arguments.get("device") or "").strip()
        test = str(arguments.get("test") or "").strip()
        actor = str(arguments.get("user") or "").strip()
        reason = str(arguments.get("reason") or "").strip()
        if not actor or not reason:
            raise Mistake("releasing a failed control needs who does it and a reason")
        engine = self._parts.store.engine

        def operation(connection: apsw.Connection) -> int:
            if test not in quality.failing(connection, device):
                raise Missing(f"no failed control of '{test}' on '{device}'; see 'gateway qc list'")
            count = quality.release(connection, device, test, actor)
            audit.add(engine, connection, actor, "release control", f"{device} {test}", reason)
            return count

        count = await engine.write(operation)
        who = {"user": actor, "reason": f"control released: {reason}"}
        gone = await self._let_go(device, who) if arguments.get("results") else []
        return {"device": device, "test": test, "released": count, "results": gone}

    async def _let_go(self, device: str, who: Mapping[str, str]) -> list[int]:
        """Held results of tests that fail no more; one that cannot go stays held."""
        gone = []
        async for hold in self._parts.store.holds.every(device=device):
            if not _by_controls_alone(hold) or await self._fails(hold):
                continue
            try:
                await self._ask("held.release", {"id": hold.id, **who})
            except Mistake:
                continue
            gone.append(hold.id)
        return gone

    async def _fails(self, hold: Hold) -> bool:
        """Whether the control of one of its tests fails now."""
        shown = await self._ask("held.show", {"id": hold.id})
        tests = {one["code"]["device"] for one in shown["report"]["observations"]}
        failing = await self._parts.store.engine.read(lambda c: quality.failing(c, hold.device))
        return bool(tests & failing)


def _by_controls_alone(hold: Hold) -> bool:
    held = {problem.code for problem in hold.problems if problem.hold}
    return held == {ProblemCode.QC_FAILED}
