"""``gateway reports``: what was filed, and setting right whose it is."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.cli.asking import ask, known_device, local, newest, who, wrong
from gateway.cli.saying import say
from gateway.config import load


def list_reports(
    path: Path, as_json: bool, specimen: str | None, device: str | None, before: str
) -> int:
    """The newest first; the id stands whole, on a line of its own."""
    configuration = load(path)
    asked = {"specimen": specimen, "device": device}
    found = newest(configuration, "reports.list", before, "seq", **asked)
    if not found:
        known_device(configuration, device)
    if as_json:
        say(json.dumps(found, indent=2))
        return 0
    if not found:
        say("no reports")
        return 0
    for one in found:
        specimen = one["specimen"] or "no specimen"
        say(f"{local(one['received_at'])}  {one['device']}  {specimen}  {one['state']}")
        say(f"  {one['id']}  revision {one['revision']}")
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
    if not (order or patient or specimen):
        raise wrong("what was wrong? name --order, --patient-id or --specimen")
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
    say(f"withdrawn, and sent as report {answer['moved_to']}: {len(answer['queued'])} message(s)")
    if answer["taken_back"]:
        say(f"{len(answer['taken_back'])} message(s) that had not left were taken back")
    return 0
