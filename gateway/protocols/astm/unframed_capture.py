"""A recording of bare CR records or of envelopes, read by a live receiver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gateway.protocols.astm.dialect import Dialect, Framing, Numbering
from gateway.protocols.astm.events import (
    Event,
    FrameDamaged,
    Incomplete,
    MessageReceived,
    TransmissionIncomplete,
)
from gateway.protocols.astm.findings import Finding, Outcome, Remark, Transmission
from gateway.protocols.astm.outline import Outline
from gateway.protocols.astm.receiver import Receiver

_TEXT: Final = re.compile(rb"[\x20-\x7e]{3}")


def read_unframed(data: bytes, dialect: Dialect) -> Iterator[Transmission]:
    """The messages of the recording, in order; ``checked`` is false for all of them."""
    receiver = Receiver(dialect)
    receiver.receive_data(data)
    end = 0
    while (event := receiver.next_event() or receiver.connection_lost()) is not None:
        if (found := _transmission(event, receiver, dialect)) is not None:
            yield from _stray(data, end, found.offset)
            end = receiver.position
            yield found
    yield from _stray(data, end, len(data))


def _stray(data: bytes, start: int, end: int) -> Iterator[Transmission]:
    """Text outside every message; noise there is nobody's business."""
    if _TEXT.search(data, start, end):
        finding = Finding(Remark.JUNK, start, end - start, spoils=True)
        yield Transmission(
            start, Outcome.DAMAGED, findings=(finding,), checked=False, raw=data[start:end]
        )


def _transmission(event: Event, receiver: Receiver, dialect: Dialect) -> Transmission | None:
    end = receiver.position
    match event:
        case MessageReceived(raw, text):
            receiver.accept()
            return _built(end, raw, Outcome.COMPLETE, text)
        case FrameDamaged(reason, raw):
            receiver.refuse()
            finding = Finding(reason, end - len(raw), len(raw), spoils=True)
            return _built(end, raw, Outcome.DAMAGED, b"", finding)
        case TransmissionIncomplete(reason, _, raw):
            text = raw[1:] if dialect.framing is Framing.ENVELOPE else raw
            if reason is Incomplete.LOST and _whole(text, dialect):
                return _built(end, raw, Outcome.COMPLETE, text, Finding(Remark.NO_END, end))
            return _built(end, raw, Outcome.INCOMPLETE, text, Finding(reason, end, spoils=True))
    return None


def _whole(text: bytes, dialect: Dialect) -> bool:
    outline = Outline(loose=dialect.numbering is Numbering.LOOSE)
    outline.feed(text)
    return outline.has_header and outline.has_terminator


def _built(end: int, raw: bytes, outcome: Outcome, text: bytes, *findings: Finding) -> Transmission:
    start = end - len(raw)
    unchecked = Finding(Remark.UNCHECKED, start)
    frames = (raw,) if outcome is Outcome.COMPLETE else ()
    return Transmission(
        start, outcome, text, frames, (*findings, unchecked), checked=False, raw=raw
    )
