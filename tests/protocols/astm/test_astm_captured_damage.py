"""Any damaged byte of any frame of a real capture: never complete, never another text.

Only single bytes: the sum modulo 256 does not see two changes that make up for each other.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from astm_play import CAPTURES, ENQ, EOT, PANEL

from gateway.protocols.astm import encode_frame, read_capture, split_frames
from gateway.protocols.astm.dialect import Dialect, Endings

CAMPAIGN = "ASTM_CAMPAIGN" in os.environ
MEANT = b"\x00\x01\x02\x03\x04\x05\x06\x0a\x0d\x15\x17"
PLAIN = bytes(set(range(0x20)) - set(MEANT)) + b"\x7f"
LONG = [*PANEL[:3], *[b"R|%d|^^^T|%d\r" % (n, 11 * n) for n in range(1, 16)], PANEL[-1]]
MADE = {
    "composed": ENQ + b"".join(split_frames(LONG)) + EOT,
    "cut anywhere": ENQ + b"".join(split_frames(b"".join(PANEL), Dialect(max_text=11))) + EOT,
    "one ETX": ENQ + b"".join(split_frames(PANEL, Dialect(endings=Endings.MESSAGE))) + EOT,
    "no CR LF": ENQ + b"".join(frame[:-2] for frame in split_frames(PANEL)) + EOT,
    "two transmissions": (ENQ + b"".join(split_frames(PANEL)) + EOT) * 2,
}


def damaged(data: bytes, seed: int) -> Iterator[bytes]:
    """Every byte of every frame, replaced by other bytes.

    Of the control characters without a meaning each place tries an eighth, unless a campaign is on.
    """
    rng = random.Random(seed)
    for place, old in enumerate(data):
        if old in ENQ + EOT:
            continue
        plain = PLAIN if CAMPAIGN else PLAIN[place % 8 :: 8]
        others = {old ^ 1, old ^ 0x20, old ^ 0x80, rng.randrange(256), *MEANT, *plain} - {old}
        for new in others:
            yield data[:place] + bytes((new,)) + data[place + 1 :]


def check(data: bytes) -> None:
    whole = [found.text for found in read_capture(data)]
    for bad in damaged(data, seed=len(data)):
        complete = [found.text for found in read_capture(bad) if found.complete]
        assert complete in (whole[:-1], whole[1:]), bad


@pytest.mark.parametrize("name", [path.name for path in sorted(CAPTURES.glob("*.bin"))])
def test_damaged_captures(name: str) -> None:
    check((CAPTURES / name).read_bytes())


@pytest.mark.parametrize("name", MADE)
def test_damaged_recordings(name: str) -> None:
    check(MADE[name])


@pytest.mark.parametrize("again", [False, True])
def test_a_nul_in_a_recorded_frame(again: bool) -> None:
    """Sent again without it, it was noise that the host refused; else it was taken."""
    texts = [b"H|\\^&\r", b"C|1|I|a\0b|G\r", b"L|1|N\r"]
    first, odd, last = (encode_frame(n, text) for n, text in enumerate(texts, 1))
    repaired = encode_frame(2, texts[1].replace(b"\0", b"")) if again else b""
    (found,) = read_capture(b"\x05" + first + odd + repaired + last + b"\x04")
    assert found.complete
    assert found.text == b"".join(texts).replace(b"\0", b"" if again else b"\0")
