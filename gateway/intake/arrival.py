"""A transmission as a link hands it on, or as the journal gives it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.profiles.link import Link, Protocol
from gateway.profiles.recording import read_recording
from gateway.protocols.astm import Dialect, Framing, read_capture

_STX, _ENQ, _EOT = b"\x02", b"\x05", b"\x04"


@dataclass(frozen=True, slots=True)
class Arrival:
    """``payload`` is the joined text without its framing; ``checked`` whether checksums vouch.

    ``received_at`` is None for what arrives now.
    """

    transmission: int
    candidates: tuple[str, ...]
    protocol: str
    payload: bytes = field(repr=False)
    checked: bool
    peer: str
    received_at: datetime | None = None

    @classmethod
    def stored(
        cls,
        transmission: int,
        candidates: tuple[str, ...],
        protocol: str,
        entries: Sequence[bytes],
        peer: str,
        received_at: datetime,
        link: Link,
    ) -> Arrival | None:
        """Rebuilt from journal entries; None when they do not make a whole transmission."""
        joined = payload(entries, link)
        if joined is None:
            return None
        text, checked = joined
        return cls(transmission, candidates, protocol, text, checked, peer, received_at)


def payload(entries: Sequence[bytes], link: Link) -> tuple[bytes, bool] | None:
    """The text of acknowledged entries, and whether checksums vouch; None when it is cut off."""
    data = b"".join(entries)
    if not data:
        return None
    match link.protocol:
        case Protocol.ASTM:
            return _astm(data, link.dialect or Dialect())
        case Protocol.TEXT:
            return _text(data, link)
        case Protocol.FILE | Protocol.RECORDING:
            return data, False
        case _:
            return data, True  # an entry is a whole message, stored as it is handed on


def _astm(data: bytes, dialect: Dialect) -> tuple[bytes, bool] | None:
    if data.startswith(_STX):
        found = read_capture(_ENQ + data + _EOT, replace(dialect, framing=Framing.FRAMED))
    else:
        found = read_capture(data, replace(dialect, framing=Framing.AUTO))
    whole = [one for one in found if one.complete]
    if len(whole) != 1 or found[0] is not whole[0]:
        return None
    return whole[0].text, whole[0].checked


def _text(data: bytes, link: Link) -> tuple[bytes, bool] | None:
    """Taken in once more, which tells whether a check value vouches for it."""
    found = read_recording([(data, 0.0)], link)
    if len(found) != 1 or not found[0].complete:
        return None
    return found[0].payload, found[0].checked
