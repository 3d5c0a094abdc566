"""Row hashes: SHA-256 over a row's immutable columns, in a form no two different rows share.

Every field goes in with its type and length, so ``("ab", "c")`` and ``("a", "bc")`` differ.
SQLite does not notice a flipped bit in stored text; these hashes do, on every read that matters.
"""

from __future__ import annotations

from hashlib import sha256
from struct import Struct

Field = bytes | str | int | None

_LENGTH = Struct("<cQ").pack


def _encode(field: Field) -> bytes:
    match field:
        case None:
            return _LENGTH(b"n", 0)
        case bytes():
            return _LENGTH(b"b", len(field)) + field
        case str():
            text = field.encode()
            return _LENGTH(b"s", len(text)) + text
        case int():
            digits = str(field).encode()
            return _LENGTH(b"i", len(digits)) + digits


def digest(*fields: Field) -> bytes:
    """32 bytes that stand for exactly these fields in this order."""
    return sha256(b"".join([_encode(field) for field in fields])).digest()
