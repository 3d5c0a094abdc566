"""The journal's page format."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StoreCorrupt
from gateway.store.digest import digest
from gateway.store.moments import from_micros, to_micros
from gateway.store.pages import (
    EntryKind,
    Opening,
    PageEntry,
    decode_opening,
    decode_page,
    encode_entry,
    encode_opening,
)

ENTRIES = st.lists(
    st.builds(
        PageEntry,
        st.sampled_from(EntryKind),
        st.integers(0, 2**64 - 1),
        st.binary(max_size=40),
    ),
    max_size=6,
)
FIELDS = st.lists(st.none() | st.integers() | st.text() | st.binary(), max_size=5)


@given(ENTRIES)
def test_what_goes_in_comes_out(entries: list[PageEntry]) -> None:
    page = b"".join(encode_entry(e.kind, e.transmission, e.data) for e in entries)
    assert list(decode_page(page)) == entries


@given(ENTRIES.filter(bool), st.data())
def test_a_page_cut_short_is_noticed_or_ends_between_entries(
    entries: list[PageEntry], data: st.DataObject
) -> None:
    page = b"".join(encode_entry(e.kind, e.transmission, e.data) for e in entries)
    cut = data.draw(st.integers(0, len(page) - 1))
    try:
        left = list(decode_page(page[:cut]))
    except StoreCorrupt:
        return
    assert left == entries[: len(left)]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(StoreCorrupt, match="byte 0"):
        list(decode_page(encode_entry(9, 1, b"")))


@given(st.text(), st.text(), st.text(), st.datetimes(timezones=st.just(UTC)))
def test_openings_survive(device: str, protocol: str, peer: str, at: datetime) -> None:
    opening = Opening(device, protocol, peer, at)
    assert decode_opening(encode_opening(opening)) == opening


@pytest.mark.parametrize("damaged", [b"", b"[]", b"\xff", b'["a","b","c","d"]', b"{}"])
def test_a_damaged_opening_is_refused(damaged: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        decode_opening(damaged)


@given(FIELDS, FIELDS)
def test_different_rows_have_different_hashes(
    one: list[int | str | bytes | None], other: list[int | str | bytes | None]
) -> None:
    same = [type(f) for f in one] == [type(f) for f in other] and one == other
    assert (digest(*one) == digest(*other)) == same


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_survive(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(TypeError):
        to_micros(datetime(2026, 1, 5))  # noqa: DTZ001 - that is the mistake
