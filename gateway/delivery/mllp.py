"""Sends HL7 messages over MLLP to an EHR, one at a time, over a connection kept open.

A message is delivered when an acknowledgment names its control id (MSA-2 = MSH-10); what the code
in it means stands in ``answers``.  An acknowledgment of an earlier message is dropped; one of a
message never sent, or one that cannot be read, ends the connection, after a moment in which the
right one may follow it.  So does every wait that grew too long: an answer that comes late must find
nobody to credit it to.

The next message may leave in the very call that brought the answer to the last (``begin``); what
else came in that read is looked at before, so that no answer is older than its question.

Original mode, enhanced mode (CA is final unless MSH-16 asks for the application's own answer) and
receivers that never answer (``acknowledged=False``: delivered once the bytes left this machine).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gateway.delivery.answers import meaning, wants_application_answer
from gateway.delivery.base import Receipt, Result, Unreadable
from gateway.delivery.link import Link, connect
from gateway.errors import Ambiguous, DeliveryError, Refused
from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.hl7 import Acknowledgment, AcknowledgmentCode, read_acknowledgment
from gateway.protocols.hl7 import Unreadable as NotHl7
from gateway.protocols.mllp import encode_block
from gateway.store.messages import OutboxEntry

MOMENT = 0.5  # seconds that the right answer may come behind a useless one
SHORT = 32 * 1024  # bytes that a socket takes at once
REMEMBERED = 1_000  # control ids of earlier messages, and application answers still to come


@dataclass(frozen=True, slots=True)
class MllpOptions:
    """Times in seconds; ``limit`` is the longest acknowledgment read, in bytes."""

    host: str
    port: int
    connect: float = 10.0
    reply: float = 30.0
    acknowledged: bool = True
    tls: ssl.SSLContext | None = None
    limit: int = 1024 * 1024


Landed = Callable[[OutboxEntry, Result], None]


@dataclass(frozen=True, slots=True)
class _Sent:
    """The message on the wire, and who is told what became of it."""

    entry: OutboxEntry
    landed: Landed


class MllpSender:
    """``late`` and ``stray`` count acknowledgments nobody waited for: of earlier ids, of others."""

    concurrency = 1

    def __init__(self, options: MllpOptions) -> None:
        self._options = options
        self._link: Link | None = None
        self._sent: _Sent | None = None
        self._news: tuple[_Sent, Result] | None = None
        self._useless: Unreadable | None = None  # what was answered instead
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._earlier: OrderedDict[str, None] = OrderedDict()
        self._applications: dict[str, asyncio.Future[Receipt]] = {}
        self.late = 0
        self.stray = 0

    async def open(self) -> None:
        await self._connected()

    async def deliver(self, entry: OutboxEntry) -> Receipt:
        if self._sent is not None:
            raise LocalProtocolError("one message at a time")
        try:
            block = encode_block(entry.body)
        except LocalProtocolError as error:
            raise Refused("the message holds a framing byte and cannot be sent") from error
        link = await self._connected()
        if not self._options.acknowledged:
            return await self._send_only(link, block)
        return await self._converse(link, block, entry)

    def begin(self, entry: OutboxEntry, landed: Landed) -> bool:
        link = self._link
        if link is None or link.closed or self._sent is not None or len(entry.body) > SHORT:
            return False
        if not self._options.acknowledged:
            return False
        try:
            block = encode_block(entry.body)
        except LocalProtocolError:
            return False
        self._say(link, block, entry, landed)
        return True

    def abandon(self) -> None:
        if self._sent is not None:
            self._remember(self._sent.entry.control_id)
            self._sent = None
            self._hang_up()

    def expect(self, entry: OutboxEntry) -> asyncio.Future[Receipt] | None:
        return self._await_application(entry.control_id)

    async def serve(self, lost: Callable[[str], None]) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._link is not None:
                self._link.close()
                self._link = None

    async def _send_only(self, link: Link, block: bytes) -> Receipt:
        try:
            async with asyncio.timeout(self._options.reply) as limit:
                await link.send(block)
        except TimeoutError:
            self._hang_up()
            raise Ambiguous(_too_long("took the message", limit)) from None
        except BaseException:
            self._hang_up()
            raise
        return Receipt("sent")

    async def _converse(self, link: Link, block: bytes, entry: OutboxEntry) -> Receipt:
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        try:
            if not self._say(link, block, entry, lambda _, result: _set(answer, result)):
                await link.drained()
                self._wait_from_now()
            return await answer
        finally:
            _seen(answer)
            if self._sent is not None and self._sent.entry is entry:
                self.abandon()

    def _say(self, link: Link, block: bytes, entry: OutboxEntry, landed: Landed) -> bool:
        """Whether all of it left at once."""
        self._sent, self._useless = _Sent(entry, landed), None
        self._wait_from_now()
        return link.write(block)

    def _wait_from_now(self) -> None:
        """One timer for all messages: it looks when it fires, so that an answer costs nothing."""
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + self._options.reply
        if self._timer is None:
            self._timer = loop.call_at(self._deadline, self._look)

    def _wait_a_moment(self) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = min(self._deadline, loop.time() + MOMENT)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._sent is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._deadline:
            self._timer = loop.call_at(self._deadline, self._look)
            return
        self._finish(self._useless or Ambiguous("nobody answered in time"))
        self._tell()

    def _finish(self, result: Result) -> None:
        """What becomes of the message on the wire; ``_tell`` passes it on."""
        sent = self._sent
        if sent is None:
            return
        self._sent = None
        self._remember(sent.entry.control_id)
        if isinstance(result, Ambiguous):
            self._hang_up()
        self._news = (sent, result)

    def _tell(self) -> None:
        if (news := self._news) is not None:
            self._news = None
            sent, result = news
            sent.landed(sent.entry, result)

    def _failed(self, link: Link, error: DeliveryError) -> None:
        """Called by the link, when it ended or brings nothing of use."""
        if link is not self._link:
            return
        if self._sent is None:
            self._hang_up()
        else:
            self._finish(self._useless or error)

    def _hang_up(self) -> None:
        """Whatever still comes on this connection is nobody's answer."""
        if self._link is not None:
            self._link.abort()
            self._link = None

    def _remember(self, control_id: str) -> None:
        self._earlier[control_id] = None
        self._earlier.move_to_end(control_id)
        if len(self._earlier) > REMEMBERED:
            self._earlier.popitem(last=False)

    def _heard(self, block: bytes) -> None:
        """A block came in; called by the link."""
        if not self._options.acknowledged:
            self.stray += 1
            return
        try:
            acknowledgment = read_acknowledgment(block)
        except NotHl7 as error:
            self._unusable(f"its answer is no acknowledgment ({error.reason})")
            return
        sent, control_id = self._sent, acknowledgment.control_id
        if sent is not None and control_id == sent.entry.control_id:
            self._settle(sent.entry, acknowledgment)
        elif control_id in self._applications:
            _set(self._applications.pop(control_id), meaning(acknowledgment))
        elif control_id in self._earlier:
            self.late += 1
        else:
            self._unusable("its answer is about a message that was not sent (MSA-2)")

    def _unusable(self, reason: str) -> None:
        """A message on the wire may get its own answer yet; with none, the next one begins anew."""
        self.stray += 1
        if self._sent is None:
            self._hang_up()
        elif self._useless is None:
            self._useless = Unreadable(reason)
            self._wait_a_moment()

    def _settle(self, entry: OutboxEntry, acknowledgment: Acknowledgment) -> None:
        only_stored = acknowledgment.code is AcknowledgmentCode.COMMIT_ACCEPT
        if only_stored and wants_application_answer(entry.body):
            application = self._await_application(entry.control_id)
            self._finish(Receipt(acknowledgment.code, application))
        else:
            self._finish(meaning(acknowledgment))

    def _await_application(self, control_id: str) -> asyncio.Future[Receipt]:
        if len(self._applications) >= REMEMBERED:
            self._applications.pop(next(iter(self._applications))).cancel()
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._applications[control_id] = future
        return future

    async def _connected(self) -> Link:
        if self._link is None or self._link.closed:
            self._link = await self._connect()
        return self._link

    async def _connect(self) -> Link:
        options = self._options
        return await connect(
            lambda: Link(self._heard, options.limit, failed=self._failed, rested=self._tell),
            options.host,
            options.port,
            tls=options.tls,
            seconds=options.connect,
        )


def _seen(answer: asyncio.Future[Receipt]) -> None:
    """It may have failed after its waiter had gone; nobody needs to hear of that."""
    if answer.done() and not answer.cancelled():
        answer.exception()


def _set(answer: asyncio.Future[Receipt], result: Result) -> None:
    if answer.done():
        return
    if isinstance(result, Receipt):
        answer.set_result(result)
    else:
        answer.set_exception(result)


def _too_long(what: str, limit: asyncio.Timeout) -> str:
    """Keep-alive reports a dead connection as TimeoutError as well; both may have delivered."""
    return f"nobody {what} in time" if limit.expired() else "the connection died"
