"""Marks of damaged characters: decoded alike however the stream is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transports import SUBSTITUTE
from gateway.transports.damage import MarkDecoder

FRAME = b"\x021H|\\^&\r\x03E5\r\n"


def decode(*chunks: bytes) -> tuple[bytes, int]:
    decoder = MarkDecoder()
    decoded = [decoder.decode(chunk) for chunk in chunks]
    return b"".join(data for data, _ in decoded), sum(damaged for _, damaged in decoded)


@pytest.mark.parametrize(
    ("marked", "data", "damaged"),
    [
        (FRAME, FRAME, 0),
        (b"", b"", 0),
        (b"\x021H\xff\x00|\\^&\r\x03E5\r\n", b"\x021H\x16\\^&\r\x03E5\r\n", 1),
        (b"\xff\x00\x05", b"\x16", 1),
        (b"\xff\x00\x00", b"\x16", 1),  # a break
        (b"\xff\x00\xff", b"\x16", 1),  # the damaged character looked like a mark
        (b"\xff\x00\xff\x00", b"\x16\x00", 1),
        (b"a\xff\xffb", b"a\xffb", 0),  # a sound FF
        (b"\xff\xff\x00c", b"\xff\x00c", 0),
        (b"\xff\xff\xff\x00d", b"\xff\x16", 1),
        (b"\xff\x00a\xff\x00b\xff\x00c", b"\x16\x16\x16", 3),
        (b"\xffa", b"\xffa", 0),  # marking is off
    ],
)
def test_marks_become_substitutes(marked: bytes, data: bytes, damaged: int) -> None:
    assert decode(marked) == (data, damaged)
    assert decode(*(marked[i : i + 1] for i in range(len(marked)))) == (data, damaged)
    for cut in range(len(marked) + 1):
        assert decode(marked[:cut], marked[cut:]) == (data, damaged)


def test_substitute_is_forbidden_in_a_frame_and_has_no_meaning_outside() -> None:
    assert SUBSTITUTE == b"\x16"  # SYN, LIS01-A2 8.6


def test_undamaged_bytes_are_not_copied() -> None:
    assert MarkDecoder().decode(FRAME)[0] is FRAME


characters = st.lists(st.tuples(st.integers(0, 255), st.booleans()), max_size=60)


def as_the_kernel_marks(characters: list[tuple[int, bool]]) -> bytes:
    """n_tty's rule, termios(3): PARMRK without IGNPAR."""
    marked = bytearray()
    for character, damaged in characters:
        if damaged:
            marked += bytes((0xFF, 0, character))
        else:
            marked += b"\xff\xff" if character == 0xFF else bytes((character,))
    return bytes(marked)


@given(characters, st.lists(st.integers(0, 200), max_size=8))
def test_every_slicing_gives_the_characters_that_were_sent(
    characters: list[tuple[int, bool]], cuts: list[int]
) -> None:
    marked = as_the_kernel_marks(characters)
    edges = [0, *sorted(cut for cut in cuts if cut < len(marked)), len(marked)]
    chunks = [marked[a:b] for a, b in itertools.pairwise(edges)]
    expected = bytes(0x16 if damaged else character for character, damaged in characters)
    assert decode(*chunks) == (expected, sum(damaged for _, damaged in characters))
