"""Arbitrary bytes: no crash, bounded memory, and nothing delivered that was not framed."""

from __future__ import annotations

import random

from astm_play import ENQ, EOT, FRAMES, PANEL, STX, answer, sliced
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.astm import (
    Checksum,
    Dialect,
    Enquiry,
    Event,
    FrameReceived,
    Framing,
    Heartbeat,
    Line,
    MessageReceived,
    Numbering,
    Outcome,
    Receiver,
    Role,
    Sender,
    TransmissionEnded,
    TransmissionIncomplete,
    checksum,
    encode_frame,
    read_capture,
    split_records,
)
from gateway.protocols.astm.outline import begins_record

LIMIT = 120
dialects = st.builds(
    Dialect,
    framing=st.sampled_from(Framing),
    numbering=st.sampled_from(Numbering),
    checksum=st.sampled_from(Checksum),
    max_frame=st.just(LIMIT),
    max_transmission=st.just(4 * LIMIT),
)
frames = st.builds(
    encode_frame,
    st.integers(0, 7),
    st.sampled_from(PANEL) | st.binary(max_size=20),
    last=st.booleans(),
    style=st.sampled_from(Checksum),
)
wires = st.lists(
    st.sampled_from([ENQ, EOT, STX, b"\x01", b"\x06", b"\x15", *FRAMES, *PANEL])
    | frames
    | st.binary(max_size=200),
    max_size=30,
).map(b"".join)


def check_frame(event: FrameReceived, dialect: Dialect, seen: bytes) -> None:
    """A frame that is given out was on the wire, whole and with its checksum."""
    frame = event.frame
    assert frame.raw in seen
    assert frame.raw[0:1] == STX
    assert len(frame.raw) <= LIMIT + 2
    end = len(frame.raw) - (0 if dialect.checksum is Checksum.NONE else 2)
    assert frame.raw[2 : end - 1] == frame.text
    assert frame.last == (frame.raw[end - 1] == 3)
    if dialect.checksum is not Checksum.NONE:
        assert frame.raw[end:].decode().upper() == f"{checksum(frame.raw[1:end]):02X}"
    assert not set(frame.text) & {2, 3, 4, 5, 0x17}


class Watch:
    """Checks the grammar of events: what opens is closed once, what is whole is whole."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.open = False
        self.text = b""

    def see(self, event: Event, wire: bytes) -> None:
        match event:
            case FrameReceived(frame):
                assert self.open
                check_frame(event, self.dialect, wire)
                self.text += frame.text
            case Enquiry():
                assert not self.open
                self.open, self.text = True, b""
            case MessageReceived(raw, text):
                assert raw in wire
                assert text in raw
                self.text = text
            case TransmissionEnded():
                loose = self.dialect.numbering is Numbering.LOOSE
                first, *_, last = [*split_records(self.text) * 2]
                assert begins_record(first, b"H", loose=loose)
                assert begins_record(last, b"L", loose=loose)
                self.open = False
            case TransmissionIncomplete() | Heartbeat():
                self.open = False


@settings(max_examples=250, deadline=None)
@given(wire=wires, dialect=dialects, seed=st.integers(0, 99))
def test_receiver(wire: bytes, dialect: Dialect, seed: int) -> None:
    receiver, watch, rng = Receiver(dialect), Watch(dialect), random.Random(seed)
    for chunk in sliced(wire, seed):
        receiver.receive_data(chunk)
        while (event := receiver.next_event()) is not None:
            watch.see(event, wire)
            if receiver.awaiting and rng.random() < 0.1:
                receiver.refuse()
                watch.open = watch.open and not isinstance(event, Enquiry)
                if isinstance(event, FrameReceived):
                    watch.text = watch.text[: len(watch.text) - len(event.frame.text)]
            else:
                answer(receiver, event)
        assert receiver.unread <= 4 * LIMIT
        if rng.random() < 0.02 and (event := receiver.expire()) is not None:
            watch.see(event, wire)
    assert receiver.position + receiver.unread == len(wire)
    assert receiver.junk <= len(wire)
    while (event := receiver.connection_lost()) is not None:
        watch.see(event, wire)
    assert receiver.unread == 0 or receiver.idle


@settings(max_examples=150, deadline=None)
@given(
    replies=st.binary(max_size=200), framing=st.sampled_from(Framing), role=st.sampled_from(Role)
)
def test_sender(replies: bytes, framing: Framing, role: Role) -> None:
    """Whatever is answered, only whole frames are written, and the sender comes to rest."""
    sender = Sender(Dialect(framing=framing), role=role)
    written = [sender.start(PANEL)]
    message = b"".join(PANEL)
    pieces = {*FRAMES, ENQ, EOT, FRAMES[-1] + EOT}
    for count in range(1, 7):  # several NAKs in one read: as often again
        pieces |= {message * count, (b"\x01" + message + EOT) * count}
    for chunk in sliced(replies, len(replies)):
        sender.receive_data(chunk)
        while sender.next_event() is not None:
            written.append(sender.data_to_send())
        written.append(sender.data_to_send())
    for _ in range(100):
        sender.expire()
        written.append(sender.data_to_send())
    assert not sender.active
    assert all(set(filter(None, data.split(b"\x02"))) <= _ends(pieces) for data in written)


def _ends(pieces: set[bytes]) -> set[bytes]:
    """The pieces as they look when cut at STX, also behind one another."""
    plain = {piece.removeprefix(STX) for piece in pieces}
    return plain | {ENQ * n for n in range(1, 9)} | {piece + EOT for piece in plain}


@settings(max_examples=100, deadline=None)
@given(wire=wires, role=st.sampled_from(Role), seed=st.integers(0, 99))
def test_line(wire: bytes, role: Role, seed: int) -> None:
    line, rng = Line(Dialect(max_frame=LIMIT), role=role), random.Random(seed)
    for chunk in sliced(wire, seed):
        if not line.busy and rng.random() < 0.2:
            line.send(PANEL)
        line.receive_data(chunk)
        while (event := line.next_event()) is not None:
            if line.receiver.awaiting:
                answer(line.receiver, event)  # type: ignore[arg-type]
        line.data_to_send()
        if rng.random() < 0.1:
            line.expire()
    while line.connection_lost() is not None:
        pass
    assert not line.busy


@settings(max_examples=200, deadline=None)
@given(data=wires, dialect=dialects)
def test_recordings(data: bytes, dialect: Dialect) -> None:
    for found in read_capture(data, dialect):
        assert found.raw in data
        assert data[found.offset : found.offset + len(found.raw)] == found.raw
        for finding in found.findings:
            assert 0 <= finding.offset <= len(data)
            assert finding.offset + finding.length <= len(data)
            assert str(finding)
        if found.complete:
            assert not any(finding.spoils for finding in found.findings)
            assert found.text
        if found.outcome is Outcome.HEARTBEAT:
            assert not found.text
