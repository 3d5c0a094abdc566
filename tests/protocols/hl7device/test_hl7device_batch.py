"""Files of HL7 messages, with and without a batch around them."""

from __future__ import annotations

import re

import pytest

from gateway.protocols.hl7device.batch import messages_of

ONE = b"MSH|^~\\&|X|L|||1||ORU^R01|1|P|2.6\rOBR|1||S1\rOBX|1|NM|GLU||5.4\r"
TWO = ONE.replace(b"|1|P|", b"|2|P|")
FHS, BHS, BTS, FTS = b"FHS|^~\\&|X\r", b"BHS|^~\\&|X\r", b"BTS|2\r", b"FTS|1\r"


def lines(data: bytes, end: bytes) -> bytes:
    return data.replace(b"\r", end)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "file",
    [
        ONE + TWO,
        FHS + BHS + ONE + TWO + BTS + FTS,
        b"\xef\xbb\xbf" + ONE + b"\r\r" + TWO,
        (ONE + TWO).rstrip(b"\r"),
        b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r",
    ],
    ids=["plain", "batch", "mark and blank lines", "no last line end", "framed"],
)
def test_every_message_comes_out(file: bytes, end: bytes) -> None:
    found = list(messages_of(lines(file, end)))
    assert [is_message for is_message, _ in found] == [True, True]
    assert [re.split(rb"[\r\n]+", raw.strip()) for _, raw in found] == [
        one.strip().split(b"\r") for one in (ONE, TWO)
    ]


def test_text_before_the_first_message_is_said() -> None:
    assert list(messages_of(b"exported 2026\r" + ONE)) == [(False, b"exported 2026\r"), (True, ONE)]
    assert list(messages_of(b"nothing here")) == [(False, b"nothing here")]
    assert list(messages_of(b"")) == []


def test_a_word_that_begins_alike_is_no_message() -> None:
    text = ONE + b"NTE|1||MSH| in a comment\rZZZ|MSHX|1\r"
    assert list(messages_of(text)) == [(True, text)]
