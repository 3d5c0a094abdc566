"""What the gateway says of itself on MQTT, with a broker whose every answer the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from delivery_bench import now

from gateway.delivery.mqtt import Broker, MqttOptions, MqttPublisher, Topics
from gateway.delivery.mqtt.connection import Connection, NotAuthorized, Publication
from gateway.errors import Ambiguous, DeliveryError
from gateway.notices import Delivered, LinkChanged, LinkState, Noticeboard

TOPICS = Topics("clinic", "clinic-a")
OPTIONS = MqttOptions(Broker("192.0.2.1", 1883, "gateway"), TOPICS, heard=0.0)
DOWN = LinkChanged("analyzer", LinkState.FAILED, "/dev/ttyUSB0: no such port")


@dataclass(slots=True)
class Told:
    """A ``Connection``; ``answers`` holds what is raised for a topic, one after the other."""

    answers: dict[str, list[DeliveryError]] = field(default_factory=dict)
    published: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def publish_confirmed(self, publication: Publication) -> None:
        await asyncio.sleep(0)
        if errors := self.answers.get(publication.topic):
            raise errors.pop(0)
        self.published.put_nowait(publication.topic)

    async def disconnect(self) -> None: ...

    async def close(self) -> None: ...


class Publisher(MqttPublisher):
    """Its broker is there at once."""

    line = Told()

    async def _connect(self) -> Connection:
        return cast("Connection", self.line)


@asynccontextmanager
async def publishing(board: Noticeboard, line: Told) -> AsyncIterator[None]:
    publisher = Publisher("events", OPTIONS, clock=now, notices=board)
    publisher.line = line
    serving = asyncio.create_task(publisher.serve(lambda _: None))
    await asyncio.sleep(0)
    await publisher.open()
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_what_happened_before_it_was_ready_is_told() -> None:
    """A serial port that is missing at the start says so once, and before anything else runs."""
    board, line = Noticeboard(now), Told()
    board.post(DOWN)
    async with publishing(board, line):
        assert await line.published.get() == TOPICS.lab("analyzer", "status")


async def test_what_the_broker_did_not_acknowledge_in_time_is_told_again() -> None:
    topic = TOPICS.lab("analyzer", "status")
    board, line = Noticeboard(now), Told({topic: [Ambiguous("not in time")]})
    async with publishing(board, line):
        board.post(DOWN)
        assert await line.published.get() == topic


async def test_a_topic_that_is_denied_holds_up_no_other() -> None:
    denied = TOPICS.lab("analyzer", "status")
    board, line = Noticeboard(now), Told({denied: [NotAuthorized("denied")] * 100})
    async with publishing(board, line):
        board.post(DOWN)
        board.post(Delivered("ehr", 7, "R7", "AA", 0.1))
        assert await line.published.get() == TOPICS.delivery("ehr")


async def test_a_delivery_is_told_once_however_often_it_begins() -> None:
    board, line = Noticeboard(now), Told()
    publisher = Publisher("events", OPTIONS, clock=now, notices=board)
    publisher.line = line
    board.post(Delivered("ehr", 7, "R7", "AA", 0.1))
    board.post(DOWN)
    for _ in range(2):
        serving = asyncio.create_task(publisher.serve(lambda _: None))
        await asyncio.sleep(0)
        await publisher.open()
        async with asyncio.timeout(10):
            assert await line.published.get() == TOPICS.lab("analyzer", "status")
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert line.published.get_nowait() == TOPICS.gateway_status
    assert line.published.empty()
