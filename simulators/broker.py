"""A small MQTT broker and a listener for the demonstration: amqtt, in process, MQTT 3.1.1.

Not for production: it keeps nothing on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

_QUIET = ("amqtt", "transitions")


@asynccontextmanager
async def broker(host: str, port: int) -> AsyncIterator[None]:
    """Listens on ``host:port`` until the block ends."""
    from amqtt.broker import Broker

    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    configuration: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        },
    }
    embedded = Broker(configuration)
    await embedded.start()
    try:
        yield
    finally:
        with suppress(Exception):
            await asyncio.wait_for(embedded.shutdown(), 1.0)


async def listen(host: str, port: int, topic: str, heard: Callable[[str, bytes], None]) -> None:
    """Calls ``heard(topic, payload)`` for every message, until cancelled."""
    from amqtt.client import MQTTClient

    client = MQTTClient(config={"auto_reconnect": False, "keep_alive": 30})
    await client.connect(f"mqtt://{host}:{port}/")
    try:
        await client.subscribe([(topic, 1)])
        while True:
            message = await client.deliver_message()
            if message is not None and message.data is not None:
                heard(message.topic, bytes(message.data))
    finally:
        with suppress(Exception):
            await asyncio.wait_for(client.disconnect(), 1.0)
