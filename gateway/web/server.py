"""The HTTP listener in the gateway's own loop: uvicorn, without its signals and its logs.

Opened by ``serving`` and closed with its block; open event streams end at once, so that a stop
takes no longer than the slowest ordinary answer, and at most ``GRACE`` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from gateway.archive import Archive, Filed
from gateway.config import HttpSection
from gateway.config.checks.listeners import is_loopback
from gateway.control import Ask
from gateway.errors import ConfigurationError, StreamUnavailable, said
from gateway.notices import Noticeboard
from gateway.store import Store
from gateway.web.application import application
from gateway.web.events import Bulletin
from gateway.web.guard import Guard
from gateway.web.line import HttpLine
from gateway.web.metrics import Tally
from gateway.web.parts import Parts
from gateway.web.study_links import StudyLinks
from gateway.web.token import Token, load_token

GRACE: Final = 1
_CONCURRENCY: Final = 256
_HEAD: Final = 16 * 1024
_KEEP_ALIVE: Final = 15


@dataclass(frozen=True, slots=True)
class Site:
    """Where and with what: ``listen`` is HOST:PORT; certificate and key are for TLS.  ``address``:
    what people call it by, where that is something else; ``page_days``: how long a link to a
    study's page lasts."""

    listen: str
    token_file: Path
    certificate: Path | None = None
    key: Path | None = None
    address: str = ""
    page_days: int = 30

    @property
    def called(self) -> str:
        scheme = "http" if self.certificate is None else "https"
        return self.address or f"{scheme}://{self.listen}"


def site_of(section: HttpSection, data_dir: Path) -> Site:
    """As the ``[http]`` section says."""
    file = section.token_file or data_dir / "http.token"
    return Site(
        section.listen,
        file,
        section.certificate_file,
        section.key_file,
        section.address,
        section.page_days,
    )


def study_links(site: Site, clock: Callable[[], datetime]) -> StudyLinks:
    """Those that ``serving`` answers.  Reads the token, or makes it; ConfigurationError."""
    return _links(site, load_token(site.token_file), clock)


def _links(site: Site, token: Token, clock: Callable[[], datetime]) -> StudyLinks:
    return StudyLinks(site.called, token.derived("study page"), site.page_days, clock)


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals to the gateway."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    site: Site,
    ask: Ask,
    notices: Noticeboard,
    store: Store,
    archive: Archive | None = None,
    filed: Callable[[Filed], None] = lambda _: None,
) -> AsyncIterator[int]:
    """The port, until the block ends.  ConfigurationError or StreamUnavailable when it cannot."""
    token = await asyncio.to_thread(load_token, site.token_file)
    bulletin, tally = Bulletin(secrets.token_hex(4)), Tally()
    links = _links(site, token, store.engine.clock)
    app = application(Parts(ask, bulletin, tally, archive, store.engine, filed, links))
    with (
        contextlib.closing(_listener(site)) as listener,
        notices.watched_by(bulletin.see),
        notices.watched_by(tally.see),
    ):
        server = _Server(_configured(Guard(app, token=token), site))
        running = asyncio.create_task(server.serve([listener]))
        try:
            await _first(server.ready, running)
            yield int(listener.getsockname()[1])
        finally:
            bulletin.close()
            server.should_exit = True
            await asyncio.gather(running, return_exceptions=True)


def _configured(app: ASGIApp, site: Site) -> uvicorn.Config:
    tls: Mapping[str, str | None] = {
        "ssl_certfile": None if site.certificate is None else str(site.certificate),
        "ssl_keyfile": None if site.key is None else str(site.key),
    }
    return uvicorn.Config(
        app,
        http=HttpLine,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONCURRENCY,
        h11_max_incomplete_event_size=_HEAD,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=tls["ssl_certfile"],
        ssl_keyfile=tls["ssl_keyfile"],
    )


def _listener(site: Site) -> socket.socket:
    host, _, port = site.listen.rpartition(":")
    host = host.strip("[]")
    if not is_loopback(host) and site.certificate is None:
        told = f"http.listen: {host} can be reached from elsewhere; that needs certificate_file"
        raise ConfigurationError([told])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=128)
    except OSError as error:
        why = said(error)
        raise StreamUnavailable(f"http: cannot listen on {site.listen} ({why})") from None


async def _first(ready: asyncio.Event, running: asyncio.Task[None]) -> None:
    """Until it listens; raises what kept it from doing so."""
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if not ready.is_set():
        try:
            await running
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ConfigurationError([f"http: the certificate cannot be used ({why})"]) from None
        raise StreamUnavailable("http: the listener ended at once")
