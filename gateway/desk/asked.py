"""Who asks, why, and of which study: what an act of a person names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import apsw

from gateway.archive import Index, Study
from gateway.desk.mistakes import Missing, Mistake
from gateway.store import Engine, audit

MOST: Final = 1_000
"""The longest page of a list."""


def limit_of(arguments: Mapping[str, Any], usual: int = 100) -> int:
    """How long a page is to be."""
    return max(1, min(int(arguments.get("limit") or usual), MOST))


def actor_of(arguments: Mapping[str, Any]) -> str:
    """Mistake when nobody is named."""
    actor = str(arguments.get("user") or "").strip()
    if not actor:
        raise Mistake("who does it? name yourself with --user")
    return actor


def reason_of(arguments: Mapping[str, Any], act: str = "this") -> str:
    """Mistake when there is none; it says that ``act`` needs one."""
    reason = str(arguments.get("reason") or "").strip()
    if not reason:
        raise Mistake(f"{act} needs a reason")
    return reason


async def study_of(index: Index, arguments: Mapping[str, Any]) -> Study:
    """Missing when there is none of that UID."""
    study = await index.study(str(arguments.get("uid")))
    if study is None:
        raise Missing("there is no such study; see 'gateway studies list'")
    return study


def record(
    engine: Engine, connection: apsw.Connection, actor: str, action: str, uid: str, detail: str
) -> None:
    """An act on a study, in the audit trail, inside the act's own transaction."""
    audit.add(engine, connection, actor, action, f"study {uid}", detail)
