"""The host's end of any line, without I/O: what it answers, at a fixed time and with known ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

from gateway.profiles import Link, Protocol
from gateway.profiles.text_views import LIS3, framing
from gateway.protocols import hl7device, lis3, poct1a, text
from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.events import Enquiry, MessageDamaged, MessageReceived

NOW = datetime(2026, 1, 5, 9, 15, tzinfo=UTC)

Host = hl7device.Peer | poct1a.DataManager | text.Receiver | lis3.Host


def host_of(link: Link) -> Host:
    """A fresh session of the link's language."""
    ids = count(1)
    match link.protocol:
        case Protocol.HL7:
            return hl7device.Peer(
                lambda: NOW, lambda: f"A{next(ids)}", link.hl7 or hl7device.Dialect()
            )
        case Protocol.POCT1A:
            return poct1a.DataManager(lambda: NOW, mode=link.mode)
        case _ if link.codec == LIS3:
            return lis3.Host()
        case _:
            return text.Receiver(framing(link.codec or ""))


def answers(host: Host, data: bytes, *, silence: bool = False) -> bytes:
    """What the host writes after reading ``data``, and after the silence that follows."""
    host.receive_data(data)
    said = _events(host, host.next_event)
    if silence and not isinstance(host, poct1a.DataManager) and host.timeout is not None:
        first = host.expire()
        said += b"" if first is None else _answer(host, first)
        said += _events(host, host.next_event)
    return said


def _events(host: Host, following: Callable[[], object]) -> bytes:
    said = b""
    while (event := following()) is not None:
        said += _answer(host, event)
    return said


def _answer(host: Host, event: object) -> bytes:
    match event:
        case hl7device.QueryReceived() | MessageDamaged():
            return host.refuse()
        case hl7device.MessageReceived() | poct1a.MessageReceived() | MessageReceived() | Enquiry():
            return _accepted(host)
        case poct1a.Acknowledged() | poct1a.Silent() | hl7device.Acknowledged():
            assert isinstance(host, poct1a.DataManager | hl7device.Peer)
            return host.advance()
        case _:
            return b""


def _accepted(host: Host) -> bytes:
    try:
        return host.accept()
    except LocalProtocolError as error:
        raise AssertionError("an answer out of turn") from error
