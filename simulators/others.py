"""Simulated analyzers that speak HL7, POCT1-A or text: the device's end of each conversation.

Like ``Analyzer``: ``send`` keeps trying one message until the host acknowledged it.  A device that
only broadcasts has no way of knowing; what it wrote counts as sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count

from gateway.profiles import AnalyzerProfile, Protocol
from gateway.profiles.text_views import LIS3
from gateway.protocols import hl7device, lis3, poct1a, text
from gateway.protocols.events import MessageReceived
from gateway.protocols.poct1a.message import identity, read
from gateway.protocols.poct1a.splitter import Splitter
from simulators.analyzer import GaveUp
from simulators.pipe import Opener, Pipe, PipeClosed

_ANSWER = 20.0


class Speaker:
    """``retry`` is the pause before a message that failed is sent again; ``tries`` limits them."""

    def __init__(
        self,
        profile: AnalyzerProfile,
        opener: Opener,
        *,
        clock: Callable[[], datetime],
        retry: float = 2.0,
        tries: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._profile = profile
        self._opener = opener
        self._clock = clock
        self._retry = retry
        self._tries = tries
        self._sleep = sleep
        self._ids = count(1)
        self._pipe: Pipe | None = None
        self.delivered = 0
        self.failures = 0

    async def send(self, message: Sequence[bytes]) -> None:
        """Returns when the host has acknowledged every payload; GaveUp after ``tries`` attempts."""
        for payload in message:
            await self._send(payload)

    async def _send(self, payload: bytes) -> None:
        attempts = 0
        while True:
            attempts += 1
            if await self._attempt(payload):
                self.delivered += 1
                return
            self.failures += 1
            if self._tries is not None and attempts >= self._tries:
                raise GaveUp(f"not taken after {attempts} tries")
            await self._sleep(self._retry)

    async def aclose(self) -> None:
        if self._pipe is not None:
            pipe, self._pipe = self._pipe, None
            await pipe.aclose()

    async def _attempt(self, payload: bytes) -> bool:
        try:
            pipe = self._pipe or await self._opener()
            self._pipe = pipe
            async with asyncio.timeout(_ANSWER):
                taken = await self._converse(pipe, payload)
        except (PipeClosed, TimeoutError):
            taken = False
        if not taken or self._profile.link.protocol is Protocol.POCT1A:
            await self.aclose()
        return taken

    async def _converse(self, pipe: Pipe, payload: bytes) -> bool:
        match self._profile.link.protocol:
            case Protocol.HL7:
                return await self._hl7(pipe, payload)
            case Protocol.POCT1A:
                return await self._poct1a(pipe, payload)
            case _ if self._profile.link.codec == LIS3:
                return await self._lis3(pipe, payload)
            case _:
                return await self._text(pipe, payload)

    async def _hl7(self, pipe: Pipe, payload: bytes) -> bool:
        peer = hl7device.Peer(
            self._clock,
            lambda: f"S{next(self._ids)}",
            hl7device.Dialect(wrapping=hl7device.Wrapping.MLLP),
        )
        await pipe.write(peer.send(payload))
        while True:
            while (event := peer.next_event()) is not None:
                match event:
                    case hl7device.Acknowledged(expected=True, final=True, code=code):
                        return code.value in ("AA", "CA")
                    case hl7device.MessageReceived():
                        await pipe.write(peer.accept())
                    case hl7device.MessageDamaged() | hl7device.QueryReceived():
                        await pipe.write(peer.refuse())
                    case _:
                        pass
            peer.receive_data(await pipe.read())

    async def _poct1a(self, pipe: Pipe, payload: bytes) -> bool:
        greeting, *messages = _split(payload)
        wrapped = self._profile.name.startswith("hemoscreen")
        wrapping = poct1a.Wrapping.MLLP if wrapped else poct1a.Wrapping.BARE
        device = poct1a.Device(identity(read(greeting)), self._clock, wrapping=wrapping)
        for number, raw in enumerate(messages):
            root = read(raw).root
            body = tuple(child for child in root.children if child.name != "HDR")
            device.offer(str(number), root.name, body)
        await pipe.write(device.start())
        with suppress(PipeClosed):
            while not device.ended:
                await self._listen(pipe, device)
                if not device.ended:
                    device.receive_data(await pipe.read())
        return not device.undelivered

    async def _listen(self, pipe: Pipe, device: poct1a.Device) -> None:
        while (event := device.next_event()) is not None:
            match event:
                case poct1a.MessageReceived():
                    await pipe.write(device.accept())
                case poct1a.Acknowledged() | poct1a.Delivered():
                    await pipe.write(device.advance())
                case poct1a.MessageDamaged():
                    await pipe.write(device.refuse())
                case _:
                    pass

    async def _lis3(self, pipe: Pipe, payload: bytes) -> bool:
        """Announces the sample, sends it when asked, waits for its acknowledgment."""
        fields = lis3.decode(payload)
        entries = [lis3.Entry(key, value) for key, value in fields.values.items()]
        entries = [one for one in entries if one.key not in ("aMOD", "iIID", "rSEQ")]
        for row in fields.rows:
            marks = row.values["exceptions"]
            exceptions = (marks,) if marks else ()
            value, unit = row.values["value"], row.values["unit"]
            entries.append(lis3.Entry(row.name, value, unit, exceptions))
        device = lis3.Device(fields.at("aMOD") or "0500", fields.at("iIID") or "1")
        kind = fields.name.partition("_")[0]
        await pipe.write(device.announce(fields.at("rSEQ") or str(next(self._ids)), entries, kind))
        while True:
            while (event := device.next_event()) is not None:
                match event:
                    case lis3.Delivered():
                        return True
                    case lis3.Requested() | MessageReceived():
                        await pipe.write(device.accept())
                    case _:
                        pass
            device.receive_data(await pipe.read())

    async def _text(self, pipe: Pipe, payload: bytes) -> bool:
        codec = text.CODECS.get(self._profile.link.codec or "")
        for call in codec.calls if codec else ():
            await pipe.write(call)
            if not (await pipe.read()).startswith(b"\x06"):
                return False
        await pipe.write(payload)
        if codec is None or codec.calls or isinstance(codec.framing, text.Silence):
            await self._sleep(self._silence(codec))
        return True

    def _silence(self, codec: text.Codec | None) -> float:
        """Long enough for the host to see the end of what has none."""
        return (codec.framing.patience if codec else 2.0) + 0.5


def _split(payload: bytes) -> Iterator[bytes]:
    splitter = Splitter()
    splitter.receive_data(payload)
    while (piece := splitter.next_piece()) is not None:
        yield piece.raw
