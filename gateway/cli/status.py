"""``gateway status``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli.asking import ask
from gateway.config import load


def show_status(path: Path, as_json: bool, must_run: bool) -> int:
    """Devices, queues, held items, oldest undelivered, free disk, the day's books."""
    status = ask(load(path), "status")
    well = status["running"] and status["store"]["condition"] == "well"
    result = 1 if must_run and not well else 0
    if as_json:
        print(json.dumps(status, indent=2))
    else:
        _draw(status)
    return result


def _draw(status: dict[str, Any]) -> None:
    console = Console()
    running = "running" if status["running"] else "not running"
    console.print(
        f"[bold]{status['site']}[/bold], gateway {running}, store "
        f"{status['store']['condition']} {status['store']['reason']}"
    )
    console.print(_devices(status))
    console.print(_destinations(status))
    console.print(_books(status))
    if status["imaging"] is not None:
        for line in _imaging(status["imaging"]):
            console.print(line, highlight=False)
    free = status["disk"]["free"] / 2**30
    oldest = status["oldest_undelivered"] or "none"
    unread = f"   waiting to be read: {status['unread']}" if status["unread"] else ""
    console.print(
        f"held: {status['held']}{unread}   oldest undelivered: {oldest}   free disk: {free:.1f} GiB"
    )


def _imaging(imaging: dict[str, Any]) -> Iterator[str]:
    yield (
        f"images: {imaging['instances']} in {imaging['studies']} studies "
        f"({imaging['bytes'] / 2**30:.1f} GiB), {imaging['unmatched']} studies without an order, "
        f"{imaging['quarantined']} in quarantine, {imaging['damaged']} damaged"
    )
    for caller in imaging["unknown_callers"]:
        yield (
            f"unknown caller: {caller['ae_title']} from {caller['address']}, {caller['times']} "
            f"time(s), last {caller['last_at'][:16]}. To let it in, add:"
        )
        yield from (f"    {escape(line)}" for line in caller["add"].splitlines())


def _devices(status: dict[str, Any]) -> Table:
    table = Table("device", "profile", "link", "detail", "last heard", "refused", "clock", box=None)
    for name, device in status["devices"].items():
        table.add_row(
            name,
            device["profile"],
            device["link"],
            device["detail"],
            device["last_heard"] or "",
            str(device["refused_frames"]),
            _clock(device["clock_ahead_seconds"]),
        )
    return table


def _clock(ahead: float | None) -> str:
    """``+24.0 min``: the device's clock is that far ahead of ours."""
    return "" if ahead is None else f"{ahead / 60:+.1f} min"


def _destinations(status: dict[str, Any]) -> Table:
    table = Table("destination", "type", "state", "queued", "parked", "delivered", box=None)
    for name, row in status["destinations"].items():
        state = {True: "up", False: "down", None: "not tried"}[row["up"]]
        if row["stopped"]:
            state = f"stopped: {row['stopped']}"
        elif row["detail"]:
            state = f"{state}: {row['detail']}"
        table.add_row(
            name, row["type"], state, str(row["queued"]), str(row["parked"]), str(row["delivered"])
        )
    return table


def _books(status: dict[str, Any]) -> Table:
    names = ("received", "delivered", "queued", "held", "discarded", "duplicates", "incomplete")
    table = Table(f"books of {status['books']['day']}", *names, "balanced", box=None)
    for device, row in status["books"]["devices"].items():
        balanced = "yes" if row["balanced"] else "[red]NO[/red]"
        table.add_row(device, *(str(row[name]) for name in names), balanced)
    return table
