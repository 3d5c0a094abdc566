"""Frames to bytes and back: the standard's arithmetic and the cuts a sender may make."""

from __future__ import annotations

import pytest
from astm_play import ENQ, EOT, ETB, ETX, FRAMES, PANEL, RESULT, STX, events, text_of
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.astm import (
    Checksum,
    Dialect,
    Endings,
    Frame,
    FrameDamaged,
    FrameReceived,
    checksum,
    encode_frame,
    split_frames,
)

plain = st.binary(max_size=900).map(
    lambda data: data.translate(None, b"\x00\x02\x03\x04\x05\x16\x17") or b"x"
)


def test_a_frame_with_a_damaged_character_is_refused_whatever_its_checksum() -> None:
    (damaged,) = split_frames([b"R|1|^^^GLU|5.\x160\r"])
    found = events(ENQ + damaged + EOT)
    assert not any(isinstance(event, FrameReceived) for event in found)
    assert any(isinstance(event, FrameDamaged) for event in found)


@given(st.binary(max_size=5000))
def test_checksum_is_the_sum_modulo_256(data: bytes) -> None:
    assert checksum(data) == sum(data) % 256


def test_checksum_of_the_largest_sums() -> None:
    for size in (255, 256, 257, 258, 512, 65_536):
        assert checksum(b"\xff" * size) == 255 * size % 256


def test_records_become_the_frames_the_standard_shows() -> None:
    assert tuple(split_frames(PANEL)) == FRAMES


def test_a_record_cut_inside_a_number_says_so_with_etb() -> None:
    first = encode_frame(1, b"R|1|^^^GLU|5.", last=False)
    assert first == STX + b"1R|1|^^^GLU|5." + ETB + b"A4\r\n"
    assert encode_frame(2, b"4|mmol/L||N||F\r") == STX + b"24|mmol/L||N||F\r" + ETX + b"A6\r\n"
    begins, goes_on, *_ = split_frames([RESULT], Dialect(max_text=13))
    assert begins == first
    assert goes_on[:3] == STX + b"24"


def test_bytes_are_cut_anywhere_and_end_with_etx_once() -> None:
    message = b"".join(PANEL) * 4
    frames = split_frames(message)
    assert [len(frame) for frame in frames[:-1]] == [247] * (len(frames) - 1)
    assert [frame[-5:-4] for frame in frames] == [ETB] * (len(frames) - 1) + [ETX]


def test_endings_message_keeps_etx_for_the_last_frame() -> None:
    frames = split_frames(PANEL, Dialect(endings=Endings.MESSAGE))
    assert [frame[-5:-4] for frame in frames] == [ETB] * 4 + [ETX]


def test_numbers_run_from_one_through_seven_to_zero() -> None:
    numbers = [frame[1:2] for frame in split_frames([RESULT] * 10)]
    assert b"".join(numbers) == b"1234567012"


def test_checksum_styles() -> None:
    upper, lower = (
        encode_frame(1, b"\xff\xfc", style=style) for style in (Checksum.REQUIRED, Checksum.LOWER)
    )
    assert upper[-4:-2] == b"2F"
    assert lower[-4:-2] == b"2f"
    assert encode_frame(1, b"text", style=Checksum.NONE) == STX + b"1text" + ETX + b"\r\n"


def test_a_frame_shows_no_text() -> None:
    frame = Frame(3, b"P|1|||DOE^JANE\r", True, b"raw DOE^JANE")
    assert repr(frame) == "Frame(number=3, length=15)"


@pytest.mark.parametrize("bad", [{"max_frame": 4}, {"max_text": 0}, {"tries": 0}])
def test_a_dialect_out_of_bounds_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        Dialect(**bad)  # type: ignore[arg-type]


@given(st.lists(plain, min_size=1, max_size=12), st.integers(1, 300), st.sampled_from(Endings))
def test_what_is_split_arrives_as_it_was(records: list[bytes], size: int, endings: Endings) -> None:
    dialect = Dialect(max_text=size, endings=endings)
    frames = split_frames(records, dialect)
    assert max(map(len, frames)) <= size + 7
    assert text_of(events(ENQ + b"".join(frames) + EOT)) == b"".join(records)
