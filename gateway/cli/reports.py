"""``gateway reports``: what was filed, and setting right whose it is."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gateway.cli.asking import ask, newest, who
from gateway.config import load


def list_reports(
    path: Path, as_json: bool, specimen: str | None, device: str | None, before: str
) -> int:
    """One line a report, the newest first."""
    asked = {"specimen": specimen, "device": device}
    found = newest(load(path), "reports.list", before, "seq", **asked)
    if as_json:
        print(json.dumps(found, indent=2))
        return 0
    if not found:
        print("no reports")
        return 0
    table = Table("id", "revision", "received", "device", "specimen", "state", box=None)
    for one in found:
        identity = (one["id"], str(one["revision"]), one["received_at"][:19])
        table.add_row(*identity, one["device"], one["specimen"] or "", one["state"])
    Console().print(table)
    return 0


def move_report(
    path: Path,
    identity: str,
    order: str,
    patient: str,
    specimen: str,
    user: str | None,
    reason: str,
) -> int:
    """Withdraws a result where it was sent and sends it where it belongs."""
    answer = ask(
        load(path),
        "reports.move",
        id=identity,
        order=order,
        patient_id=patient,
        specimen=specimen,
        user=who(user),
        reason=reason,
    )
    print(f"withdrawn, and sent as report {answer['moved_to']}: {len(answer['queued'])} message(s)")
    if answer["taken_back"]:
        print(f"{len(answer['taken_back'])} message(s) that had not left were taken back")
    return 0
