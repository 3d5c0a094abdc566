"""The outline of a text says the same as the text itself, however frames cut it."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.protocols.astm import split_records
from gateway.protocols.astm.outline import Outline, begins_record

pieces = st.lists(
    st.sampled_from(
        [b"H|\\^&\r", b"L|1|N\r", b"L", b"\r", b"\n", b"\r\n", b"H|", b"12", b"|1\r", b"C|L"]
    )
    | st.text(alphabet="HLCR|1\r\n x", max_size=12).map(str.encode),
    max_size=12,
)


@settings(max_examples=600)
@given(pieces, st.booleans())
@example([b"H|\\^&\rC|1", b"L|1\r"], False)
@example([b"H|\\^&\n", b"L|1"], False)
@example([b"H|\\^&\n", b"L|1", b"\r"], False)
@example([b"H|\\^&\r", b"L|1\r", b"\n\r"], False)
@example([b"H|\\^&\r", b"1", b"2L", b"|1\r"], True)
@example([b"12", b"12", b"12", b"12", b"H|\\^&\r"], True)
@example([b"12345678H|\\^&\r", b"123456789L|1"], True)
@example([b"12345678\rH|\\^&\r", b"123456789\nL|1"], True)
def test_outline(texts: list[bytes], loose: bool) -> None:
    outline = Outline(loose=loose)
    for text in texts:
        outline.feed(text)
    records = split_records(b"".join(texts))
    first, last = (records[0], records[-1]) if records else (b"", b"")
    assert outline.has_header == begins_record(first, b"H", loose=loose)
    assert outline.has_terminator == begins_record(last, b"L", loose=loose)


def test_what_begins_a_record() -> None:
    for line in (b"L", b"l|1", b"L|", b"L^1"):
        assert begins_record(line, b"L")
    for line in (b"", b"LL", b"Lipase", b"1L|1", b"|L"):
        assert not begins_record(line, b"L")
    assert begins_record(b"12L|1", b"L", loose=True)
