"""Requests of our own: whose answer is whose, and how long a peer may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, cast

import pytest

from gateway.drivers.dicom.asking import Asking, Wire
from gateway.drivers.dicom.service import Answer, Payload
from gateway.protocols.dicom import CEchoRQ, Context, CStoreRQ, State

CONTEXT = Context(1, "1.2.840.10008.1.1", "1.2.840.10008.1.2", scu=True, scp=False)
IMAGE = CStoreRQ(
    message_id=1,
    affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.6.1",
    affected_sop_instance_uid="2.25.1",
)


def nothing() -> None: ...


@dataclass(slots=True)
class Established:
    """A ``Wire`` and its ``Association``; ``written`` is called with each unit."""

    written: Callable[[], None] = nothing
    over: bool = False
    state: State = State.STA6
    max_send_length: int = 1
    sent: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)

    @property
    def association(self) -> Established:
        return self

    def send(self, _context: int, request: Any, _data_set: Any = None) -> bytes:
        self.sent.put_nowait(request)
        return b""

    def stream(self, _context: int, _request: Any, _chunks: Any, length: int) -> Any:
        return iter([[b""]] * length)

    async def write(self, _buffers: Sequence[Any]) -> None:
        self.written()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def asking_on(wire: Established) -> Asking:
    return Asking(cast("Wire", wire), nothing)


async def test_an_answer_that_comes_late_is_not_taken_for_the_next_one_s() -> None:
    wire = Established()
    asking = asking_on(wire)
    first, second = CEchoRQ(message_id=1), CEchoRQ(message_id=2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asking.ask(CONTEXT, first)
    asked = asyncio.create_task(asking.ask(CONTEXT, second))
    while await wire.sent.get() is not second:
        pass
    late, right = Answer(first.response(0x0110)), Answer(second.response(0))
    asking.answered(late)
    asking.answered(right)
    async with asyncio.timeout(10):
        assert await asked is right


async def test_a_long_image_may_take_long_as_long_as_it_gets_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each piece of a cine takes 200 s over this line, and the answer another 200 s."""
    loop = asyncio.get_running_loop()
    clock, passed = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: clock() + passed[0])

    def later() -> None:
        passed[0] += 200.0

    asking = asking_on(Established(written=later))
    payload = Payload(lambda: BytesIO(b"cine"), 0, 4)
    asked = asyncio.create_task(asking.ask(CONTEXT, IMAGE, payload, patience=300.0))
    while passed[0] < 800.0 and not asked.done():
        await asyncio.sleep(0)
    answer = Answer(IMAGE.response(0))
    asking.answered(answer)
    assert await asked is answer


async def test_a_peer_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    clock, passed = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: clock() + passed[0])

    def later() -> None:
        passed[0] += 301.0

    asking = asking_on(Established(written=later))
    with pytest.raises(TimeoutError):
        await asking.ask(CONTEXT, IMAGE, Payload(lambda: BytesIO(b"cine"), 0, 4), patience=300.0)
