"""Any slicing of the bytes gives the same events, whatever the bytes are."""

from __future__ import annotations

import pytest
from astm_play import ENQ, EOT, FRAMES, HEADER, PANEL, bytewise, events, sliced
from hypothesis import given, settings
from hypothesis import strategies as st
from test_astm_receiver import WIRES

from gateway.protocols.astm import Checksum, Dialect, Framing, Numbering, Receiver

SMALL = 40
DIALECTS = [
    Dialect(),
    Dialect(numbering=Numbering.LOOSE, checksum=Checksum.NONE, max_frame=SMALL),
    Dialect(framing=Framing.BARE, max_frame=SMALL, max_transmission=200),
    Dialect(framing=Framing.ENVELOPE, max_frame=SMALL, max_transmission=200),
    Dialect(framing=Framing.AUTO, max_frame=SMALL, max_transmission=200),
]
PIECES = [
    *[bytes((byte,)) for byte in range(32)],
    b"\x7f",
    b"\xff",
    b"H",
    b"L",
    b"<",
    b"\x02\x031",
    HEADER,
    HEADER[:5],
    b"P|1\r",
    b"R|1|^^^GLU|5.4\r\n",
    b"L|1|N\r",
    b"\x01" + HEADER + b"L|1\r" + EOT,
    b"<?xml",
    b"\x0bMSH|",
    *FRAMES,
    *[frame[:-2] for frame in FRAMES],
    ENQ + b"".join(FRAMES) + EOT,
    b"".join(PANEL),
]

wires = st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=25).map(b"".join)


def history(chunks: list[bytes], dialect: Dialect) -> tuple[object, ...]:
    """Everything that can be seen from outside once all chunks are in."""
    receiver = Receiver(dialect)
    happened = events(chunks, dialect)
    for chunk in chunks:
        receiver.receive_data(chunk)
        while (event := receiver.next_event()) is not None:
            if receiver.awaiting:
                receiver.refuse()
            assert event is not None
    refused = (receiver.junk, receiver.position, receiver.framing, receiver.timeout)
    return (happened, refused, receiver.connection_lost())


@settings(max_examples=150, deadline=None)
@given(wire=wires, seed=st.integers(0, 1000), dialect=st.sampled_from(DIALECTS))
def test_slicing(wire: bytes, seed: int, dialect: Dialect) -> None:
    whole = history([wire], dialect)
    assert history(bytewise(wire), dialect) == whole
    assert history(sliced(wire, seed), dialect) == whole


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_slicing_of_literal_wires(name: str, dialect: Dialect) -> None:
    wire, _ = WIRES[name]
    assert history(bytewise(wire), dialect) == history([wire], dialect)
