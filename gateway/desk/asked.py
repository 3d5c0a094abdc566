"""Who asks, and why: what every act of a person names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.desk.mistakes import Mistake


def actor_of(arguments: Mapping[str, Any]) -> str:
    """Mistake when nobody is named."""
    actor = str(arguments.get("user") or "").strip()
    if not actor:
        raise Mistake("who does it? name yourself with --user")
    return actor


def reason_of(arguments: Mapping[str, Any]) -> str:
    """Mistake when there is none."""
    reason = str(arguments.get("reason") or "").strip()
    if not reason:
        raise Mistake("this needs a reason")
    return reason
