"""``gateway qc``: how each test stands by its controls."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from gateway.cli.asking import ask, known_device, who
from gateway.config import load


def list_controls(path: Path, as_json: bool, device: str | None) -> int:
    """One line a series, the newest first."""
    configuration = load(path)
    found = ask(configuration, "qc.list", device=device)
    if not found:
        known_device(configuration, device)
    if as_json:
        print(json.dumps(found, indent=2))
        return 0
    if not found:
        print("no controls")
        return 0
    names = ("device", "test", "material", "lot", "level", "value", "SD", "verdict")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for one in found:
        series = (one["device"], one["test"], one["material"], one["lot"], one["level"])
        verdict = " ".join((one["verdict"], *one["rules"]))
        value = f"{one['value']} {one['unit'] or ''}".strip()
        table.add_row(*series, value, one["deviation"] or "", verdict)
    Console().print(table)
    return 0


def release_control(
    path: Path, device: str, test: str, results: bool, user: str | None, reason: str
) -> int:
    """A failed control was dealt with."""
    configuration = load(path)
    known_device(configuration, device)
    said = {"device": device, "test": test, "results": results}
    answer = ask(configuration, "qc.release", **said, user=who(user), reason=reason)
    print(f"{device} {test} released")
    if results:
        print(f"{len(answer['results'])} held result(s) let go")
    return 0
