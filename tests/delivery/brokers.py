"""A real Mosquitto on a free port, and a subscriber that keeps what it hears."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import aiomqtt
from delivery_bench import until

V5 = aiomqtt.ProtocolVersion.V5


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    assert found is not None, f"{name} is not installed; apt-get install mosquitto"
    return found


def _run(command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=log, stderr=log)


class Mosquitto:
    """``lines`` go into its configuration, besides the listener."""

    def __init__(self, folder: Path, port: int, lines: Sequence[str] = ()) -> None:
        self.port = port
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        known = list(lines) or ["allow_anonymous true"]
        if os.getuid() == 0:  # else it gives root up and cannot read the test's files
            known.append("user root")
        self._config.write_text("\n".join([f"listener {port} 127.0.0.1", *known, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    def password(self, user: str, password: str) -> Path:
        path = self._folder / "passwords"
        path.touch(mode=0o600)
        command = [_program("mosquitto_passwd"), "-b", str(path), user, password]
        subprocess.run(command, check=True, capture_output=True)
        return path

    async def start(self) -> None:
        log = (self._folder / "mosquitto.log").open("ab")
        command = [_program("mosquitto"), "-v", "-c", str(self._config)]
        with log:
            self._process = _run(command, log)
        await until(self._listening)

    def _listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "mosquitto.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@asynccontextmanager
async def mosquitto(folder: Path, port: int, *lines: str) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(folder, port, lines)
    await broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@dataclass(slots=True)
class Subscriber:
    """Messages in the order they came."""

    messages: list[aiomqtt.Message] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, topic: str) -> list[aiomqtt.Message]:
        return [message for message in self.messages if message.topic.matches(topic)]

    def payloads(self, topic: str) -> list[bytes]:
        return [bytes(message.payload) for message in self.on(topic)]

    async def until(self, topic: str, count: int) -> list[aiomqtt.Message]:
        await until(lambda: len(self.on(topic)) >= count, self.changed)
        return self.on(topic)


@asynccontextmanager
async def subscribed(port: int, topic: str = "#", **more: str) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber()
    options = {"username": more.get("username"), "password": more.get("password")}
    async with aiomqtt.Client("127.0.0.1", port, protocol=V5, **options) as client:
        await client.subscribe(topic, qos=1)

        async def listen() -> None:
            with suppress(aiomqtt.MqttError):
                async for message in client.messages:
                    subscriber.messages.append(message)
                    subscriber.changed.set()

        listening = asyncio.create_task(listen())
        try:
            yield subscriber
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
