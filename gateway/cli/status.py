"""``gateway status``, for a terminal of 80 columns or more."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from gateway.cli.asking import ask
from gateway.config import load

_LONGEST_NAME: Final = 16
_BOOKS: Final = ("received", "delivered", "queued", "held", "discarded")


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
    width = max(60, shutil.get_terminal_size((80, 24)).columns)
    for line in lines(status):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        print(textwrap.fill(line, width, subsequent_indent=indent) if len(line) > width else line)


def lines(status: dict[str, Any]) -> Iterator[str]:
    """The status as text; short lines, what is long on a line of its own."""
    running = "running" if status["running"] else "not running"
    store = f"{status['store']['condition']} {status['store']['reason']}".strip()
    yield f"{status['site']}: gateway {running}, store {store}"
    names = (*status["devices"], *status["destinations"], *status["books"]["devices"])
    wide = min(max((len(name) for name in names), default=0), _LONGEST_NAME)
    yield from ("", "devices", *_devices(status, wide))
    yield from ("", "destinations", *_destinations(status, wide))
    yield from ("", f"books of {status['books']['day']}", *_books(status, wide), "")
    for one in status["parked"]:
        yield f"parked: message {one['id']} for {one['destination']}: {one['why'] or 'no reason'}"
    parked = sum(row["parked"] for row in status["destinations"].values())
    if (more := parked - len(status["parked"])) > 0:
        yield f"parked: {more} more, told here as these are dealt with"
    if status["imaging"] is not None:
        yield from _imaging(status["imaging"])
    disk = status["disk"]
    oldest = _time(status["oldest_undelivered"]) or "none"
    few = ": make room" if disk["free"] * 5 < disk["total"] else ""
    unread = f"   waiting to be read: {status['unread']}" if status["unread"] else ""
    yield f"held: {status['held']}{unread}   oldest undelivered: {oldest}"
    yield f"free disk: {disk['free'] / 2**30:.1f} of {disk['total'] / 2**30:.1f} GiB{few}"


def _imaging(imaging: dict[str, Any]) -> Iterator[str]:
    size = f"{imaging['bytes'] / 2**30:.1f} GiB"
    yield f"images: {imaging['instances']} in {imaging['studies']} studies, {size}"
    yield f"  {imaging['unmatched']} studies without an order"
    yield (
        f"  images in quarantine {imaging['quarantined']}, damaged {imaging['damaged']}, "
        f"purged here and kept by a PACS {imaging['purged']}"
    )
    for destination, sent in imaging["forwarded"].items():
        told = f"{sum(sent.values())} sent to {destination}, {sent['committed']} committed"
        yield f"  {told}, {sent['refused']} refused" if sent["refused"] else f"  {told}"
    for name, found in (("sweep", "damaged"), ("retention", "purged")):
        walk = imaging[name]
        when = "under way" if walk["under_way"] else f"last {_time(walk['finished_at'])}"
        if walk["started_at"]:
            yield f"  {name}: {when}, {walk['seen']} images, {walk['found']} {found}"
    for caller in imaging["unknown_callers"]:
        yield (
            f"unknown caller: {caller['ae_title']} from {caller['address']}, {caller['times']} "
            f"time(s), last {_time(caller['last_at'])}"
        )
        yield "  to let it in, add to the configuration:"
        yield from (f"    {line}" for line in caller["add"].splitlines())


def _devices(status: dict[str, Any], wide: int) -> Iterator[str]:
    for name, device in status["devices"].items():
        heard = _time(device["last_heard"]) or "never"
        row = f"{device['link']:<9} heard {heard:<16} {device['profile']}"
        yield from _row(name, wide, row, "; ".join(filter(None, _remarks(device))))


def _remarks(device: dict[str, Any]) -> Iterator[str]:
    yield device["detail"]
    yield f"{device['refused_frames']} frames refused" if device["refused_frames"] else ""
    ahead = device["clock_ahead_seconds"]
    yield "" if ahead is None else f"clock {ahead / 60:+.1f} min"


def _destinations(status: dict[str, Any], wide: int) -> Iterator[str]:
    for name, row in status["destinations"].items():
        state = {True: "up", False: "down", None: "not tried"}[row["up"]]
        state = "stopped" if row["stopped"] else state
        counts = f"{row['queued']} queued, {row['parked']} parked, {row['delivered']} delivered"
        text = f"{state:<9} {row['type']:<5} {counts}"
        yield from _row(name, wide, text, row["stopped"] or row["detail"])


def _books(status: dict[str, Any], wide: int) -> Iterator[str]:
    yield f"  {'':<{wide}}" + "".join(f" {name:>9}" for name in _BOOKS) + "  balanced"
    for device, row in status["books"]["devices"].items():
        balanced = "yes" if row["balanced"] else "NO"
        text = "".join(f" {row[name]:>9}" for name in _BOOKS) + f"  {balanced}"
        beside = [f"{row[n]} {n}" for n in ("duplicates", "incomplete") if row[n]]
        yield from _row(device, wide, text[1:], ", ".join(beside))


def _row(name: str, wide: int, text: str, more: str | None) -> Iterator[str]:
    """A name that is too long has a line of its own; so has what explains the row."""
    if len(name) > wide:
        yield f"  {name}"
        name = ""
    yield f"  {name:<{wide}} {text}"
    if more:
        yield f"      {more}"


def _time(text: str | None) -> str:
    """``2026-01-31 10:12`` in the zone of this machine."""
    if not text:
        return ""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")
