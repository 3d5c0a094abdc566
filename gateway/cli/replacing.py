"""What becomes of personal texts of a capture: other texts of the same length and look.

The same text becomes the same, wherever it stands; ``secret`` decides what.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

_SHORTEST: Final = 4
_DATE: Final = re.compile(rb"(19|20)[0-9]{2}(-?)[0-9]{2}\2[0-9]{2}([T ]?[0-9:.+-]*)")


_BEFORE: Final = rb"(?:(?<![0-9A-Za-z])|(?<=\x1e[a-z][a-z]))"
_AFTER: Final = rb"(?![0-9A-Za-z])"


class Replacements:
    """``replace`` remembers a text and gives what it becomes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._known: dict[bytes, bytes] = {}

    @property
    def count(self) -> int:
        return len(self._known)

    def replace(self, original: bytes) -> bytes:
        return self._known.setdefault(original, self._other(original))

    def leaks(self, data: bytes) -> bool:
        """Whether a text that was replaced, and is long enough to tell, is still there."""
        changed = [one for one, other in self._known.items() if one != other]
        long = [one for one in changed if len(one) >= _SHORTEST]
        return any(one in data and self._pattern(one).search(data) for one in long)

    def everywhere(self, text: bytes) -> bytes:
        """Texts that are long enough to tell, wherever they stand as words of their own."""
        for original, other in self._known.items():
            if len(original) >= _SHORTEST and original in text:
                text = self._pattern(original).sub(other.replace(b"\\", rb"\\"), text)
        return text

    def _pattern(self, original: bytes) -> re.Pattern[bytes]:
        """As a word of its own; what stands in the way otherwise is the subclass's to know."""
        return re.compile(_BEFORE + re.escape(original) + _AFTER)

    def _other(self, original: bytes) -> bytes:
        """Same length, letters for letters and digits for digits; a date stays one."""
        date = _DATE.fullmatch(original)
        if date is not None:
            day = original[:3] + b"0" + b"%b01" % date[2] * 2
            return day + re.sub(rb"[0-9]", b"0", date[3])
        stream = b"".join(
            hmac.digest(self._secret, original + bytes((block,)), hashlib.sha256)
            for block in range(len(original) // 32 + 1)
        )
        padding = len(original) - len(original.lstrip(b"0"))
        look = (_like(*pair) for pair in zip(original[padding:], stream, strict=False))
        return original[:padding] + bytes(look)


def _like(byte: int, chance: int) -> int:
    letter = bytes((byte,))
    if letter.isdigit():
        return ord("0") + chance % 10
    if letter.isupper():
        return ord("A") + chance % 26
    if letter.islower() or byte >= 0x80:
        return ord("a") + chance % 26
    return byte
