"""Row hashes: SHA-256 over a row's immutable columns, in a form no two different rows share.

Every field goes in with its type and length, so ``("ab", "c")`` and ``("a", "bc")`` differ:
``b3:`` and the bytes, ``s3:`` and the UTF-8 text, ``i42;``, or ``n``.  SQLite does not notice a
flipped bit in stored text; these hashes do, on every read that matters.
"""

from __future__ import annotations

from hashlib import sha256

Field = bytes | str | int | None


def digest(*fields: Field) -> bytes:
    """32 bytes that stand for exactly these fields in this order."""
    parts: list[bytes] = []
    for field in fields:
        if isinstance(field, str):
            text = field.encode()
            parts += (b"s%d:" % len(text), text)
        elif isinstance(field, bytes):
            parts += (b"b%d:" % len(field), field)
        else:
            parts.append(b"n" if field is None else b"i%d;" % field)
    return sha256(b"".join(parts)).digest()
