"""``receive_frame`` says and does what ``receive_data`` and ``next_event`` would, or nothing."""

from __future__ import annotations

import random

import pytest
from astm_play import ANSWERED, ENQ, EOT, ETB, FRAMES, HEADER, STX
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.astm import (
    Checksum,
    Dialect,
    Event,
    Frame,
    FrameDamaged,
    FrameReceived,
    Framing,
    Numbering,
    Receiver,
    encode_frame,
)

DIALECTS = (
    Dialect(),
    Dialect(numbering=Numbering.LOOSE),
    Dialect(checksum=Checksum.NONE),
    Dialect(checksum=Checksum.LOWER),
    Dialect(max_frame=40, max_transmission=90),
    Dialect(framing=Framing.AUTO),
    Dialect(framing=Framing.BARE),
)
ODD = (
    b"\r\n",
    b"\r",
    b"x",
    STX,
    FRAMES[0][:9],
    FRAMES[0][9:],
    FRAMES[1][:-2],
    FRAMES[2].lower(),
    FRAMES[3] + FRAMES[4],
    FRAMES[1] + EOT,
    STX + b"2P|1\r" + ETB + b"53\r\n",
    encode_frame(2, b"P|\x161\r"),
    encode_frame(2, b"P|\x031\r"),
    encode_frame(2, b"P|" + b"1" * 300),
    encode_frame(8, b"C|1\r"),
    b"\x02\x03F6\r\n",
)
chunks = st.lists(st.sampled_from((ENQ, *FRAMES, *FRAMES, EOT)) | st.sampled_from(ODD), max_size=14)


class Play:
    """Answers every event, one frame in ten by NAK; ``behind`` arrives before the answer."""

    def __init__(self, dialect: Dialect, seed: int, *, one_step: bool) -> None:
        self.receiver = Receiver(dialect)
        self.one_step = one_step
        self.happened: list[Event | bytes] = []
        self._chance = random.Random(seed)

    def arrives(self, data: bytes, behind: bytes, *, answered: bool = True) -> None:
        event = self._first(data)
        if behind:
            self.receiver.receive_data(behind)
        while event is not None:
            self.happened.append(event)
            if isinstance(event, ANSWERED):
                if not answered:
                    return
                self.happened.append(self._answer(event))
            event = self.receiver.next_event()

    def _answer(self, event: Event) -> bytes:
        unlucky = isinstance(event, FrameReceived) and self._chance.random() < 0.1
        if unlucky or isinstance(event, FrameDamaged):
            return self.receiver.refuse()
        return self.receiver.accept()

    def _first(self, data: bytes) -> Event | None:
        if self.one_step and (found := self.receiver.receive_frame(data)) is not None:
            text, raw = found
            last = raw[-3:-2] != ETB
            return FrameReceived(Frame(raw[1] - 48, text, last, raw))
        self.receiver.receive_data(data)
        return self.receiver.next_event()

    def state(self) -> tuple[object, ...]:
        receiver = self.receiver
        return (
            self.happened,
            receiver.junk,
            receiver.position,
            receiver.unread,
            receiver.framing,
            receiver.awaiting,
            receiver.idle,
            receiver.timeout,
            receiver.resting,
        )


@settings(max_examples=400, deadline=None)
@given(
    pieces=chunks,
    last=st.sampled_from((*FRAMES, *ODD)),
    behind=st.sampled_from((b"", b"", b"", EOT, b"\r", FRAMES[1])),
    dialect=st.sampled_from(DIALECTS),
    seed=st.integers(0, 1000),
)
def test_one_step_is_two(
    pieces: list[bytes], last: bytes, behind: bytes, dialect: Dialect, seed: int
) -> None:
    one, two = (Play(dialect, seed, one_step=step) for step in (True, False))
    for number, piece in enumerate(pieces):
        for play in (one, two):
            play.arrives(piece, behind if number % 5 == 3 else b"")
        assert one.state() == two.state()
    for play in (one, two):
        play.arrives(last, b"", answered=False)
    assert one.happened == two.happened
    assert one.receiver.connection_lost() == two.receiver.connection_lost()


def test_a_whole_panel_goes_in_single_steps() -> None:
    receiver = Receiver()
    receiver.receive_data(ENQ)
    receiver.next_event()
    receiver.accept()
    for frame in FRAMES:
        found = receiver.receive_frame(frame)
        assert found is not None
        text, raw = found
        assert raw == frame[:-2]
        assert text == frame[2:-5]
        assert receiver.awaiting
        assert receiver.receive_frame(frame) is None  # not before the answer
        receiver.accept()
        assert receiver.resting == receiver.timeout
    assert receiver.unread == 0
    receiver.receive_data(EOT)
    assert receiver.next_event() is not None
    assert receiver.resting is None


BROKEN = [encode_frame(1, b"H|" + bytes((byte,)) + b"\r") for byte in b"\x02\x03\x04\x05\x16\x17"]


@pytest.mark.parametrize(
    "data", [FRAMES[1], FRAMES[0][:-2], FRAMES[0] + b"\r", ENQ, b"", HEADER, *BROKEN]
)
def test_what_is_not_the_next_frame_leaves_no_trace(data: bytes) -> None:
    receiver = Receiver()
    receiver.receive_data(ENQ)
    receiver.next_event()
    receiver.accept()
    assert receiver.receive_frame(data) is None
    assert (receiver.unread, receiver.position, receiver.awaiting) == (0, 1, False)
    assert receiver.receive_frame(FRAMES[0]) is not None
