"""Sends HL7 messages over MLLP to an EHR, one at a time, over a connection kept open.

A message is delivered when an acknowledgment names its control id (MSA-2 = MSH-10); what the code
in it means stands in ``answers``.  An acknowledgment of an earlier message is dropped; one of a
message never sent, or one that cannot be read, ends the connection.  So does every wait that
grew too long: an answer that comes late must find nobody to credit it to.

Original mode, enhanced mode (CA is final unless MSH-16 asks for the application's own answer) and
receivers that never answer (``acknowledged=False``: delivered once the bytes left this machine).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.delivery.answers import failure
from gateway.delivery.base import Receipt, Unreadable
from gateway.delivery.link import Link
from gateway.errors import Ambiguous, DeliveryError, Refused, Unreachable
from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.hl7 import Acknowledgment, AcknowledgmentCode, read_acknowledgment
from gateway.protocols.hl7 import Unreadable as NotHl7
from gateway.protocols.mllp import encode_block
from gateway.store.messages import OutboxEntry

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


@dataclass(slots=True)
class _Sent:
    """The message on the wire and who waits for its answer."""

    control_id: str
    wants_application: bool
    answer: asyncio.Future[Receipt] = field(repr=False)


class MllpSender:
    """``late`` and ``stray`` count acknowledgments nobody waited for: of earlier ids, of others."""

    concurrency = 1

    def __init__(self, options: MllpOptions) -> None:
        self._options = options
        self._link: Link | None = None
        self._sent: _Sent | None = None
        self._earlier: dict[str, None] = {}
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

    def expect(self, entry: OutboxEntry) -> asyncio.Future[Receipt] | None:
        return self._await_application(entry.control_id)

    async def serve(self, lost: Callable[[str], None]) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
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
        self._sent = _Sent(entry.control_id, _wants_application_answer(entry.body), answer)
        link.waiter = answer
        try:
            async with asyncio.timeout(self._options.reply) as limit:
                if not link.write(block):
                    await link.drained()
                    limit.reschedule(asyncio.get_running_loop().time() + self._options.reply)
                return await answer
        except TimeoutError:
            self._hang_up()
            raise Ambiguous(_too_long("answered", limit)) from None
        except (Refused, Unreachable):
            raise
        except BaseException:
            self._hang_up()
            raise
        finally:
            _seen(answer)
            link.waiter = None
            self._sent = None
            self._remember(entry.control_id)

    def _hang_up(self) -> None:
        """Whatever still comes on this connection is nobody's answer."""
        if self._link is not None:
            self._link.abort()
            self._link = None

    def _remember(self, control_id: str) -> None:
        self._earlier.pop(control_id, None)
        self._earlier[control_id] = None
        if len(self._earlier) > REMEMBERED:
            del self._earlier[next(iter(self._earlier))]

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
        if sent is not None and control_id == sent.control_id:
            self._settle(sent, acknowledgment)
        elif control_id in self._applications:
            _conclude(self._applications.pop(control_id), acknowledgment)
        elif control_id in self._earlier:
            self.late += 1
        else:
            self._unusable("its answer is about a message that was not sent (MSA-2)")

    def _unusable(self, reason: str) -> None:
        self.stray += 1
        if self._sent is not None and not self._sent.answer.done():
            self._sent.answer.set_exception(Unreadable(reason))

    def _settle(self, sent: _Sent, acknowledgment: Acknowledgment) -> None:
        if sent.answer.done():
            self.late += 1
            return
        only_stored = acknowledgment.code is AcknowledgmentCode.COMMIT_ACCEPT
        if only_stored and sent.wants_application:
            application = self._await_application(sent.control_id)
            sent.answer.set_result(Receipt(acknowledgment.code, application))
        else:
            _conclude(sent.answer, acknowledgment)

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
        loop = asyncio.get_running_loop()
        where = f"{options.host}:{options.port}"
        try:
            async with asyncio.timeout(options.connect):
                _, link = await loop.create_connection(
                    lambda: Link(self._heard, options.limit),
                    options.host,
                    options.port,
                    ssl=options.tls,
                )
        except ssl.SSLError as error:
            raise Unreachable(f"{where}: TLS failed ({error.reason or 'no reason'})") from error
        except socket.gaierror as error:
            raise Unreachable(f"{where}: the name cannot be resolved") from error
        except TimeoutError as error:
            raise Unreachable(f"{where}: no connection within {options.connect:g} s") from error
        except ConnectionRefusedError as error:
            raise Unreachable(f"{where}: nobody listens there") from error
        except OSError as error:
            why = error.strerror or "closed by the other side before it was of use"
            raise Unreachable(f"{where}: {why}") from error
        return link


def _seen(answer: asyncio.Future[Receipt]) -> None:
    """It may have failed after its waiter had gone; nobody needs to hear of that."""
    if answer.done() and not answer.cancelled():
        answer.exception()


def _conclude(answer: asyncio.Future[Receipt], acknowledgment: Acknowledgment) -> None:
    if answer.done():
        return
    error: DeliveryError | None = failure(acknowledgment)
    if error is None:
        numbers = (acknowledgment.placer, acknowledgment.filler)
        answer.set_result(Receipt(acknowledgment.code, None, *numbers))
    else:
        answer.set_exception(error)


def _wants_application_answer(message: bytes) -> bool:
    """Whether MSH-16 is AL: the receiving application answers after the commit."""
    fields = message.split(b"\r", 1)[0].split(message[3:4])
    return len(fields) > 15 and fields[15] == b"AL"


def _too_long(what: str, limit: asyncio.Timeout) -> str:
    """Keep-alive reports a dead connection as TimeoutError as well; both may have delivered."""
    return f"nobody {what} in time" if limit.expired() else "the connection died"
