"""Damaged characters of a serial line, as the kernel marks them (termios INPCK with PARMRK).

Parity error, framing error (wrong speed) or break arrive as ``FF 00 XX``; a sound FF arrives as
``FF FF``.  Each damaged character becomes one SYN (0x16), which LIS01-A2 forbids inside a frame and
gives no meaning outside: the frame it hit is refused whatever its checksum says, and a damaged
control character is never mistaken for another one.  XX, which is known to be wrong, is dropped.
"""

from __future__ import annotations

from typing import Final

SUBSTITUTE: Final = b"\x16"
_MARK: Final = 0xFF


class MarkDecoder:
    """Takes the marks out of a stream, however it is cut."""

    def __init__(self) -> None:
        self._held = b""

    def decode(self, data: bytes) -> tuple[bytes, int]:
        """The characters in ``data`` and how many of them were damaged."""
        if not self._held and _MARK not in data:
            return data, 0
        data = self._held + data
        sound = bytearray()
        damaged = start = 0
        while (mark := data.find(_MARK, start)) >= 0:
            sound += data[start:mark]
            sequence = data[mark : mark + 3]
            if len(sequence) < 2 or (sequence[1] == 0 and len(sequence) < 3):
                self._held = sequence
                return bytes(sound), damaged
            if sequence[1] == 0:
                sound += SUBSTITUTE
                damaged += 1
                start = mark + 3
            else:
                # FF FF; any other follower means that marking is off: pass the FF as it came
                sound.append(_MARK)
                start = mark + (2 if sequence[1] == _MARK else 1)
        self._held = b""
        return bytes(sound + data[start:]), damaged
