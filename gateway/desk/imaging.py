"""The imaging side in the status: what the archive holds, and who called without being known."""

from __future__ import annotations

from typing import Any, Final

import apsw

from gateway.desk.parts import Parts, UnknownCaller

_COUNTS: Final = {
    "studies": "SELECT COUNT(*) FROM studies",
    "unmatched": "SELECT COUNT(*) FROM studies WHERE match_state <> 'matched'",
    "instances": "SELECT COALESCE(SUM(instances), 0) FROM studies",
    "bytes": "SELECT COALESCE(SUM(bytes), 0) FROM studies",
    "damaged": "SELECT COUNT(*) FROM instances WHERE state = 'damaged'",
    "quarantined": "SELECT COUNT(*) FROM quarantine WHERE state = 'open'",
}


async def imaging_status(parts: Parts) -> dict[str, Any]:
    """Counts, titles and addresses; no patient data."""
    return {
        **await parts.store.engine.browse(_counts),
        "unknown_callers": [_caller(one) for one in parts.strangers()],
    }


def _counts(connection: apsw.Connection) -> dict[str, Any]:
    return {name: connection.execute(query).get for name, query in _COUNTS.items()}


def _caller(caller: UnknownCaller) -> dict[str, Any]:
    """``add``: what would have to stand in the configuration."""
    host = f"{caller.address}/{128 if ':' in caller.address else 32}"
    return {
        "ae_title": caller.ae_title,
        "address": caller.address,
        "called": caller.called,
        "first_at": caller.first_at.isoformat(),
        "last_at": caller.last_at.isoformat(),
        "times": caller.times,
        "add": "\n".join(
            (
                "[devices.NAME]",
                'profile = "ultrasound"',
                f"ae_title = {_quoted(caller.ae_title)}",
                f'address = "{host}"',
            )
        ),
    }


def _quoted(text: str) -> str:
    """As a TOML string; what a stranger calls itself is its own choice."""
    plain = "".join(c for c in text if c.isprintable())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
