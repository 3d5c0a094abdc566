"""RFC 2217 negotiation from literal transcripts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transports import Flow, LineSettings, Parity
from gateway.transports.comport import ComPort

SETTINGS = LineSettings(baud=19200, parity=Parity.EVEN, data_bits=7, flow=Flow.XONXOFF)
WILL_BINARY, DO_BINARY = b"\xff\xfb\x00", b"\xff\xfd\x00"
WILL_SGA, DO_SGA = b"\xff\xfb\x03", b"\xff\xfd\x03"
WILL_COM, DO_COM = b"\xff\xfb\x2c", b"\xff\xfd\x2c"
SET_LINE = (
    b"\xff\xfa\x2c\x01\x00\x00\x4b\x00\xff\xf0"  # 19200 baud
    b"\xff\xfa\x2c\x02\x07\xff\xf0"  # 7 data bits
    b"\xff\xfa\x2c\x03\x03\xff\xf0"  # even
    b"\xff\xfa\x2c\x04\x01\xff\xf0"  # 1 stop bit
    b"\xff\xfa\x2c\x05\x02\xff\xf0"  # XON/XOFF
    b"\xff\xfa\x2c\x0a\x1e\xff\xf0"  # tell about overrun, parity, framing, break
    b"\xff\xfa\x2c\x0b\x00\xff\xf0"  # nothing about modem lines
)
CONFIRMED = (
    b"\xff\xfa\x2c\x65\x00\x00\x4b\x00\xff\xf0"
    b"\xff\xfa\x2c\x66\x07\xff\xf0"
    b"\xff\xfa\x2c\x67\x03\xff\xf0"
    b"\xff\xfa\x2c\x68\x01\xff\xf0"
    b"\xff\xfa\x2c\x69\x02\xff\xf0"
)
AGREED = DO_BINARY + WILL_BINARY + DO_COM


def ready_port() -> ComPort:
    port = ComPort(SETTINGS)
    port.start()
    port.receive(AGREED + CONFIRMED)
    assert port.ready
    return port


def test_asks_for_binary_in_both_directions_and_for_the_port_option() -> None:
    said = WILL_BINARY + WILL_SGA + WILL_COM + DO_BINARY + DO_SGA
    assert ComPort(SETTINGS).start() == said


def test_sets_the_line_once_the_server_has_the_option() -> None:
    port = ComPort(SETTINGS)
    port.start()
    assert port.receive(DO_BINARY + WILL_BINARY) == (b"", b"")
    assert port.answered
    assert port.receive(DO_COM) == (b"", SET_LINE)
    assert not port.ready
    assert port.receive(CONFIRMED) == (b"", b"")
    assert port.ready


def test_masks_need_no_acknowledgement() -> None:
    """pyserial's server and ser2net never acknowledge SET-MODEMSTATE-MASK."""
    assert b"\x6a" not in CONFIRMED + AGREED
    assert b"\x6b" not in CONFIRMED + AGREED
    assert ready_port().ready


def test_data_from_before_the_settings_is_dropped() -> None:
    port = ComPort(SETTINGS)
    port.start()
    assert port.receive(b"noise" + AGREED + b"noise" + CONFIRMED + b"\x05") == (b"\x05", SET_LINE)


def test_opening_speech_is_not_answered_twice() -> None:
    port = ready_port()
    assert port.receive(AGREED + DO_SGA + WILL_SGA) == (b"", b"")
    assert port.receive(WILL_COM) == (b"", DO_COM)
    assert port.receive(WILL_COM) == (b"", b"")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"\xff\xfb\x01", b"\xff\xfe\x01"),  # WILL ECHO: DONT
        (b"\xff\xfd\x01", b"\xff\xfc\x01"),  # DO ECHO: WONT
        (b"\xff\xfd\x18", b"\xff\xfc\x18"),  # DO TERMINAL-TYPE: WONT
        (b"\xff\xfe\x01", b""),
        (b"\xff\xfc\x01", b""),
    ],
)
def test_other_options_are_declined_once(asked: bytes, answer: bytes) -> None:
    port = ready_port()
    assert port.receive(asked) == (b"", answer)
    assert port.receive(asked) == (b"", b"")
    assert port.ready


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (b"\xff\xfe\x00", "binary"),
        (b"\xff\xfc\x00", "binary"),
        (b"\xff\xfe\x2c", "no RFC 2217"),
        (AGREED + b"\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0", "baud rate (9600 instead of 19200)"),
        (AGREED + b"\xff\xfa\x2c\x66\x08\xff\xf0", "number of data bits (8 instead of 7)"),
        (AGREED + b"\xff\xfa\x2c\x67\x01\xff\xf0", "parity (1 instead of 3)"),
        (AGREED + b"\xff\xfa\x2c\x67\xff\xf0", "parity (0 instead of 3)"),
        (AGREED + b"\xff\xfa\x2c\x68\x02\xff\xf0", "number of stop bits (2 instead of 1)"),
        (AGREED + b"\xff\xfa\x2c\x69\x01\xff\xf0", "flow control (1 instead of 2)"),
    ],
)
def test_a_server_that_does_something_else_is_refused(stream: bytes, says: str) -> None:
    port = ComPort(SETTINGS)
    port.start()
    port.receive(stream)
    assert says in (port.refusal or "")
    assert not port.ready


@pytest.mark.parametrize("state", [0x02, 0x04, 0x08, 0x10, 0x64])
def test_a_line_error_becomes_a_substitute_where_it_was_notified(state: int) -> None:
    port = ready_port()
    notice = b"\xff\xfa\x2c\x6a" + bytes([state]) + b"\xff\xf0"
    assert port.receive(b"ab" + notice + b"cd") == (b"ab\x16cd", b"")
    assert port.damaged == 1


def test_a_sound_line_state_is_no_damage() -> None:
    port = ready_port()
    assert port.receive(b"a\xff\xfa\x2c\x6a\x61\xff\xf0b\xff\xfa\x2c\x6b\x30\xff\xf0c")[0] == b"abc"
    assert port.damaged == 0


@pytest.mark.parametrize(
    "odd", [b"\xff\xfa\x2c\xff\xf0", b"\xff\xfa\x2c\x6a\xff\xf0", b"\xff\xfa\x18\x01\xff\xf0"]
)
def test_odd_notices_are_passed_over(odd: bytes) -> None:
    port = ready_port()
    assert port.receive(b"a" + odd + b"b") == (b"ab", b"")
    assert port.ready


@given(st.binary(max_size=80), st.lists(st.integers(0, 200), max_size=10))
def test_device_bytes_arrive_unchanged_under_every_slicing(data: bytes, cuts: list[int]) -> None:
    port = ComPort(SETTINGS)
    port.start()
    stream = AGREED + CONFIRMED + data.replace(b"\xff", b"\xff\xff")
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [port.receive(stream[a:b]) for a, b in itertools.pairwise(edges)]
    assert b"".join(piece for piece, _ in pieces) == data
    assert b"".join(answer for _, answer in pieces) == SET_LINE


@given(st.binary(max_size=100))
def test_no_bytes_from_a_server_break_the_client(stream: bytes) -> None:
    port = ComPort(SETTINGS)
    port.start()
    port.receive(stream)
    ready_port().receive(stream)
