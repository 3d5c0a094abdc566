"""The device's end of a conversation, without I/O: one message of a simulated analyzer to a host.

``start`` and ``hear`` give what the device writes; ``verdict`` is None while it goes on, then
whether the host took the message.  A device that only broadcasts is done when it has spoken.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Protocol as Shape

from gateway.profiles import AnalyzerProfile, Protocol
from gateway.profiles.text_views import LIS3
from gateway.protocols import hl7device, lis3, poct1a, text
from gateway.protocols.events import MessageDamaged, MessageReceived
from gateway.protocols.poct1a.message import identity, read
from gateway.protocols.poct1a.splitter import Splitter

NOW = datetime(2026, 1, 5, 9, 15, tzinfo=UTC)


class Talk(Shape):
    verdict: bool | None

    def start(self) -> bytes: ...

    def hear(self, data: bytes) -> bytes: ...


def talk(profile: AnalyzerProfile, payload: bytes) -> Talk:
    """A fresh conversation in which the device sends ``payload``."""
    match profile.link.protocol:
        case Protocol.HL7:
            return Hl7Talk(payload)
        case Protocol.POCT1A:
            return Poct1aTalk(payload, in_mllp=profile.name.startswith("hemoscreen"))
        case _ if profile.link.codec == LIS3:
            return Lis3Talk(payload)
        case _:
            codec = text.CODECS.get(profile.link.codec or "")
            return TextTalk(payload, codec.calls if codec else ())


class Hl7Talk:
    def __init__(self, payload: bytes) -> None:
        self.verdict: bool | None = None
        ids = count(1)
        dialect = hl7device.Dialect(wrapping=hl7device.Wrapping.MLLP)
        self._peer = hl7device.Peer(lambda: NOW, lambda: f"S{next(ids)}", dialect)
        self._payload = payload

    def start(self) -> bytes:
        return self._peer.send(self._payload)

    def hear(self, data: bytes) -> bytes:
        self._peer.receive_data(data)
        said = b""
        while self.verdict is None and (event := self._peer.next_event()) is not None:
            match event:
                case hl7device.Acknowledged(expected=True, final=True, code=code):
                    self.verdict = code.value in ("AA", "CA")
                case hl7device.MessageReceived():
                    said += self._peer.accept()
                case hl7device.MessageDamaged() | hl7device.QueryReceived():
                    said += self._peer.refuse()
        return said


class Poct1aTalk:
    def __init__(self, payload: bytes, *, in_mllp: bool) -> None:
        self.verdict: bool | None = None
        greeting, *messages = _split(payload)
        wrapping = poct1a.Wrapping.MLLP if in_mllp else poct1a.Wrapping.BARE
        self._device = poct1a.Device(identity(read(greeting)), lambda: NOW, wrapping=wrapping)
        for number, raw in enumerate(messages):
            root = read(raw).root
            body = tuple(child for child in root.children if child.name != "HDR")
            self._device.offer(str(number), root.name, body)

    def start(self) -> bytes:
        return self._device.start()

    def hear(self, data: bytes) -> bytes:
        self._device.receive_data(data)
        said = b""
        while (event := self._device.next_event()) is not None:
            match event:
                case poct1a.MessageReceived():
                    said += self._device.accept()
                case poct1a.Acknowledged() | poct1a.Delivered():
                    said += self._device.advance()
                case poct1a.MessageDamaged():
                    said += self._device.refuse()
        if not self._device.undelivered:
            self.verdict = True
        elif self._device.ended:
            self.verdict = False
        return said


class Lis3Talk:
    def __init__(self, payload: bytes) -> None:
        self.verdict: bool | None = None
        fields = lis3.decode(payload)
        own = ("aMOD", "iIID", "rSEQ")
        entries = [lis3.Entry(k, v) for k, v in fields.values.items() if k not in own]
        for row in fields.rows:
            marks = row.values["exceptions"]
            about = (row.values["value"], row.values["unit"], (marks,) if marks else ())
            entries.append(lis3.Entry(row.name, *about))
        self._device = lis3.Device(fields.at("aMOD") or "0500", fields.at("iIID") or "1")
        self._sample = (fields.at("rSEQ") or "1", entries, fields.name.partition("_")[0])

    def start(self) -> bytes:
        return self._device.announce(*self._sample)

    def hear(self, data: bytes) -> bytes:
        self._device.receive_data(data)
        said = b""
        while self.verdict is None and (event := self._device.next_event()) is not None:
            match event:
                case lis3.Delivered():
                    self.verdict = True
                case lis3.Requested() | MessageReceived():
                    said += self._device.accept()
                case MessageDamaged():
                    said += self._device.refuse()
        return said


class TextTalk:
    """``calls`` each wait for an answer."""

    def __init__(self, payload: bytes, calls: tuple[bytes, ...]) -> None:
        self.verdict: bool | None = None
        self._left = [*calls, payload]

    def start(self) -> bytes:
        return self._next()

    def hear(self, data: bytes) -> bytes:
        return self._next() if data.startswith(b"\x06") and self._left else b""

    def _next(self) -> bytes:
        said = self._left.pop(0)
        if not self._left:
            self.verdict = True
        return said


def _split(payload: bytes) -> list[bytes]:
    splitter, found = Splitter(), []
    splitter.receive_data(payload)
    while (piece := splitter.next_piece()) is not None:
        found.append(piece.raw)
    return found
