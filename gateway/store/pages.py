"""The journal's page format: everything one commit brought from all links, in one blob.

A page is a run of entries, each ``kind`` (1 byte), ``transmission`` (8), ``length`` (4), data;
little-endian.  An OPEN entry comes before the first other entry of its transmission and says
who is talking.  A page that does not end exactly with an entry raises ``StoreCorrupt``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from struct import Struct

from gateway.errors import StoreCorrupt
from gateway.store.moments import from_micros, to_micros

HEADER = Struct("<BQI")


class EntryKind(IntEnum):
    OPEN = 1
    ENTRY = 2
    EVIDENCE = 3


_KINDS = frozenset(int(kind) for kind in EntryKind)


@dataclass(frozen=True, slots=True)
class PageEntry:
    kind: EntryKind
    transmission: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """Who is talking, as written in an OPEN entry."""

    device: str
    protocol: str
    peer: str
    opened_at: datetime


def encode_entry(kind: int, transmission: int, data: bytes) -> bytes:
    return HEADER.pack(kind, transmission, len(data)) + data


def encode_opening(opening: Opening) -> bytes:
    """A JSON list."""
    speaker = _speaker(opening.device, opening.protocol, opening.peer)
    return b"%b, %d]" % (speaker, to_micros(opening.opened_at))


@lru_cache(maxsize=1024)
def _speaker(*words: str) -> bytes:
    """The beginning of the list: a line opens one transmission after the other."""
    return json.dumps(words, ensure_ascii=False)[:-1].encode()


def decode_opening(data: bytes) -> Opening:
    try:
        device, protocol, peer, opened_at = json.loads(data)
        return Opening(str(device), str(protocol), str(peer), from_micros(opened_at))
    except (ValueError, TypeError, OverflowError) as error:
        raise StoreCorrupt("an OPEN entry of a journal page cannot be read") from error


def decode_page(page: bytes) -> Iterator[PageEntry]:
    """The entries in the order they were appended."""
    at = 0
    while at < len(page):
        yield (entry := _decode_entry(page, at))
        at += HEADER.size + len(entry.data)


def _decode_entry(page: bytes, at: int) -> PageEntry:
    if at + HEADER.size > len(page):
        raise StoreCorrupt(f"a journal page ends inside an entry's header at byte {at}")
    kind, transmission, length = HEADER.unpack_from(page, at)
    start = at + HEADER.size
    if start + length > len(page) or kind not in _KINDS:
        raise StoreCorrupt(f"a journal page holds no entry at byte {at}")
    return PageEntry(EntryKind(kind), transmission, page[start : start + length])
