"""Wire transcripts: escaped text, lossless in both directions."""

from __future__ import annotations

from decimal import Decimal

import pytest
from astm_play import ACK, ENQ, EOT, FRAMES, PANEL
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.astm import (
    Comment,
    Direction,
    Outcome,
    Spoken,
    read_capture,
    read_wire,
    said,
    write_wire,
)
from gateway.protocols.astm.wire import escape, unescape
from gateway.protocols.errors import RemoteProtocolError

TRANSCRIPT = """\
# demo: glucose, one result
# source: composed

> <ENQ>
< <ACK>
> <STX>1H|\\^&|||DEMO^1.0|||||||P|LIS2-A2|20250102030405<CR><ETX>89<CR><LF>
< <NAK>
+0.25 > <STX>1H|\\^&|||DEMO^1.0|||||||P|LIS2-A2|20250102030405<CR><ETX>89<CR><LF>
+15 < <ACK>
> R|1|^^^A|>16.0|%||><20>
> <EOT>
"""


def test_a_transcript_as_people_write_it() -> None:
    entries = read_wire(TRANSCRIPT)
    assert entries[:4] == (
        Comment("# demo: glucose, one result"),
        Comment("# source: composed"),
        Comment(""),
        Spoken(Direction.DEVICE, ENQ),
    )
    assert entries[7] == Spoken(Direction.DEVICE, FRAMES[0], Decimal("0.25"))
    assert entries[8] == Spoken(Direction.HOST, ACK, Decimal(15))
    assert said(entries) == ENQ + FRAMES[0] * 2 + b"R|1|^^^A|>16.0|%||> " + EOT
    assert said(entries, Direction.HOST) == b"\x06\x15\x06"
    assert write_wire(entries) == TRANSCRIPT


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"<15", "<3C>15"),
        (b">15", ">15"),
        (b"<ACK>", "<3C>ACK>"),
        (b"\x00\x09\x11\x1f\x7f", "<NUL><TAB><DC1><US><DEL>"),
        (b"\x80\xb5\xff", "<80><B5><FF>"),
        (b" a b ", "<20>a b<20>"),
        (b" ", "<20>"),
        (b"  ", "<20><20>"),
    ],
)
def test_escaping(data: bytes, text: str) -> None:
    assert escape(data) == text
    assert unescape(text) == data


@pytest.mark.parametrize(
    ("text", "data"), [("<HT>", b"\t"), ("<b5>", b"\xb5"), ("<15 ", b"<15 "), ("a<b>c", b"a<b>c")]
)
def test_what_people_may_write_too(text: str, data: bytes) -> None:
    assert unescape(text) == data


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("hello", "line 2: neither"),
        (">x", "line 2: neither"),
        ("+x > y", "line 2: neither"),
        ("> <FOO>", "line 2: column 1: unknown"),
        ("> ab\tc", "line 2: after column 1"),
        ("> \u00b5", "line 2: after column 1"),
    ],
)
def test_mistakes_are_told_by_line(line: str, told: str) -> None:
    with pytest.raises(RemoteProtocolError, match=told) as caught:
        read_wire(f"# a comment\n{line}\n")
    assert line not in str(caught.value)


def test_line_ends_of_another_system_do_no_harm() -> None:
    assert read_wire(TRANSCRIPT.replace("\n", "\r\n")) == read_wire(TRANSCRIPT)
    assert read_wire(TRANSCRIPT.removesuffix("\n")) == read_wire(TRANSCRIPT)
    assert read_wire("") == ()


def test_a_transcript_is_a_recording() -> None:
    entries = [Spoken(Direction.DEVICE, ENQ), *(Spoken(Direction.DEVICE, f) for f in FRAMES)]
    entries.insert(2, Spoken(Direction.HOST, ACK))
    entries.append(Spoken(Direction.DEVICE, EOT))
    (found,) = read_capture(said(read_wire(write_wire(entries))))
    assert found.outcome is Outcome.COMPLETE
    assert found.text == b"".join(PANEL)


def test_repr_shows_no_text() -> None:
    assert repr(Spoken(Direction.HOST, b"DOE^JANE")) == "Spoken(HOST, length=8)"


seconds = st.decimals(0, 10_000, places=6) | st.integers(0, 99).map(Decimal) | st.none()
spoken = st.builds(Spoken, st.sampled_from(Direction), st.binary(max_size=60), seconds)
comments = st.text(alphabet=st.characters(exclude_characters="\n\r"), max_size=20).map(
    lambda text: Comment(f"#{text}")
)


@given(st.lists(spoken | comments | st.just(Comment("")), max_size=12))
def test_entries_come_back(entries: list[Spoken | Comment]) -> None:
    text = write_wire(entries)
    assert read_wire(text) == tuple(entries)
    assert write_wire(read_wire(text)) == text


@given(st.binary())
def test_bytes_come_back(data: bytes) -> None:
    text = escape(data)
    assert unescape(text) == data
    assert text.isascii()
    assert text.isprintable()
    assert text == text.strip()
