"""``gateway run`` and ``gateway check``."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

from gateway.cli import STOPS
from gateway.cli.apart import Apart
from gateway.config import Configuration, load, schema
from gateway.config.contradictions import contradictions
from gateway.config.openness import open_listeners
from gateway.messages import Tables, tables_of, take_tables
from gateway.optional import COLOURS, PIXELS, leave_out

FILES: Final = 65_536
GARBAGE: Final = (10_000, 20, 20)
"""When to collect: new objects, then rounds of the younger generations."""


def check_configuration(path: Path, show_schema: bool) -> int:
    """Says that the file is sound, or (by the error it raises) every mistake in it."""
    if show_schema:
        print(json.dumps(schema(), indent=2))
        return 0
    configuration = load(path)
    devices, destinations = len(configuration.devices), len(configuration.destinations)
    print(f"{path}: {devices} device(s), {destinations} destination(s), no mistakes")
    if not configuration.destinations:
        print(f"{path}: note: no destination yet; results will be stored and sent nowhere")
    for found in (*contradictions(configuration), *open_listeners(configuration)):
        print(f"{path}: note: {'.'.join(found.where)}: {found.text}")
    return 0


def run_gateway(path: Path) -> int:
    """Runs until SIGTERM or Ctrl-C; prints ``ready`` when all listeners are open."""
    leave_out(*PIXELS, *COLOURS)
    _allow_files()
    preparing = Apart(partial(_prepared, path))
    runner = _loop_runner()
    import_module("gateway.app")  # meanwhile
    prepared = preparing.outcome()
    take_tables(prepared.tables)
    with runner:
        runner.run(_run(prepared.configuration))
    return 0


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a gateway keeps of checking its configuration and of the HL7 tables (decision 0023)."""

    configuration: Configuration
    tables: Tables


def _prepared(path: Path) -> _Prepared:
    from gateway.destinations import message_profiles

    configuration = load(path)
    return _Prepared(configuration, tables_of(message_profiles(configuration)))


def _allow_files() -> None:
    """As many open files as this process may have, where fewer are usual: a connection is one, and
    strangers must not be able to use them up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _loop_runner() -> asyncio.Runner:
    """uvloop where it is installed: a quarter more frames a second for the same work."""
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _run(configuration: Configuration) -> None:
    from gateway import logs
    from gateway.app import serve
    from gateway.notices import Noticeboard

    logs.configure()
    for found in open_listeners(configuration):
        logs.get().warning("listener.open", where=".".join(found.where), detail=found.text)
    notices = Noticeboard(now)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stopping.set)
    with notices.watched_by(logs.note):
        await serve(
            configuration,
            notices=notices,
            clock=now,
            stopping=stopping,
            ready=lambda _: _ready(),
        )


def _ready() -> None:
    """What was loaded stays: looking through it for garbage again and again would only stop the
    lines."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    print("ready", flush=True)


def now() -> datetime:
    return datetime.now(UTC)
