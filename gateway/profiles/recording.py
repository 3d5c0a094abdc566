"""Recorded bytes of a line cut into transmissions, offline: what a device sent, without answers.

As a driver would have taken them: each HL7 message, POCT1-A message or text block is one
transmission.  A POCT1-A greeting is put before the messages that follow it.  Silence ends what has
no end mark: ``pieces`` carry the seconds of silence before each, where the recording knows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.profiles import text_views
from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import AnalyzerProfile
from gateway.protocols import hl7device, lis3, poct1a, text
from gateway.protocols.astm import (
    Checksum,
    Comment,
    Dialect,
    Direction,
    Framing,
    Spoken,
    Transmission,
    decode,
    read_capture,
)
from gateway.protocols.events import (
    Cutoff,
    Enquiry,
    Integrity,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)
from gateway.protocols.hl7device.batch import messages_of
from gateway.protocols.hl7device.stream import Stream as Hl7Stream
from gateway.protocols.poct1a.stream import Arrived
from gateway.protocols.poct1a.stream import Stream as Poct1aStream
from gateway.protocols.tables import Content, content_of

_WORDS: Final = re.compile(rb"[\x20-\x7e]{3}")

_STRAY: Final = "text outside every message"

_LAST: Final = re.compile(rb"(?:\A|[\r\n])OBX\|(?:[^|\r\n]*\|){10}[A-Z](?:\|[^\r\n]*)?\Z")
"""A result up to its status: nothing of its value can be missing."""

Piece = tuple[bytes, float]
"""Bytes, and the seconds of silence before them."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One transmission.  ``reason`` says why it must not be used; empty for a whole one."""

    payload: bytes = field(repr=False)
    checked: bool = False
    reason: str = ""
    call: bool = False  # no transmission: the device asked to be answered

    @property
    def complete(self) -> bool:
        return not self.reason


def device_pieces(entries: Iterable[Spoken | Comment]) -> list[Piece]:
    """What the device said in a transcript, and how long it had been silent before."""
    found: list[Piece] = []
    silence = 0.0
    for entry in entries:
        if not isinstance(entry, Spoken):
            continue
        silence += float(entry.seconds or 0)
        if entry.direction is Direction.DEVICE:
            found.append((entry.data, silence))
            silence = 0.0
    return found


def ended(pieces: Sequence[Piece], link: Link) -> Sequence[Piece]:
    """A file of bare segments may have lost its last line end to an editor.  Only where what is
    there cannot have been cut short: on a line, such a message is incomplete."""
    data = b"".join(piece for piece, _ in pieces)
    bare = link.protocol is Protocol.HL7 and b"\x0b" not in data
    return (*pieces, (b"\r", 0.0)) if bare and _LAST.search(data) else pieces


def read_recording(pieces: Sequence[Piece], link: Link) -> tuple[Recorded, ...]:
    """The transmissions of a recording, in order, then text that belongs to none of them."""
    match link.protocol:
        case Protocol.ASTM:
            return tuple(_astm(b"".join(data for data, _ in pieces), link))
        case Protocol.HL7:
            return _with_strays(pieces, _hl7(pieces, link))
        case Protocol.POCT1A:
            return tuple(_poct1a(pieces))
        case Protocol.TEXT:
            return _with_strays(pieces, _text(pieces, link))
        case Protocol.RECORDING:
            return (Recorded(b"".join(data for data, _ in pieces)),)
        case Protocol.FILE:
            data = b"".join(data for data, _ in pieces)
            return read_file(data, link) if content_of(data) is Content.HL7 else (Recorded(data),)


def read_file(data: bytes, link: Link) -> tuple[Recorded, ...]:
    """The messages of an exported file; nothing vouches for what is in one but its layout."""
    if link.protocol in (Protocol.HL7, Protocol.FILE) and content_of(data) is Content.HL7:
        return tuple(_hl7_file(data))
    found = read_recording([(data, 0.0)], link)
    return tuple(replace(one, checked=False) for one in found)


def _hl7_file(data: bytes) -> Iterator[Recorded]:
    for is_message, raw in messages_of(data):
        yield Recorded(raw, reason="" if is_message else _STRAY)


def read_astm_recording(data: bytes, link: Link) -> tuple[Transmission, ...]:
    """As the bytes are framed, whatever the profile says of the line: a log may hold the records
    alone, and then nothing vouches for them.  Where there are frames, they must be sound; the
    digits of a right sum may be lower-case ones."""
    dialect = replace(link.dialect or Dialect(), framing=Framing.AUTO)
    if dialect.checksum is Checksum.REQUIRED:
        dialect = replace(dialect, checksum=Checksum.LOWER)
    return read_capture(data, dialect)


