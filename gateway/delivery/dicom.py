"""Sends archived images to a PACS: the outbox holds references, the archive the bytes.

One instance at a time in the order they came, on one association as long as there is something to
send.  An instance that is refused is parked and does not hold up the others.  With ``commitment``
the PACS is then asked to keep what it got, and only its promise, noted in the index, may ever
allow a purge here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from gateway import logs
from gateway.archive import Archive, Instance
from gateway.delivery.base import Receipt
from gateway.errors import DeliveryError, Refused, StoreCorrupt, StoreError, Unreachable
from gateway.imaging.commitment import Request
from gateway.imaging.forwarding import Forwardings
from gateway.imaging.pointer import read_message
from gateway.store.messages import OutboxEntry

QUIET: Final = 3.0


class Taken(Protocol):
    """The peer's answer to a C-STORE, the syntax it went in, and under which correction."""

    @property
    def status(self) -> int: ...

    @property
    def transfer_syntax(self) -> str: ...

    @property
    def correction(self) -> int | None: ...


class Pacs(Protocol):
    """The far end, as far as sending goes; raises the delivery errors."""

    async def open(self) -> None: ...

    async def release(self) -> None: ...

    async def store(self, instance: Instance) -> Taken: ...

    async def request_commitment(self, request: Request) -> None: ...


@dataclass(frozen=True, slots=True)
class ForwardOptions:
    """Seconds.  ``quiet``: without anything to send the association is released (and before that
    commitment asked for); ``unanswered``: then commitment is asked for again; ``look``: how often
    the archive is looked at for what nobody told of."""

    commitment: bool = False
    quiet: float = QUIET
    unanswered: float = 3600.0
    retry: float = 60.0
    look: float = 30.0
    devices: tuple[str, ...] | None = None


class DicomForwarder:
    """A ``Destination``."""

    concurrency = 1

    def __init__(
        self,
        name: str,
        pacs: Pacs,
        archive: Archive,
        forwardings: Forwardings,
        options: ForwardOptions,
        *,
        clock: Callable[[], datetime],
        make_uid: Callable[[], str],
        queued: Callable[[frozenset[str]], None],
    ) -> None:
        self._name = name
        self._pacs = pacs
        self._archive = archive
        self._forwardings = forwardings
        self._options = options
        self._clock = clock
        self._make_uid = make_uid
        self._queued = queued
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._work = asyncio.Event()

    async def feed(self) -> None:
        """Queues what the archive got; called when something was stored, and at the start."""
        while await self._forwardings.feed(self._name, self._options.devices):
            self._queued(frozenset({self._name}))

    def stored(self) -> None:
        """The archive has something new."""
        self._news.set()

    async def open(self) -> None:
        async with self._turn:
            await self._pacs.open()
        self._work.set()

    async def deliver(self, entry: OutboxEntry) -> Receipt:
        """What our own disk does not let us know or note is sent again: the peer knows its UID."""
        try:
            return await self._deliver(entry)
        except StoreCorrupt:
            raise Refused("its row in the index is damaged") from None
        except StoreError as error:
            raise Unreachable(f"the gateway's own store: {error}") from None

    async def _deliver(self, entry: OutboxEntry) -> Receipt:
        instance = await self._instance(entry)
        async with self._turn:
            try:
                taken = await self._pacs.store(instance)
                await self._forwardings.sent(
                    self._name, instance.id, taken.transfer_syntax, taken.correction
                )
            finally:
                self._work.set()  # quiet begins here, and finds on disk what there is to ask for
        return Receipt(f"{taken.status:04X}")

    async def serve(self, lost: Callable[[str], None]) -> None:
        """Feeds the queue, asks for commitment, releases an association nobody needs."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed_on())
                await self._after_work()
        finally:
            await self._pacs.release()

    def expect(self, entry: OutboxEntry) -> asyncio.Future[Receipt] | None:
        """Never: an instance is delivered or not."""

    async def _feed_on(self) -> None:
        while True:
            self._news.clear()
            await self.feed()
            try:
                async with asyncio.timeout(self._options.look):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _after_work(self) -> None:
        """When it has become quiet: commitment, then the end of the association."""
        pause: float | None = 0.0
        while True:
            await self._wait(pause)
            while self._work.is_set():
                self._work.clear()
                await self._wait(self._options.quiet)
            pause = await self._settled()

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._work.wait()
        except TimeoutError:
            return

    async def _settled(self) -> float | None:
        """Seconds until this is to be looked at again, if nothing happens before."""
        async with self._turn:
            if self._work.is_set():
                return 0.0
            try:
                asked = self._options.commitment and await self._ask()
            except DeliveryError as error:
                reason = error.reason if isinstance(error, Refused) else str(error)
                logs.get().warning("commitment.unasked", destination=self._name, reason=reason)
                await self._pacs.release()
                return self._options.retry
            if asked:
                self._work.set()  # stay for the report, which may come on this association
                return 0.0
            await self._pacs.release()
        return self._options.unanswered if self._options.commitment else None

    async def _ask(self) -> bool:
        """Whether there was anything to ask for."""
        before = self._clock() - timedelta(seconds=self._options.unanswered)
        references = await self._forwardings.uncommitted(self._name, before)
        if not references:
            return False
        request = Request(self._make_uid(), references)
        await self._forwardings.asked(self._name, request)
        try:
            await self._pacs.request_commitment(request)
        except DeliveryError:
            await self._forwardings.unasked(request)
            raise
        return True

    async def _instance(self, entry: OutboxEntry) -> Instance:
        try:
            pointer = read_message(entry)
        except (ValueError, KeyError, TypeError):
            raise Refused("the message names no instance") from None
        instance = await self._archive.index.instance(pointer.uid)
        if instance is None or instance.sha256 != pointer.sha256:
            raise Refused("the instance is not in the archive any more")
        if instance.state != "stored":
            raise Refused(f"its file is {instance.state}")
        return instance
