"""The imaging side in the status: what the archive holds, and who called without being known."""

from __future__ import annotations

from typing import Any, Final

import apsw

from gateway.archive import sweep
from gateway.archive.walks import Walk, walk_of
from gateway.desk.parts import Parts, UnknownCaller
from gateway.imaging import retention
from gateway.imaging.forwarding import ForwardState

_COUNTS: Final = {
    "studies": "SELECT COUNT(*) FROM studies",
    "unmatched": "SELECT COUNT(*) FROM studies WHERE match_state <> 'matched'",
    "instances": "SELECT COALESCE(SUM(instances), 0) FROM studies",
    "bytes": "SELECT COALESCE(SUM(bytes), 0) FROM studies",
    "damaged": "SELECT COUNT(*) FROM instances WHERE state <> 'stored' AND state = 'damaged'",
    "purged": "SELECT COUNT(*) FROM instances WHERE state <> 'stored' AND state <> 'damaged'",
    "quarantined": "SELECT COUNT(*) FROM quarantine WHERE state = 'open'",
}


async def imaging_status(parts: Parts) -> dict[str, Any]:
    """Counts, titles and addresses; no patient data."""
    return {
        **await parts.store.engine.browse(_counts),
        "unknown_callers": [_caller(one) for one in parts.strangers()],
    }


def _counts(connection: apsw.Connection) -> dict[str, Any]:
    counts: dict[str, Any] = {n: connection.execute(query).get for n, query in _COUNTS.items()}
    counts["forwarded"] = _forwarded(connection)
    counts["sweep"] = _walk(walk_of(connection, sweep.NAME))
    counts["retention"] = _walk(walk_of(connection, retention.NAME))
    return counts


def _forwarded(connection: apsw.Connection) -> dict[str, dict[str, int]]:
    """Images by destination and what it has said of them."""
    found: dict[str, dict[str, int]] = {}
    query = "SELECT destination, state, COUNT(*) FROM forwardings GROUP BY destination, state"
    for destination, state, count in connection.execute(query):
        known = found.setdefault(str(destination), dict.fromkeys(map(str, ForwardState), 0))
        known[str(state)] = int(str(count))
    return found


def _walk(walk: Walk) -> dict[str, Any]:
    """``found``: damaged images of a sweep, purged ones of a purge."""
    return {
        "under_way": walk.under_way,
        "seen": walk.seen if walk.under_way else walk.last_seen,
        "found": walk.found if walk.under_way else walk.last_found,
        "started_at": None if walk.started_at is None else walk.started_at.isoformat(),
        "finished_at": None if walk.finished_at is None else walk.finished_at.isoformat(),
    }


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
