"""Telnet streams are taken apart alike however they are cut, and bounded."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.errors import RemoteProtocolError
from gateway.transports.telnet import (
    DO,
    DONT,
    WILL,
    WONT,
    Command,
    Subnegotiation,
    TelnetReader,
    Verb,
    encode,
    escape,
)


def read(*chunks: bytes) -> list[bytes | Command]:
    """Everything in the stream, with neighbouring data joined."""
    reader = TelnetReader()
    parts: list[bytes | Command] = []
    for chunk in chunks:
        for part in reader.read(chunk):
            if isinstance(part, bytes) and parts and isinstance(before := parts[-1], bytes):
                parts[-1] = before + part
            else:
                parts.append(part)
    return parts


@pytest.mark.parametrize(
    ("stream", "parts"),
    [
        (b"\x05", [b"\x05"]),
        (b"a\xff\xffb", [b"a\xffb"]),
        (b"\xff\xfd\x2c", [Verb(DO, 44)]),
        (b"a\xff\xfb\x00b", [b"a", Verb(WILL, 0), b"b"]),
        (b"\xff\xfa\x2c\x65\0\0\x25\x80\xff\xf0", [Subnegotiation(44, b"\x65\0\0\x25\x80")]),
        (b"\xff\xfa\x2c\x6a\xff\xff\xff\xf0", [Subnegotiation(44, b"\x6a\xff")]),
        (b"\xff\xfa\x2c\xff\xf0", [Subnegotiation(44, b"")]),
        (b"\xff\xfa\xff\xf0x", [b"x"]),  # no option at all
        (b"\xff\xfa\x2c\x6a\xff\xf1x", [b"x"]),  # not ended by SE
        (b"a\xff\xf1b\xff\xf9c", [b"abc"]),  # NOP, GA
        (b"\xff\xfe\xff\xff\xfc\x01", [Verb(DONT, 255), Verb(WONT, 1)]),
    ],
)
def test_takes_a_stream_apart(stream: bytes, parts: list[bytes | Command]) -> None:
    assert read(stream) == parts
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == parts
    for cut in range(len(stream) + 1):
        assert read(stream[:cut], stream[cut:]) == parts


data = st.binary(min_size=1, max_size=20)
verbs = st.builds(Verb, st.sampled_from([DO, DONT, WILL, WONT]), st.integers(0, 255))
subnegotiations = st.builds(Subnegotiation, st.integers(0, 254), st.binary(max_size=20))


@given(st.lists(data | verbs | subnegotiations, max_size=8), st.lists(st.integers(0, 300)))
def test_what_was_encoded_is_read_under_every_slicing(
    parts: list[bytes | Command], cuts: list[int]
) -> None:
    stream = b"".join(escape(p) if isinstance(p, bytes) else encode(p) for p in parts)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    assert read(*(stream[a:b] for a, b in itertools.pairwise(edges))) == read(stream)
    commands = [part for part in read(stream) if not isinstance(part, bytes)]
    assert commands == [part for part in parts if not isinstance(part, bytes)]
    assert b"".join(p for p in read(stream) if isinstance(p, bytes)) == b"".join(
        p for p in parts if isinstance(p, bytes)
    )


def test_an_endless_subnegotiation_is_refused() -> None:
    reader = TelnetReader()
    assert list(reader.read(b"\xff\xfa\x2c" + b"x" * 509)) == []
    with pytest.raises(RemoteProtocolError, match="longer than 512"):
        list(reader.read(b"x"))
