"""A device nobody knows yet: its bytes to the journal, and no answer that could cost it a result.

A silence of a few seconds or the end of the connection ends a recording.  A lone enquiry is
answered ACK while the store takes data, for without it most devices say nothing more; the frame
that follows is kept and not acknowledged, so the device keeps it too.
"""

from __future__ import annotations

import asyncio
from typing import Final

from gateway.drivers.link import DeviceLink, Site
from gateway.errors import StoreError
from gateway.notices import LinkChanged, LinkState
from gateway.profiles.capture_reading import says_something
from gateway.profiles.guessing import guess

SILENCE: Final = 3.0
LONGEST: Final = 4 * 1024 * 1024
_ENQ: Final = b"\x05"
_ACK: Final = b"\x06"


class RecordingLink(DeviceLink):
    """One connection."""

    protocol = "recording"

    def __init__(self, site: Site, peer: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(site, peer, loop)
        self._arrived = bytearray()
        self._pending = b""
        self._text = bytearray()

    @property
    def holding(self) -> int:
        return len(self._arrived) + len(self._pending) + len(self._text)

    def arrived(self, data: bytes) -> None:
        self._arrived += data
        if len(self._arrived) > LONGEST:
            self.refused("flood")
            self.close()
        elif not self._waiting:
            self.advance()

    def advance(self) -> None:
        if not self._arrived:
            self.set_timeout(SILENCE if self._text else None)
            return
        self._pending = bytes(self._arrived)
        self._arrived.clear()
        self.heard()
        self.commit(self._pending)

    def committed(self, error: StoreError | None) -> None:
        pending, self._pending = self._pending, b""
        if error is not None:
            if not self._text:
                self.begin_anew(error)
            self.refused("not stored")
            return
        self._text += pending
        if pending.strip(b"\x00\xff\r\n") == _ENQ and self.site.journal.accepting:
            self.write(_ACK)
        if len(self._text) > LONGEST // 2:
            self._ended()

    def expired(self) -> None:
        self._ended()
        self.advance()

    def peer_gone(self) -> None:
        if self._arrived:
            self.advance()
        else:
            self._ended()

    def _ended(self) -> None:
        text = bytes(self._text)
        self._text.clear()
        if not text:
            return
        self.site.recipient.complete(self.arrival(text, checked=False))
        if says_something(text):
            state = LinkState.WAITING if self._lost else LinkState.UP
            for name in self.site.candidates:
                self.site.notices.post(LinkChanged(name, state, f"recorded: {guess(text)}"))
