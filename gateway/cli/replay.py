"""``gateway replay``."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from gateway.cli.asking import ask, who, wrong
from gateway.cli.saying import say
from gateway.config import load
from gateway.control import began


def replay_journal(
    path: Path,
    since: str | None,
    device: str | None,
    dry_run: bool,
    as_json: bool,
    user: str | None,
) -> int:
    """Says field by field what today's profiles read differently; delivers unless ``dry_run``."""
    configuration = load(path)
    if device is not None and device not in configuration.analyzers:
        known = ", ".join(sorted(configuration.analyzers)) or "none"
        raise wrong(f"unknown device '{device}'; known: {known}")
    if since is not None and not _is_time(since):
        raise wrong(f"'{since}' is no time; write 2026-01-31 or 2026-01-31T10:00")
    started = began(configuration.gateway.data_dir)
    if started is not None and path.stat().st_mtime > started:
        say(
            f"gateway: {path} was changed after the gateway started, which reads with what it said "
            "then; restart it for the change to count",
            file=sys.stderr,
        )
    answer = ask(
        configuration, "replay", since=since, device=device, dry_run=dry_run, user=who(user)
    )
    if as_json:
        say(json.dumps(answer, indent=2, ensure_ascii=False))
        return 0
    for change in answer["changes"]:
        say(
            f"{change['device']} report {change['report']} "
            f"(transmission {change['transmission']}): {change['done']}"
        )
        for field in change["fields"]:
            say(f"  {field['at']}: {_shown(field['was'])} -> {_shown(field['now'])}")
    count = len(answer["changes"])
    say(f"{answer['transmissions']} transmission(s) read again, {count} report(s) differ")
    if ended := answer["holds_ended"]:
        say(f"{ended} transmission(s) that were held themselves are done with: read by now")
    return 0


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _shown(value: object) -> str:
    return "(nothing)" if value is None else json.dumps(value, ensure_ascii=False)
