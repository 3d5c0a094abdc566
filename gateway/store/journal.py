"""What came over the wires and is not filed yet: open transmissions and the pages they stand in.

Belongs to the writer thread, which stages the entries of one batch, writes them as one page and
then keeps or drops them.  At start it reads the pages back and rebuilds what was open when the
process ended.  A page whose hash does not fit is set aside and makes every transmission that may
have stood in it ``damaged``: such bytes must never become a result by themselves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import apsw

from gateway.errors import StoreCorrupt, StoreError
from gateway.store.moments import to_micros
from gateway.store.pages import (
    HEADER,
    EntryKind,
    Opening,
    PageEntry,
    decode_opening,
    decode_page,
    encode_entry,
    encode_opening,
)

ENTRY = int(EntryKind.ENTRY)
EVIDENCE = int(EntryKind.EVIDENCE)
ENTRIES_LIMIT = 64 * 1024 * 1024
EVIDENCE_LIMIT = 1024 * 1024
UNKNOWN_DEVICE = "unknown"
RECLAIM_AT = 64
_PIECE = 2_000
RECLAIM_AT_ONCE = 4_096


class NotOpen(StoreError):
    """The transmission is closed, being closed, or was opened before the store was reopened:
    trying again is no use."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Bytes that were not accepted; ``after`` counts the accepted entries before them."""

    after: int
    data: bytes


@dataclass(frozen=True, slots=True)
class OpenTransmission:
    """A transmission on disk that nobody has filed: its driver, or the process, died."""

    id: int
    device: str
    protocol: str
    peer: str
    opened_at: datetime
    entries: tuple[bytes, ...]
    evidence: tuple[Evidence, ...]
    damaged: bool


class Transmission:
    """An open transmission.  ``entries`` and ``evidence`` belong to the writer thread and hold
    what the present batch brings as well; ``first_page`` is None until something is on disk.
    ``room`` and ``evidence_room`` are the bytes it may still bring."""

    __slots__ = (
        "damaged",
        "entries",
        "evidence",
        "evidence_room",
        "first_page",
        "id",
        "opening",
        "room",
    )

    def __init__(self, number: int, opening: Opening) -> None:
        self.id = number
        self.opening = opening
        self.first_page: int | None = None
        self.entries: list[bytes] = []
        self.evidence: list[Evidence] = []
        self.damaged = False
        self.room = ENTRIES_LIMIT
        self.evidence_room = EVIDENCE_LIMIT

    def add(self, kind: int, data: bytes) -> None:
        if kind == ENTRY:
            self.entries.append(data)
        else:
            self.evidence.append(Evidence(len(self.entries), data))

    def take_back(self, kind: int) -> None:
        """Undoes the latest ``add`` of this kind."""
        if kind == ENTRY:
            self.entries.pop()
        else:
            self.evidence.pop()

    def snapshot(self) -> OpenTransmission:
        return OpenTransmission(
            self.id,
            self.opening.device,
            self.opening.protocol,
            self.opening.peer,
            self.opening.opened_at,
            tuple(self.entries),
            tuple(self.evidence),
            self.damaged,
        )


