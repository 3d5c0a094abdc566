"""Curves that come inside M records of LIS02-A2: raw deflate (RFC 1951) in Base64.

A record is one of a curve where a component names it HISTOGRAM or MATRIX; the longest component
that unpacks is the curve, the others are its name.  What does not unpack, or unpacks to more than
``LARGEST`` bytes, is kept as sent and said.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

from gateway.protocols.astm import Node
from gateway.report import Attachment, Problem, ProblemCode

LARGEST: Final = 4 * 1024 * 1024
_KINDS: Final = frozenset({"HISTOGRAM", "MATRIX"})
_NAME: Final = 64


def read_matrices(
    nodes: Iterable[Node], prefix: str
) -> tuple[tuple[Attachment, ...], tuple[Problem, ...]]:
    """The curves among M records, in order, and which of them could not be unpacked."""
    attachments: list[Attachment] = []
    problems: list[Problem] = []
    for node in nodes:
        parts = tuple(_parts(node))
        if not _KINDS & {part.upper() for part in parts}:
            continue
        coded, curve = _curve(parts)
        name = " ".join(part for part in parts if part is not coded)[:_NAME]
        if curve is None:
            problems.append(Problem(ProblemCode.MALFORMED_RECORD, prefix + node.position, False))
            attachments.append(_attachment(name, "text/plain", coded.encode("latin-1", "replace")))
        else:
            attachments.append(_attachment(name, "application/octet-stream", curve))
    return tuple(attachments), tuple(problems)


def _curve(parts: tuple[str, ...]) -> tuple[str, bytes | None]:
    """The longest component that is a curve; where none is, the longest one."""
    longest_first = sorted(parts, key=len, reverse=True)
    for part in longest_first:
        if (curve := inflated(part)) is not None:
            return part, curve
    return longest_first[0], None


def inflated(coded: str) -> bytes | None:
    """The bytes of a curve (little-endian floats); None for what is none."""
    try:
        packed = binascii.a2b_base64(coded.encode("ascii"), strict_mode=True)
        unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        data = unpack.decompress(packed, LARGEST)
    except (ValueError, zlib.error):
        return None
    return data if data and unpack.eof else None


def _parts(node: Node) -> Iterator[str]:
    record = node.record
    for number in range(3, len(record.fields) + 1):
        for repeat in range(1, len(record.repeats(number)) + 1):
            for part in record.components(number, repeat):
                if part.strip():
                    yield part.strip()


def _attachment(name: str, media_type: str, data: bytes) -> Attachment:
    return Attachment(name, media_type, len(data), sha256(data).hexdigest())
