"""One connection to an MQTT broker, and the only module that knows aiomqtt and paho.

A new object for each connection: paho keeps unacknowledged messages and would send them again
behind the outbox's back.  Beyond what aiomqtt gives: the reason code of every PUBACK is looked at
(a publish the broker's ACL denies is an error under MQTT 5; 3.1.1 cannot tell), those who wait are
woken the moment the connection dies, and the limits the broker announces are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, ConnectFlags
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.errors import Ambiguous, Refused, Unreachable

CONNECT_SECONDS = 3.0  # paho's connect blocks a thread, and a clean stop has to wait for it
UNSPECIFIED, NOT_AUTHORIZED = 0x80, 0x87
IN_FLIGHT = 20  # paho's own limit, and Mosquitto's
_TOO_MUCH = {0x90: "the topic is not allowed", 0x99: "the payload is not what it should be"}


@dataclass(frozen=True, slots=True)
class Broker:
    """Where and as whom.  ``modern``: MQTT 5, else 3.1.1.  ``timeout`` of every answer, in s."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    modern: bool = True
    timeout: float = 10.0
    keep_alive: int = 20


@dataclass(frozen=True, slots=True)
class Publication:
    """QoS 1.  ``properties`` (content type and user properties) and ``expiry`` (s) need MQTT 5."""

    topic: str
    payload: bytes
    retain: bool = False
    content_type: str = "application/json"
    properties: Mapping[str, str] | None = None
    expiry: int | None = None


class NotAuthorized(Unreachable):
    """The broker's access list does not allow this client to publish on this topic."""


class Noise(logging.Logger):
    """Counts what paho would print."""

    def __init__(self) -> None:
        super().__init__("mqtt", logging.WARNING)
        self.count = 0

    def handle(self, record: logging.LogRecord) -> None:
        self.count += 1


