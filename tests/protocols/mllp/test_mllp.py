"""MLLP blocks: strict out, tolerant in, the same events for every slicing, bounded and linear."""

from __future__ import annotations

import os
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.mllp import MAX_BLOCK, Block, Decoder, Event, Junk, Oversize, encode_block

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
VT, FS, CR = b"\x0b", b"\x1c", b"\r"
MESSAGE = b"MSH|^~\\&|A\rMSA|AA|1\r"


def events(*chunks: bytes, limit: int = 100) -> list[Event]:
    decoder = Decoder(limit)
    found: list[Event] = []
    for chunk in chunks:
        decoder.receive_data(chunk)
        found += iter(decoder.next_event, None)
    return found


def framed(body: bytes = MESSAGE) -> bytes:
    return VT + body + FS + CR


TRANSCRIPTS: list[tuple[bytes, list[Event]]] = [
    (framed(), [Block(MESSAGE)]),
    (framed() * 3, [Block(MESSAGE)] * 3),
    (VT + MESSAGE + FS, [Block(MESSAGE)]),
    (VT + MESSAGE + FS + VT + MESSAGE + FS, [Block(MESSAGE)] * 2),
    (VT + MESSAGE + FS + b"\r\n" + framed(), [Block(MESSAGE)] * 2),
    (VT + MESSAGE + FS + b"\n\n\r" + framed(), [Block(MESSAGE)] * 2),
    (framed(MESSAGE.replace(b"\r", b"\n")), [Block(MESSAGE.replace(b"\r", b"\n"))]),
    (MESSAGE + FS + CR, [Block(MESSAGE)]),
    (MESSAGE + FS + CR + MESSAGE + FS + CR, [Block(MESSAGE)] * 2),
    (b"\x02\x02" + framed(), [Junk(2), Block(MESSAGE)]),
    (framed() + b"\x02" + framed() + b"\x02", [Block(MESSAGE), Junk(1), Block(MESSAGE)]),
    (b"hello\r\n" + framed(), [Junk(5), Block(MESSAGE)]),
    (b"MMSH" + MESSAGE[3:] + FS, [Junk(1), Block(MESSAGE)]),
    (b"MSMSMSH" + MESSAGE[3:] + FS, [Junk(4), Block(MESSAGE)]),
    (b"MS" + framed(), [Junk(2), Block(MESSAGE)]),
    (b"M\rS" + framed(), [Junk(2), Block(MESSAGE)]),
    (VT + FS + CR, [Block(b"")]),
    (VT + VT + MESSAGE + FS, [Block(MESSAGE)]),
    (VT + b"half" + framed(), [Junk(4), Block(MESSAGE)]),
    (FS + CR + framed(), [Junk(1), Block(MESSAGE)]),
    (framed(b"x" * 100), [Block(b"x" * 100)]),
    (framed(b"x" * 101), [Oversize(100)]),
    (framed(b"x" * 1000) + framed(), [Oversize(100), Block(MESSAGE)]),
    (VT + b"x" * 1000 + framed(), [Oversize(100), Block(MESSAGE)]),
    (b"MSH" + b"x" * 98 + FS + CR + framed(), [Oversize(100), Block(MESSAGE)]),
    (VT + MESSAGE, []),
    (b"", []),
    (b"\r\n\r\n", []),
]


@pytest.mark.parametrize(("wire", "wanted"), TRANSCRIPTS)
def test_transcript_whole_and_byte_by_byte(wire: bytes, wanted: list[Event]) -> None:
    assert events(*([wire] if wire else [])) == wanted
    assert events(*(wire[at : at + 1] for at in range(len(wire)))) == wanted


@pytest.mark.parametrize(("wire", "wanted"), TRANSCRIPTS)
def test_transcript_cut_anywhere(wire: bytes, wanted: list[Event]) -> None:
    for cut in range(1, len(wire)):
        assert events(wire[:cut], wire[cut:]) == wanted


PIECES = st.sampled_from(
    [VT, FS, CR, b"\n", b"M", b"MS", b"MSH", b"\x02", b"x", MESSAGE, framed(), b"y" * 60]
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(pieces=st.lists(PIECES, max_size=12), cuts=st.lists(st.integers(0, 300), max_size=12))
def test_any_slicing_gives_the_same_events(pieces: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(pieces)
    edges = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    chunks = [wire[a:b] for a, b in pairwise(edges) if a < b]
    assert events(*chunks) == events(*(wire[at : at + 1] for at in range(len(wire))))


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.binary(max_size=200))
def test_every_byte_is_accounted_for(data: bytes) -> None:
    """Junk, blocks, framing, line ends between blocks: nothing else, and nothing twice."""
    decoder = Decoder(10_000)
    if data:
        decoder.receive_data(data)
    found = list(iter(decoder.next_event, None))
    bodies = [event.body for event in found if isinstance(event, Block)]
    assert all(VT not in body and FS not in body for body in bodies)
    reported = sum(event.count for event in found if isinstance(event, Junk))
    assert 0 <= reported <= decoder.junk
    assert decoder.junk + sum(map(len, bodies)) + decoder.incomplete <= len(data)


def test_stray_bytes_are_counted_before_they_are_reported() -> None:
    decoder = Decoder()
    decoder.receive_data(b"GARBAGE")
    assert decoder.next_event() is None
    assert decoder.junk == 7


def test_incomplete_block() -> None:
    decoder = Decoder()
    assert decoder.incomplete == 0
    decoder.receive_data(VT + b"half")
    assert decoder.incomplete == 4
    decoder.receive_data(FS)
    assert decoder.incomplete == 0


def test_encoding_is_strict() -> None:
    assert encode_block(MESSAGE) == framed()
    assert encode_block(b"") == VT + FS + CR
    for body in (b"a\x0bb", b"a\x1cb"):
        with pytest.raises(LocalProtocolError):
            encode_block(body)


def test_an_empty_read_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        Decoder().receive_data(b"")


def test_bodies_stay_out_of_repr() -> None:
    assert "MSH" not in repr(Block(MESSAGE))


@given(body=st.binary(max_size=200).map(lambda body: body.replace(VT, b"").replace(FS, b"")))
def test_what_is_encoded_is_decoded(body: bytes) -> None:
    assert events(encode_block(body) + encode_block(body), limit=200) == [Block(body)] * 2


def test_five_megabytes_in_small_reads_cost_linear_time_and_memory() -> None:
    body = b"MSH|" + b"x" * (5 * 1024 * 1024)
    wire = encode_block(body)
    tracemalloc.start()
    found = events(*(wire[at : at + 1460] for at in range(0, len(wire), 1460)), limit=MAX_BLOCK)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [Block(body)]
    assert peak < 4 * len(body)


def test_an_oversize_block_keeps_nothing() -> None:
    decoder = Decoder(1000)
    decoder.receive_data(VT)
    tracemalloc.start()
    for _ in range(2000):
        decoder.receive_data(b"x" * 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(iter(decoder.next_event, None)) == [Oversize(1000)]
    assert decoder.incomplete == 0
    assert peak < 100_000
