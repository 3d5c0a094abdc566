"""Inputs for a campaign: recorded and composed wires, damaged in the ways lines and peers damage.

Every input is a function of its number alone, so that one that failed can be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

CONTROLS = bytes(range(0x20)) + b"\x7f\x80\xff"
TOKENS = (
    *(b"\x05", b"\x04", b"\x02", b"\x03\r\n", b"\x17", b"\x0b", b"\x1c\r", b"\x01", b"\x06"),
    *(b"\x15", b"\x10", b"\r", b"\n", b"\r\r", b"|", b"\\", b"^", b"&", b"~", b"&F&", b"&XZZ&"),
    *(b"<", b">", b"</", b"<!DOCTYPE x>", b"<![CDATA[", b"&#0;", b'V=""', b"\x00", b"\xff\xfe"),
    *(b"1e999999", b"-0", b"+.", b"999999999999999999999", b"NaN", b"\xef\xbc\x91", b"20260231"),
    *(b"MSH|^~\\&|", b"H|\\^&", b"L|1|N\r", b"FD0000", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"),
)
LONGEST = 20_000


def mutated(corpus: Sequence[bytes], random: Random) -> bytes:
    """One wire of the corpus, some of them joined, with a few changes; now and then only noise."""
    if random.random() < 0.03:
        return random.randbytes(random.randrange(300))
    data = bytearray(random.choice(corpus)[:LONGEST])
    for _ in range(random.choice((0, 1, 1, 2, 3, 5, 8))):
        _change(data, corpus, random)
    return bytes(data[:LONGEST])


def _change(data: bytearray, corpus: Sequence[bytes], random: Random) -> None:
    random.choice(_CHANGES)(data, random.randrange(len(data) + 1), corpus, random)


def _flip(data: bytearray, at: int, _: Sequence[bytes], random: Random) -> None:
    if at < len(data):
        data[at] ^= 1 << random.randrange(8)


def _overwrite(data: bytearray, at: int, _: Sequence[bytes], random: Random) -> None:
    if at < len(data):
        data[at] = random.choice(CONTROLS) if random.random() < 0.5 else random.randrange(256)


def _insert(data: bytearray, at: int, _: Sequence[bytes], random: Random) -> None:
    data[at:at] = random.choice(TOKENS)


def _drop(data: bytearray, at: int, _: Sequence[bytes], random: Random) -> None:
    del data[at : at + random.choice((1, 1, 2, 7, 40, 400))]


def _cut(data: bytearray, at: int, _: Sequence[bytes], random: Random) -> None:
    if random.random() < 0.5:
        del data[at:]
    else:
        del data[:at]


def _repeat(data: bytearray, at: int, _: Sequence[bytes], random: Random) -> None:
    piece = bytes(data[at : at + random.choice((1, 3, 20, 200))])
    data[at:at] = piece * random.choice((1, 1, 2, 50))


def _splice(data: bytearray, at: int, corpus: Sequence[bytes], random: Random) -> None:
    other = random.choice(corpus)
    begin = random.randrange(len(other) + 1)
    data[at:at] = other[begin : begin + random.choice((5, 50, 500, LONGEST))]


def _swap(data: bytearray, at: int, _: Sequence[bytes], random: Random) -> None:
    size = random.choice((1, 4, 30))
    data[at : at + 2 * size] = data[at + size : at + 2 * size] + data[at : at + size]


_CHANGES: tuple[Callable[[bytearray, int, Sequence[bytes], Random], None], ...] = (
    *(_flip, _flip, _overwrite, _overwrite, _insert, _insert),
    *(_drop, _cut, _repeat, _splice, _swap),
)


def sliced(data: bytes, random: Random) -> list[bytes]:
    """As a wire delivers it: whole, in a few pieces, or byte by byte when it is short."""
    if not data or random.random() < 0.3:
        return [data] if data else []
    if len(data) < 200 and random.random() < 0.1:
        return [data[i : i + 1] for i in range(len(data))]
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(1, 6)))
    return [data[a:b] for a, b in pairwise([0, *cuts, len(data)]) if a < b]
