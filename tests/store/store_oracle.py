"""Compares what a victim was promised with what its store holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from store_samples import open_store
from store_victim import ENTRIES, entry

from gateway.store import MessageState, Outcome, Store


@dataclass
class Promises:
    entries: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    closed: set[int] = field(default_factory=set)
    delivered: set[int] = field(default_factory=set)
    other: list[str] = field(default_factory=list)

    def hear(self, lines: Iterable[bytes]) -> None:
        """Lines of the victim; one that was cut off by the kill promises nothing."""
        for line in lines:
            match line.decode().rstrip("\n").split(" "):
                case ["entry", transmission, number]:
                    self.entries[int(transmission)].add(int(number))
                case ["closed", transmission]:
                    self.closed.add(int(transmission))
                case ["delivered", message]:
                    self.delivered.add(int(message))
                case _:
                    self.other.append(line.decode().rstrip("\n"))

    def say(self, *words: object) -> None:
        """What a victim in this process says."""
        self.hear([" ".join(map(str, words)).encode()])

    def total(self) -> int:
        return sum(len(numbers) for numbers in self.entries.values())


async def check(directory: Path, promises: Promises) -> None:
    """Everything promised is there, byte for byte; nothing else is wrong either."""
    store = await open_store(directory)
    try:
        left = {t.id: t.entries for t in store.unfinished()}
        assert not any(t.damaged for t in store.unfinished())
        for transmission, numbers in promises.entries.items():
            found = left.get(transmission) or await _closed_entries(store, transmission)
            assert len(found) > max(numbers), f"transmission {transmission} lost an entry"
            for number, data in enumerate(found):
                assert data == entry(transmission, number)
        for transmission in promises.closed:
            await _check_closed(store, transmission)
        for number in promises.delivered:
            message = await store.outbox.get(number)
            assert message is not None
            assert message.state is MessageState.DELIVERED
        await _check_whole(store)
    finally:
        await store.aclose()


async def _closed_entries(store: Store, transmission: int) -> tuple[bytes, ...]:
    stored = await store.transmissions.get(transmission)
    assert stored is not None, f"transmission {transmission} is lost"
    return stored.entries


async def _check_closed(store: Store, transmission: int) -> None:
    stored = await store.transmissions.get(transmission)
    assert stored is not None
    assert stored.outcome is Outcome.COMPLETE
    assert len(stored.entries) == ENTRIES
    (report,) = await store.reports.of_transmission(transmission)
    assert report.body == report.id == f"report-{transmission}"
    (message,) = await store.reports.messages_of(report.id)
    assert message.body == b"MSH|" + report.id.encode()


async def _check_whole(store: Store) -> None:
    assert (await store.sweep()).clean
    ever = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert all(books.balanced for books in await store.books.between(*ever))
