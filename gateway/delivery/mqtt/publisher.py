"""Publishes events on MQTT: outbox entries with QoS 1, and what the gateway says about itself.

Delivered means PUBACK with a good reason code.  ``gateway/status`` is retained: ``online`` after
connecting, ``offline`` as the last will, and ``offline`` by ourselves on a clean stop, since a
broker sends no will after a DISCONNECT.  A broker that refuses the status refuses us: Unreachable
with its reason.  MQTT is a copy; the record is the store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gateway.delivery.base import Receipt
from gateway.delivery.mqtt.announcements import Announcements, encode, properties
from gateway.delivery.mqtt.connection import (
    Broker,
    Connection,
    Noise,
    NotAuthorized,
    Publication,
)
from gateway.delivery.mqtt.topics import Topics
from gateway.errors import Ambiguous, DeliveryError, Refused, Unreachable
from gateway.notices import Noticeboard
from gateway.store.messages import OutboxEntry

GOODBYE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """``broker.password`` is read from ``password_file`` at each connection when there is one.

    ``expiry`` is how long the broker keeps a message for absent subscribers, in s (MQTT 5); a
    device's "last heard" is published at most every ``heard`` s."""

    broker: Broker
    topics: Topics
    password_file: Path | None = None
    expiry: int | None = 24 * 3600
    concurrency: int = 20
    heard: float = 15.0


class MqttPublisher:
    """``noise.count`` is what paho had to complain about."""

    def __init__(
        self,
        name: str,
        options: MqttOptions,
        *,
        clock: Callable[[], datetime],
        notices: Noticeboard,
    ) -> None:
        self._options = options
        self._topics = options.topics
        self._clock = clock
        self._notices = notices
        self._connection: Connection | None = None
        self._lost: Callable[[str], None] | None = None
        self._something = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None
        self._announcements = Announcements(options.topics, name, self._wake)
        self.noise = Noise()

    @property
    def concurrency(self) -> int:
        return self._options.concurrency

    async def open(self) -> None:
        if self._connection is None:
            self._connection = await self._connect()
            self._announcements.reconnected()
            self._something.set()

    async def deliver(self, entry: OutboxEntry) -> Receipt:
        connection = self._connection
        if connection is None:
            raise Unreachable("there is no connection to the broker")
        publication = self._publication(entry)
        try:
            await connection.publish_confirmed(publication)
        except NotAuthorized as error:
            await self._test_rights(connection)
            raise Refused(f"{error} ({publication.topic})", again=True) from error
        except Ambiguous:
            await self._drop(connection)
            raise
        return Receipt("PUBACK")

    async def serve(self, lost: Callable[[str], None]) -> None:
        self._lost = lost
        try:
            self._announcements.catch_up(self._notices.recent)
            with self._notices.watched_by(self._announcements.notice):
                while True:
                    await self._something.wait()
                    self._something.clear()
                    await self._announce()
        finally:
            self._lost = None
            if self._later is not None:
                self._later.cancel()
            await self._say_goodbye()

    def expect(self, entry: OutboxEntry) -> None:
        """A broker gives no second answer."""

    async def _connect(self) -> Connection:
        broker = self._options.broker
        if self._options.password_file is not None:
            broker = replace(broker, password=_password(self._options.password_file))
        connection = Connection(
            broker, self._status("offline", "connection lost"), self._ended, self.noise
        )
        await connection.open()
        try:
            await connection.publish_confirmed(self._status("online", ""))
        except DeliveryError as error:
            await connection.disconnect()
            raise Unreachable(f"{error} ({self._topics.gateway_status})") from error
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _test_rights(self, connection: Connection) -> None:
        """Where even the status may not be published, all would be denied: Unreachable."""
        try:
            await connection.publish_confirmed(self._status("online", ""))
        except DeliveryError:
            await self._drop(connection)
            raise

    def _ended(self, reason: str) -> None:
        """The broker went away while nobody asked it anything, or while some did."""
        self._connection = None
        if self._lost is not None:
            self._lost(reason)

    async def _drop(self, connection: Connection) -> None:
        """Whatever is unacknowledged on it goes to the outbox, not to paho's own resending."""
        if self._connection is connection:
            self._connection = None
        await connection.close()

    async def _announce(self) -> None:
        connection = self._connection
        if connection is None:
            return
        while (announcement := self._announcements.take()) is not None:
            try:
                await connection.publish_confirmed(announcement.publication)
            except (Refused, NotAuthorized):
                continue
            except DeliveryError:
                self._announcements.put_back(announcement)
                self._wake(soon=False)
                return

    async def _say_goodbye(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            with contextlib.suppress(DeliveryError, TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await connection.publish_confirmed(self._status("offline", "stopped"))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await connection.disconnect()
        finally:
            await connection.close()

    def _publication(self, entry: OutboxEntry) -> Publication:
        try:
            topic = self._topics.of(entry.meta)
        except ValueError as error:
            raise Refused(str(error)) from error
        told = {
            "id": entry.meta.get("id") or entry.report or str(entry.id),
            "type": entry.meta["content"],
            "time": entry.meta.get("time") or entry.created_at.isoformat(),
        }
        if entry.attempts or entry.resend_of is not None:
            told["possible_duplicate"] = "true"
        return Publication(
            topic,
            entry.body,
            content_type=entry.content_type,
            properties=told,
            expiry=self._options.expiry,
        )

    def _status(self, status: str, reason: str) -> Publication:
        words: dict[str, str | None] = {"status": status}
        if reason:
            words["reason"] = reason
        if status == "online" or reason == "stopped":
            words["time"] = self._clock().isoformat()
        told = properties(f"{self._topics.site}/gateway/status", "status", self._clock())
        topic = self._topics.gateway_status
        return Publication(topic, encode(words), retain=True, properties=told)

    def _wake(self, soon: bool) -> None:
        if soon:
            self._something.set()
        elif self._later is None:
            loop = asyncio.get_running_loop()
            self._later = loop.call_later(self._options.heard, self._it_is_time)

    def _it_is_time(self) -> None:
        self._later = None
        self._something.set()


def _password(path: Path) -> str:
    try:
        return path.read_text().strip("\r\n")
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}") from error