def _astm(data: bytes, link: Link) -> Iterator[Recorded]:
    for one in read_astm_recording(data, link):
        if one.outcome.value != "heartbeat":
            reason = "" if one.complete else one.outcome.value
            yield Recorded(one.text, one.checked, reason)


def _with_strays(pieces: Sequence[Piece], found: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """Nobody may take a message whose first byte is missing for silence."""
    data, position = b"".join(piece for piece, _ in pieces), 0
    transmissions, strays = [], []
    for one in found:
        start = data.find(one.payload, position)
        strays.append(data[position:start] if start >= 0 else b"")
        position = start + len(one.payload) if start >= 0 else position
        if not one.call:
            transmissions.append(one)
    strays.append(data[position:])
    return (
        *transmissions,
        *(Recorded(text, reason=_STRAY) for text in strays if _WORDS.search(text)),
    )


def _hl7(pieces: Iterable[Piece], link: Link) -> Iterator[Recorded]:
    dialect = link.hl7 or hl7device.Dialect()
    stream = Hl7Stream(dialect.wrapping, limit=dialect.limit, idle=dialect.idle)
    for data, silence in pieces:
        if stream.timeout is not None and silence >= stream.timeout:
            yield from _spoken(stream.silent())
        if data:
            stream.receive_data(data)
        while (item := stream.next_item()) is not None:
            yield from _spoken(item)
    yield from _spoken(stream.silent() if stream.timeout is not None else None)
    yield from _spoken(stream.give_up(Cutoff.LOST))


def _spoken(item: object) -> Iterator[Recorded]:
    match item:
        case MessageReceived(raw):
            yield Recorded(raw, True)
        case MessageDamaged(damage, raw):
            yield Recorded(raw, reason=f"damaged: {damage.value}")
        case MessageIncomplete(cutoff, raw):
            yield Recorded(raw, reason=f"incomplete: {cutoff.value}")
        case _:
            pass


_RESULTS = (poct1a.Kind.OBSERVATION, poct1a.Kind.EVENTS, poct1a.Kind.VENDOR)


def _poct1a(pieces: Iterable[Piece]) -> Iterator[Recorded]:
    stream = Poct1aStream()
    greeting = b""
    for data, _ in pieces:
        stream.receive_data(data)
        while (item := stream.next_item()) is not None:
            if not isinstance(item, Arrived):
                yield from _spoken(item)
            elif item.message.kind is poct1a.Kind.HELLO:
                greeting = item.message.raw
            elif item.message.kind in _RESULTS:
                yield Recorded(greeting + item.message.raw, True)
    yield from _spoken(stream.give_up(Cutoff.LOST))


def _text(pieces: Iterable[Piece], link: Link) -> Iterator[Recorded]:
    receiver = text.Receiver(text_views.framing(link.codec or ""))
    for data, silence in pieces:
        if receiver.timeout is not None and silence >= receiver.timeout:
            yield from _heard(receiver, receiver.expire())
        receiver.receive_data(data)
        while (event := receiver.next_event()) is not None:
            yield from _heard(receiver, event)
    if receiver.timeout is not None:
        yield from _heard(receiver, receiver.expire())
    while (event := receiver.connection_lost()) is not None:
        yield from _heard(receiver, event)


def _heard(receiver: text.Receiver, event: object) -> Iterator[Recorded]:
    match event:
        case MessageReceived(raw, integrity):
            receiver.accept()
            yield Recorded(raw, integrity is Integrity.CHECKED, call=raw == lis3.ACK)
        case Enquiry(raw):
            receiver.accept()
            yield Recorded(raw, call=True)
        case MessageDamaged():
            receiver.refuse()
            yield from _spoken(event)
        case _:
            yield from _spoken(event)


def record_lines(payload: bytes, profile: AnalyzerProfile) -> Iterator[str]:
    """A transmission in lines for a person: records, segments, elements, fields."""
    match profile.link.protocol:
        case Protocol.ASTM:
            for message in decode(payload, profile.encoding):
                yield from (record.raw for record in message.records)
        case Protocol.POCT1A:
            markup = payload.decode("utf-8", "replace")
            yield from markup.replace("><", ">\n<").splitlines()
        case _:
            yield from filter(None, payload.decode("utf-8", "replace").splitlines())