class Journal:
    """Open transmissions by id, and which pages may be given back."""

    def __init__(self) -> None:
        self.open: dict[int, Transmission] = {}
        self._paged: deque[Transmission] = deque()  # on disk, by first page; filed ones among them
        self._staged: list[tuple[Transmission, int]] = []
        self._begun: list[Transmission] = []
        self._next_page = 1
        self._first_page = 1

    def stage(self, entries: Iterable[tuple[int, int, bytes, object]]) -> bytes:
        """The page for these (kind, transmission, data, ...); counts only after ``keep``."""
        parts: list[bytes] = []
        pack = HEADER.pack
        for kind, number, data, _ in entries:
            transmission = self.open[number]
            if transmission.first_page is None:
                parts.append(self._begin(transmission))
            transmission.add(kind, data)
            self._staged.append((transmission, kind))
            parts += (pack(kind, number, len(data)), data)
        return b"".join(parts)

    def _begin(self, transmission: Transmission) -> bytes:
        transmission.first_page = self._next_page
        self._begun.append(transmission)
        self._paged.append(transmission)
        return encode_entry(EntryKind.OPEN, transmission.id, encode_opening(transmission.opening))

    def write(self, connection: apsw.Connection, page: bytes) -> None:
        connection.execute(
            "INSERT INTO pages (page, entries, sha256) VALUES (?, ?, ?)",
            (self._next_page, page, _hash(page)),
        )

    def keep(self, page: bytes) -> None:
        """The staged entries are on disk."""
        self._staged.clear()
        self._begun.clear()
        if page:
            self._next_page += 1

    def drop(self) -> None:
        """The staged entries are not on disk."""
        for transmission, kind in reversed(self._staged):
            transmission.take_back(kind)
        for transmission in self._begun:
            transmission.first_page = None
        self._paged = deque(t for t in self._paged if t.first_page is not None)
        self._staged.clear()
        self._begun.clear()

    def filed(self, transmission: int) -> None:
        """Its row is on disk; its pages are needed no more."""
        self.open.pop(transmission, None)

    def reclaim(self, connection: apsw.Connection, at_least: int = RECLAIM_AT) -> int:
        """Deletes pages no open transmission needs; returns the oldest that is left."""
        floor = self._first_needed()
        if floor - self._first_page < at_least:
            return self._first_page
        floor = min(floor, self._first_page + RECLAIM_AT_ONCE)
        connection.execute("DELETE FROM pages WHERE page < ?", (floor,))
        return floor

    def _first_needed(self) -> int:
        """The oldest page an open transmission stands in."""
        paged = self._paged
        while paged and paged[0].id not in self.open:
            paged.popleft()
        return (paged[0].first_page if paged else None) or self._next_page

    def reclaimed(self, floor: int) -> None:
        self._first_page = floor

    def recover(self, connection: apsw.Connection, now: datetime) -> tuple[int, ...]:
        """Rebuilds the open transmissions; returns the numbers of damaged or missing pages."""
        bad = []
        for number, page, good in _read_pages(connection):
            self._next_page = max(self._next_page, number + 1)
            if not self._restore_page(number, page, now, damaged=not good):
                bad.append(number)
                _set_aside(connection, number, page, now)
        self._first_page = _first_page(connection, self._next_page)
        self._forget_filed(connection)
        for transmission in self.open.values():
            first = transmission.first_page or 0
            transmission.damaged |= any(number >= first for number in bad)
        return tuple(bad)

    def _restore_page(self, number: int, page: bytes, now: datetime, *, damaged: bool) -> bool:
        """Takes over what can be read of it; whether that was all of it, as it was written."""
        try:
            for entry in decode_page(page):
                self._restore(number, entry, now, damaged=damaged)
        except StoreCorrupt:
            return False
        return not damaged

    def _restore(self, page: int, entry: PageEntry, now: datetime, *, damaged: bool) -> None:
        number = entry.transmission
        if entry.kind is EntryKind.OPEN:
            self.open.setdefault(number, Transmission(number, decode_opening(entry.data)))
            return
        if number not in self.open:
            self.open[number] = Transmission(number, Opening(UNKNOWN_DEVICE, "", "", now))
            self.open[number].damaged = True
        transmission = self.open[number]
        if transmission.first_page is None:
            transmission.first_page = page
        transmission.add(entry.kind, entry.data)
        transmission.damaged |= damaged

    def _forget_filed(self, connection: apsw.Connection) -> None:
        for number in tuple(self.open):
            filed = connection.execute("SELECT 1 FROM transmissions WHERE id = ?", (number,)).get
            if filed:
                del self.open[number]
        paged = [t for t in self.open.values() if t.first_page is not None]
        self._paged = deque(sorted(paged, key=_first_page_of))


def _first_page_of(transmission: Transmission) -> int:
    return transmission.first_page or 0


def _read_pages(connection: apsw.Connection) -> Iterator[tuple[int, bytes, bool]]:
    """Every page with its number and whether it is as it was written; a gap counts as not."""
    expected: int | None = None
    rows = connection.execute("SELECT page, entries, sha256 FROM pages ORDER BY page")
    for number, entries, expected_hash in rows:
        if expected is not None:
            yield from ((missing, b"", False) for missing in range(expected, number))
        expected = number + 1
        yield number, entries, sha256(entries).digest() == expected_hash


def _hash(page: bytes) -> bytes:
    """In pieces small enough for hashlib to keep the interpreter lock, which is worth more."""
    found, view = sha256(), memoryview(page)
    for start in range(0, len(page), _PIECE):
        found.update(view[start : start + _PIECE])
    return found.digest()


def _first_page(connection: apsw.Connection, default: int) -> int:
    first = connection.execute("SELECT MIN(page) FROM pages").get
    return first if isinstance(first, int) else default


def _set_aside(connection: apsw.Connection, number: int, page: bytes, now: datetime) -> None:
    connection.execute(
        "INSERT INTO damaged_pages (page, found_at, entries) VALUES (?, ?, ?) "
        "ON CONFLICT (page) DO NOTHING",
        (number, to_micros(now), page),
    )