class Connection(aiomqtt.Client):
    """``lost`` is called once with the reason when an open connection ends by itself."""

    def __init__(
        self, broker: Broker, will: Publication, lost: Callable[[str], None], noise: Noise
    ) -> None:
        version = aiomqtt.ProtocolVersion
        super().__init__(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            logger=noise,
            identifier=broker.client_id,
            protocol=version.V5 if broker.modern else version.V311,
            clean_session=None if broker.modern else True,
            clean_start=True if broker.modern else MQTT_CLEAN_START_FIRST_ONLY,
            will=_last(will, modern=broker.modern),
            timeout=broker.timeout,
            keepalive=broker.keep_alive,
            tls_context=broker.tls,
        )
        self._client.connect_timeout = CONNECT_SECONDS
        self._broker = broker
        self._lost = lost
        self._waiting: dict[int, asyncio.Future[ReasonCode]] = {}
        self._largest: int | None = None
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._open = False

    async def open(self) -> None:
        """Raises Unreachable.  A cancelled call still waits for the connecting thread."""
        entering = asyncio.ensure_future(self.__aenter__())
        try:
            await asyncio.shield(entering)
        except aiomqtt.MqttError as error:
            await self.close()
            where = f"{self._broker.host}:{self._broker.port}"
            raise Unreachable(f"no MQTT connection to {where}: {error}") from None
        except BaseException:
            await self._give_up(entering)
            raise
        self._open = True
        self._disconnected.add_done_callback(self._gone)

    async def _give_up(self, entering: asyncio.Future[Any]) -> None:
        """The connecting thread cannot be stopped, only waited for."""
        if self._client.socket() is None:
            await asyncio.wait((entering,), timeout=2 * CONNECT_SECONDS)
        entering.cancel()
        await asyncio.wait((entering,))
        _ended(entering)
        await self.close()

    async def publish_confirmed(self, publication: Publication) -> None:
        """Returns when the broker took it.  Unreachable: it cannot have it.  Ambiguous: it may.

        Refused: it never will."""
        if not self._open:
            raise Unreachable("there is no connection to the broker")
        if self._largest is not None and len(publication.payload) + 1024 > self._largest:
            raise Refused(f"larger than the broker takes ({self._largest} bytes)")
        async with self._slots:
            code = await self._publish(publication)
        _judge(code)

    async def _publish(self, publication: Publication) -> ReasonCode:
        sent = self._client.publish(
            publication.topic, publication.payload, 1, publication.retain, self._extras(publication)
        )
        if sent.rc:
            raise Unreachable("there is no connection to the broker")
        answer: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._waiting[sent.mid] = answer
        try:
            async with asyncio.timeout(self._broker.timeout):
                return await answer
        except TimeoutError:
            raise Ambiguous("the broker did not acknowledge in time") from None
        finally:
            self._waiting.pop(sent.mid, None)

    async def disconnect(self) -> None:
        """Says goodbye to the broker, so that it does not send the will, and closes."""
        if self._open:
            self._open = False
            with contextlib.suppress(aiomqtt.MqttError):
                await self.__aexit__(None, None, None)
        await self.close()

    async def close(self) -> None:
        """Drops the connection; nothing of it is left running."""
        self._open = False
        self._release()
        self._fail_waiting("the connection to the broker was closed")
        if self._misc_task is not None:
            await asyncio.wait((self._misc_task,))
        for future in (self._connected, self._disconnected):
            future.cancel()
            _ended(future)

    def _release(self) -> None:
        sock = self._client.socket()
        if sock is not None and sock.fileno() >= 0:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
            sock.close()
        if self._misc_task is not None:
            self._misc_task.cancel()

    def _extras(self, publication: Publication) -> Properties | None:
        return _extras(publication, PacketTypes.PUBLISH) if self._broker.modern else None

    def _gone(self, disconnected: asyncio.Future[None]) -> None:
        reason = _why(disconnected)
        if self._open:
            self._open = False
            self._release()
            self._fail_waiting(reason)
            self._lost(reason)

    def _fail_waiting(self, reason: str) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Ambiguous(reason))

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self._largest = getattr(properties, "MaximumPacketSize", None)
        in_flight = getattr(properties, "ReceiveMaximum", None)
        self._slots = asyncio.Semaphore(min(in_flight or IN_FLIGHT, IN_FLIGHT))
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self,
        client: PahoClient,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        answer = self._waiting.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(reason_code)

    def _on_socket_open(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        """Called in the connecting thread, where a loop must not be touched (uvloop)."""
        opened = super()._on_socket_open
        self._loop.call_soon_threadsafe(opened, client, userdata, sock)

    def _on_socket_register_write(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._write_when_ready, sock)

    def _write_when_ready(self, sock: Any) -> None:
        """The connection may be gone since: then there is nothing to write to."""
        descriptor = sock.fileno()
        if descriptor >= 0:
            self._loop.add_writer(descriptor, self._write_some)

    def _write_some(self) -> None:
        try:
            self._client.loop_write()
        except (OSError, ValueError) as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(error)


def _last(will: Publication, *, modern: bool) -> aiomqtt.Will:
    """What the broker says for us when we vanish."""
    extras = _extras(will, PacketTypes.WILLMESSAGE) if modern else None
    return aiomqtt.Will(will.topic, will.payload, qos=1, retain=will.retain, properties=extras)


def _extras(publication: Publication, packet: int) -> Properties:
    extras = Properties(packet)  # type: ignore[no-untyped-call]
    extras.ContentType = publication.content_type
    if publication.content_type == "application/json":
        extras.PayloadFormatIndicator = 1
    if publication.expiry is not None:
        extras.MessageExpiryInterval = publication.expiry
    if publication.properties:
        extras.UserProperty = list(publication.properties.items())
    return extras


def _judge(code: ReasonCode) -> None:
    """MQTT 5.0, 3.4.2.1: 0x80 and above are refusals."""
    if code.value < 0x80:
        return
    if code.value in _TOO_MUCH:
        raise Refused(f"the broker refused it: {_TOO_MUCH[code.value]}")
    reason = f"the broker refuses to take it: {code.getName().lower()}"
    raise NotAuthorized(reason) if code.value == NOT_AUTHORIZED else Unreachable(reason)


def _why(disconnected: asyncio.Future[None]) -> str:
    """With the reason an MQTT 5 broker gave, such as "session taken over"."""
    reason = "the connection to the broker was lost"
    error = None if disconnected.cancelled() else disconnected.exception()
    code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    if isinstance(code, ReasonCode) and code.value not in (0, UNSPECIFIED):
        reason += f" ({code.getName().lower()})"
    return reason


def _ended(future: asyncio.Future[Any]) -> None:
    """Its failure has been dealt with; asyncio need not mention it."""
    if future.done() and not future.cancelled():
        future.exception()
