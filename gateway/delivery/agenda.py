"""What may be sent next: the entries read ahead from the outbox, each lane one after the other.

An entry is taken only when nothing of its lane is on its way or waiting for its delivery to be
written down.  The outbox stays the authority: what is forgotten here comes again with the next
fetch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from gateway.store.messages import OutboxEntry


class Agenda:
    """Entries of one destination, oldest first.  ``strict``: no lane overtakes another either."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._ready: deque[OutboxEntry] = deque()
        self._busy_lanes: set[str] = set()
        self._busy: set[int] = set()
        self._settled: set[int] = set()
        self._changed_lanes: set[str] = set()
        self._put_back: dict[int, OutboxEntry] = {}

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def busy(self) -> int:
        """Entries taken and not finished."""
        return len(self._busy)

    def begin_fetch(self) -> None:
        """What finishes from now on may be out of date in the answer."""
        self._settled.clear()
        self._changed_lanes.clear()

    def fill(self, entries: Iterable[OutboxEntry]) -> None:
        """Replace what was read ahead by a fresh answer of the outbox."""
        self._ready = deque(
            self._put_back.get(entry.id, entry)
            for entry in entries
            if entry.id not in self._busy
            and entry.id not in self._settled
            and entry.lane not in self._changed_lanes
        )

    def add(self, entries: Iterable[OutboxEntry]) -> None:
        """Later ones than all that was read ahead."""
        self._ready.extend(entries)

    def take(self) -> OutboxEntry | None:
        """The oldest entry whose lane is free; it and its lane are busy until ``finish``."""
        for place, entry in enumerate(self._ready):
            if entry.lane is None or entry.lane not in self._busy_lanes:
                del self._ready[place]
                self._busy.add(entry.id)
                if entry.lane is not None:
                    self._busy_lanes.add(entry.lane)
                return entry
            if self._strict:
                return None
        return None

    def put_back(self, entry: OutboxEntry) -> None:
        """It was not delivered and is the first to be tried again, as it is given here."""
        self._free(entry)
        self._put_back[entry.id] = entry
        place = sum(1 for other in self._ready if other.position < entry.position)
        self._ready.insert(place, entry)

    def finish(self, entry: OutboxEntry, *, fenced: bool = False) -> None:
        """Its new state is in the outbox; ``fenced``: the rest of its lane must wait there."""
        self._free(entry)
        self._put_back.pop(entry.id, None)
        self._settled.add(entry.id)
        if fenced and entry.lane is not None:
            self._changed_lanes.add(entry.lane)
            self._ready = deque(other for other in self._ready if other.lane != entry.lane)

    def _free(self, entry: OutboxEntry) -> None:
        if entry.id in self._busy:
            self._busy.remove(entry.id)
            if entry.lane is not None:
                self._busy_lanes.remove(entry.lane)
