"""``Framing.ENVELOPE``: SOH, bare CR records, EOT; one answer byte for the whole.

Seen on Radiometer ABL9.  An envelope whose text does not begin with H and end with L, or that
holds SOH, STX, ETX, ENQ or ETB, is refused.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.astm.control import EOT
from gateway.protocols.astm.dialect import Dialect
from gateway.protocols.astm.events import Damage, Event, FrameDamaged, MessageReceived
from gateway.protocols.astm.incoming import Incoming, not_now
from gateway.protocols.astm.outline import Outline
from gateway.protocols.astm.unframed import Due, Unframed

_START: Final = re.compile(rb"\x01")
_START_OR_FRAMES: Final = re.compile(rb"[\x01\x02\x05]")
_FRAMES: Final = re.compile(rb"[\x02\x05]")
_BREAK: Final = re.compile(rb"[\x01-\x05\x17]")


class EnvelopeReader(Unframed):
    """The reader of ``Framing.ENVELOPE``."""

    def __init__(self, dialect: Dialect, incoming: Incoming) -> None:
        super().__init__(dialect, incoming, _FRAMES)

    def next_event(self) -> Event | None:
        if self._due is not None:
            raise not_now("next_event()")
        if ending := self._ending():
            return ending
        data = self._incoming.data
        start = (_START_OR_FRAMES if self._detected else _START).search(data)
        self._incoming.waste(start.start() if start else len(data))
        if not data or self.unsure:
            return None
        found = _BREAK.search(data, max(self._searched, 1))
        end = found.start() if found else len(data)
        limit = self._dialect.max_transmission
        if end >= limit:
            return self._damage(Damage.OVERSIZE, limit)
        self._searched = end
        if found is None:
            return None
        return self._open(end) if data[end] == EOT[0] else self._damage(Damage.CONTROL, end)

    def _open(self, end: int) -> Event:
        text = bytes(self._incoming.data[1:end])
        outline = Outline(loose=self._loose)
        outline.feed(text)
        if not (outline.has_header and outline.has_terminator):
            return self._damage(Damage.MALFORMED, end + 1)
        self._searched = 0
        self._due = Due.MESSAGE
        return MessageReceived(self._incoming.take(end + 1), text)

    def _damage(self, reason: Damage, count: int) -> Event:
        self._searched = 0
        self._due = Due.DAMAGE
        return FrameDamaged(reason, self._incoming.take(count))
