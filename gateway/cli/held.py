"""``gateway held``, ``gateway resend``, ``pause``, ``resume``: a person decides."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from gateway.cli.asking import ask, number, pages, who, wrong
from gateway.cli.saying import say
from gateway.config import Configuration, load
from gateway.config.mistakes import unknown


def list_held(path: Path, as_json: bool) -> int:
    """One line a held report: since when, which device, why."""
    items = pages(load(path), "held.list", "after")
    if as_json:
        say(json.dumps(items, indent=2))
        return 0
    if not items:
        say("nothing is held")
        return 0
    names = ("id", "since", "device", "why")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for item in items:
        since = datetime.fromisoformat(item["since"]).astimezone().strftime("%Y-%m-%d %H:%M")
        why = "\n".join(dict.fromkeys(_reasons(item)))
        table.add_row(str(item["id"]), since, item["device"], why)
    Console().print(table)
    return 0


def show_held(path: Path, identity: str, as_json: bool) -> int:
    """Everything a person needs to decide, the exact bytes included."""
    item = ask(load(path), "held.show", id=number(identity, "a held item"))
    if as_json:
        say(json.dumps(item, indent=2, ensure_ascii=False))
        return 0
    say(f"held {item['id']}, device {item['device']}, since {item['since']}")
    for reason in _reasons(item):
        say(f"  why: {reason}")
    for words in item.get("explanations", ()):
        say(f"    -> {words}")
    if item["report"] is not None:
        say(json.dumps(item["report"], indent=2, ensure_ascii=False))
    for one in item.get("suggestions", ()):
        say(f"  may belong to order {one['placer']} ({one['code']}, {one['status']})")
    say("bytes as they came:")
    for line in _escaped(item["bytes"]):
        say(f"  {line}")
    return 0


def decide_held(
    path: Path, verb: str, identity: str, user: str | None, reason: str, order: str = ""
) -> int:
    """Releases or discards in somebody's name."""
    chosen = number(identity, "a held item")
    if verb == "held.discard" and not reason.strip():
        raise wrong("discarding needs a reason: --reason TEXT")
    reason = reason.strip() or _asked(path, identity)
    answer = ask(load(path), verb, id=chosen, user=who(user), reason=reason, order=order)
    if "queued" in answer:
        count = len(answer["queued"])
        say(f"held {answer['id']} released: {count} message(s) queued")
        _say_waiting(answer)
    else:
        say(f"held {answer['id']} discarded; its bytes stay stored")
    return 0


def _asked(path: Path, identity: str) -> str:
    """Why it may go, from whoever sits at the terminal and has seen the bytes."""
    if not sys.stdin.isatty():
        raise wrong("releasing needs a reason: --reason TEXT")
    show_held(path, identity, as_json=False)
    try:
        reason = input("why may it be sent? (empty: it stays held) ").strip()
    except EOFError:
        reason = ""
    if not reason:
        raise wrong("releasing needs a reason; it stays held")
    return reason


def resend_message(path: Path, identity: str, as_new: bool, user: str | None) -> int:
    """Queues a stored message again."""
    chosen = number(identity, "a message")
    answer = ask(load(path), "resend", id=chosen, as_new=as_new, user=who(user))
    say(f"message {answer['id']} queued for {answer['destination']}")
    _say_waiting(answer)
    return 0


def cancel_message(path: Path, identity: str, reason: str, user: str | None) -> int:
    """Takes a parked message out of its queue."""
    chosen = number(identity, "a message")
    if not reason.strip():
        raise wrong("cancelling needs a reason: --reason TEXT")
    answer = ask(load(path), "cancel", id=chosen, reason=reason, user=who(user))
    say(f"message {answer['id']} is not sent to {answer['destination']}; the report stays stored")
    return 0


def pause_destination(path: Path, destination: str, reason: str, user: str | None) -> int:
    """Nothing more goes to it."""
    configuration = _knowing(path, destination)
    if not reason.strip():
        raise wrong("pausing needs a reason: --reason TEXT")
    asked = {"destination": destination, "reason": reason, "user": who(user)}
    paused = ask(configuration, "pause", **asked)["paused"]
    say(f"{destination} is paused" if paused else f"{destination} was stopped already")
    return 0


def _knowing(path: Path, destination: str) -> Configuration:
    """The configuration, which has that destination."""
    configuration = load(path)
    known = configuration.destinations
    if destination not in known:
        raise wrong(unknown("destination", destination, known))
    return configuration


def resume_destination(path: Path, destination: str, user: str | None) -> int:
    """Lets a stopped destination go on."""
    configuration = _knowing(path, destination)
    answer = ask(configuration, "resume", destination=destination, user=who(user))
    say(f"{destination} goes on" if answer["resumed"] else f"{destination} was not stopped")
    return 0


def _say_waiting(answer: dict[str, Any]) -> None:
    for destination, why in sorted(answer.get("waiting", {}).items()):
        say(f"  not sent to {destination} yet: {why}")


def _reasons(item: dict[str, Any]) -> list[str]:
    return [f"{p['code']} at {p['at']}" for p in item["problems"] if p["hold"]]


def _escaped(text: str) -> list[str]:
    from gateway.protocols.astm.wire import escape

    return escape(text.encode("latin-1")).replace("<CR>", "<CR>\n").splitlines()
