"""Identities made of content: the same content has the same id, after any restart.

Neither the time of sending nor of arrival, the journal, a message id, frame or sequence numbers
have a part in them, nor how a profile understands the content today.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Final

LENGTH: Final = 32
"""Hexadecimal digits of a report's id."""


def content_key(content: str) -> bytes:
    """SHA-256 of what a transmission says, for recognising one that is repeated."""
    return hashlib.sha256(_octets(content)).digest()


class Identifier:
    """Gives the reports of one transmission their ids.

    Two specimens of one transmission with the very same content are told apart by their count.
    """

    def __init__(self, device_id: str) -> None:
        self._device = _octets(device_id)
        self._seen: Counter[bytes] = Counter()

    def identify(self, content: str) -> str:
        digest = hashlib.sha256(self._device + b"\0" + _octets(content))
        count = self._seen[digest.digest()]
        self._seen[digest.digest()] += 1
        if count:
            digest.update(b"\0" + str(count).encode())
        return digest.hexdigest()[:LENGTH]


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
