"""Cutting a stream of XML at the closing tag of the root."""

from __future__ import annotations

from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poct1a_probes import FUZZ, HEL, OBS, sliced, slicings

from gateway.protocols.events import Damage
from gateway.protocols.poct1a.splitter import Piece, Splitter


def pieces(chunks: list[bytes], limit: int = 4096) -> tuple[list[Piece], bytes]:
    splitter = Splitter(limit)
    found = []
    for chunk in chunks:
        splitter.receive_data(chunk)
        while (piece := splitter.next_piece()) is not None:
            found.append(piece)
    return found, splitter.take_rest()


A = b"<ACK.R01><A><B/></A></ACK.R01>"
WHOLE = [
    ("bare", A),
    ("declared", b'<?xml version="1.0" encoding="UTF-8"?>\r\n' + A),
    ("empty root", b"<KPA.R01/>"),
    ("blank in the end tag", b"<KPA.R01></KPA.R01 \r\n>"),
    ("end tag in a comment", b"<KPA.R01><!-- </KPA.R01> --></KPA.R01>"),
    ("end tag in CDATA", b"<KPA.R01><![CDATA[</KPA.R01>]]></KPA.R01>"),
    ("end mark in an attribute", b"<KPA.R01><a b=\"/>\" c='>'/></KPA.R01>"),
    ("quotes in text", b"<KPA.R01>5' 10\"</KPA.R01>"),
    ("an instruction", b"<KPA.R01><?x </KPA.R01>?></KPA.R01>"),
    ("a vendor's root", b"<NOVA.STATSTRIP.SETUP><unit V='a'/></NOVA.STATSTRIP.SETUP>"),
    ("inner name like the root", b"<OBS.R01><OBS><OBS.value/></OBS></OBS.R01>"),
]


@pytest.mark.parametrize(("name", "raw"), WHOLE)
def test_one_message(name: str, raw: bytes) -> None:
    for chunks in slicings(raw):
        assert pieces(chunks) == ([Piece(raw)], b""), name


def test_several_messages_with_blanks_between() -> None:
    stream = b"\xef\xbb\xbf" + HEL + b"\r\n\t " + OBS + A + A + b"\r\n"
    for chunks in slicings(stream):
        assert pieces(chunks)[0] == [Piece(HEL), Piece(OBS), Piece(A), Piece(A)]


BROKEN = [
    ("an unclosed inner tag", b"<ACK.R01><A></ACK.R01>", Damage.FORMAT),
    ("an inner tag never opened", b"<ACK.R01></A></B><C></ACK.R01>", Damage.FORMAT),
    ("a tag inside a tag", b"<ACK.R01><A <B/></ACK.R01>", Damage.FORMAT),
    ("a quote that never closes", b'<ACK.R01><A v="1></A></ACK.R01>', Damage.FORMAT),
    ("a document type", b"<?xml version='1.0'?><!DOCTYPE x><ACK.R01></ACK.R01>", Damage.DOCTYPE),
    (
        "entities",
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><ACK.R01>&a;</ACK.R01>",
        Damage.DOCTYPE,
    ),
]


@pytest.mark.parametrize(("name", "raw", "reason"), BROKEN)
def test_a_broken_message_ends_where_it_ends(name: str, raw: bytes, reason: Damage) -> None:
    for chunks in slicings(raw + A):
        assert pieces(chunks) == ([Piece(raw, reason), Piece(A)], b""), name


def test_a_message_begun_inside_another() -> None:
    for second in (A, b"<?xml version='1.0'?>" + A):
        cut = OBS[:-40]
        for chunks in slicings(cut + second):
            assert pieces(chunks) == ([Piece(cut, None, restarted=True), Piece(second)], b"")


def test_what_stands_between_is_kept() -> None:
    noise = b"ello <HDR><x/></HDR> \x00\xff"
    for chunks in slicings(noise + A):
        assert pieces(chunks) == ([Piece(noise, Damage.FORMAT), Piece(A)], b"")


def test_damaged_root_does_not_swallow_the_next_message() -> None:
    for index in range(len(A)):
        damaged = A[:index] + b"\x1f" + A[index + 1 :]
        assert pieces([damaged + OBS + OBS])[0][-1] == Piece(OBS)


@pytest.mark.parametrize("size", [99, 100, 101, 140, 300])
def test_limit(size: int) -> None:
    """Exactly the limit passes; one byte more is cut at the limit, wherever it was sliced."""
    raw = b"<ACK.R01>" + b"x" * (size - 19) + b"</ACK.R01>"
    expected = Piece(raw) if size <= 100 else Piece(raw[:100], Damage.OVERSIZE)
    whole = pieces([raw + OBS], limit=100)
    assert whole[0][0] == expected
    for chunks in slicings(raw + OBS):
        assert pieces(chunks, limit=100) == whole


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "unit", [b"x", b"<", b"<a", b"<a/>", b"<a>", b"<!--", b"'\"", b"<?xml ", b">"]
)
def test_byte_by_byte_is_linear(unit: bytes) -> None:
    stream = b"<OBS.R01 " + unit * (40_000 // len(unit))
    splitter = Splitter(1 << 20)
    begun = process_time()
    for index in range(len(stream)):
        splitter.receive_data(stream[index : index + 1])
        splitter.next_piece()
    assert process_time() - begun < 5.0


FRAGMENTS = [
    *(b"<HEL.R01>", b"</HEL.R01>", b"<OBS.R01", b">", b"</OBS.R01>", b"<a>", b"</a>", b"<a/>"),
    *(b'"', b"'", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?xml version='1.0'?>", b"<?", b"?>"),
    *(b"<!DOCTYPE x>", b" ", b"\r\n", b"text", b"\xff", A, b"<KPA.R01/>"),
]


@settings(max_examples=FUZZ * 3, deadline=1000)
@given(data=st.data())
def test_any_markup_in_any_slicing(data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=8))))
    stream = b"".join(parts)
    limit = data.draw(st.sampled_from([16, 40, 100, 4096]))
    whole, rest = pieces([stream], limit)
    at = 0
    for piece in whole:
        assert 0 < len(piece.raw) <= limit
        at = stream.index(piece.raw, at) + len(piece.raw)
    assert pieces(sliced(stream, Random(data.draw(st.integers(0, 99)))), limit) == (whole, rest)
