"""Asks the running gateway, or, when none runs, works on its store directly."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Mapping
from typing import Any

from gateway.config import Configuration
from gateway.control import NotRunning, ask_running


def ask(configuration: Configuration, verb: str, **arguments: Any) -> Any:
    """The desk's answer; GatewayError when it cannot be done."""
    folder = configuration.gateway.data_dir
    try:
        return ask_running(folder, verb, arguments)
    except NotRunning:
        return asyncio.run(_ask_store(configuration, verb, arguments))


async def _ask_store(configuration: Configuration, verb: str, arguments: Mapping[str, Any]) -> Any:
    from gateway.app import standing
    from gateway.cli.run import now

    async with standing(configuration, clock=now) as desk:
        return await desk.ask(verb, arguments)


def who(user: str | None) -> str:
    """The person an act is recorded under."""
    if user:
        return user
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
