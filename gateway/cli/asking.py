"""Asks the running gateway, or, when none runs, works on its store directly."""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from gateway.config import Configuration
from gateway.config.mistakes import unknown
from gateway.control import NotRunning, ask_running
from gateway.errors import ConfigurationError, StoreInUse

_SHOWN: Final = 100
PATIENCE: Final = 10.0  # seconds


def pause() -> None:
    """Before the store is asked for again."""
    time.sleep(0.1)


def ask(configuration: Configuration, verb: str, **arguments: Any) -> Any:
    """The desk's answer; GatewayError when it cannot be done.

    Another command may have the store for a moment, or a gateway that is just starting."""
    folder, until = configuration.gateway.data_dir, time.monotonic() + PATIENCE
    while True:
        with suppress(NotRunning):
            return ask_running(folder, verb, arguments)
        try:
            return asyncio.run(_ask_store(configuration, verb, arguments))
        except StoreInUse:
            if time.monotonic() > until:
                raise
            pause()


async def _ask_store(configuration: Configuration, verb: str, arguments: Mapping[str, Any]) -> Any:
    from gateway.cli.run import now
    from gateway.standing import standing

    async with standing(configuration, clock=now) as desk:
        return await desk.ask(verb, arguments)


def pages(configuration: Configuration, verb: str, by: str) -> list[Any]:
    """Everything of a list that the desk gives in pages: ``by`` (``after`` or ``before``) says
    where the next one begins."""
    found: list[Any] = []
    while page := ask(configuration, verb, **{by: found[-1]["id"]} if found else {}):
        found += page
    return found


def newest(
    configuration: Configuration, verb: str, before: str, key: str = "id", **asked: Any
) -> list[Any]:
    """The hundred newest of a list, or those before a number; says on stderr that there are more,
    and how to see them."""
    start = int(number(before, "an entry to begin before")) if before else None
    found: list[Any] = ask(configuration, verb, before=start, limit=_SHOWN + 1, **asked)
    if len(found) > _SHOWN:
        place = found[_SHOWN - 1][key]
        print(f"the newest {_SHOWN} of more; --before {place} shows the next", file=sys.stderr)
    return found[:_SHOWN]


def wrong(text: str) -> ConfigurationError:
    """Wrong use of a command, seen before anybody is asked."""
    return ConfigurationError([f"gateway: {text}"])


def known_device(configuration: Configuration, name: str | None) -> None:
    """Wrong use when nothing of this name is configured: there is none, or it is mistyped."""
    known = [*configuration.devices, *configuration.send_outs]
    if name is not None and name not in known:
        raise wrong(unknown("device", name, known))


def number(text: str, what: str) -> str:
    """The number of a held item or a message; wrong use when it is none."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return text
    raise wrong(f"'{text}' is not the number of {what}")


def local(moment: str) -> str:
    """A time of the desk's as the clock on the wall has it, to the minute."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def who(user: str | None) -> str:
    """The person an act is recorded under."""
    if user:
        return user
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
