"""The receiver itself: answers, limits, silence, loss."""

from __future__ import annotations

import pytest
from text_probes import conversation, slicings

from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError
from gateway.protocols.events import (
    Cutoff,
    Damage,
    Enquiry,
    Event,
    Integrity,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)
from gateway.protocols.text import Answers, Framing, Lines, Receiver, Silence, StxEtx, Terminated

ANSWERING = StxEtx(answers=Answers(accept=b"\x06", refuse=b"\x15"))


def whole(raw: bytes) -> MessageReceived:
    return MessageReceived(raw, Integrity.UNCHECKED)


TRANSCRIPTS: list[tuple[str, Framing, bytes, list[Event], int]] = [
    ("one block", StxEtx(), b"\x02abc\x03", [whole(b"\x02abc\x03")], 0),
    ("noise around", StxEtx(), b"\xff\r\n\x02a\x03\r\n\x04", [whole(b"\x02a\x03")], 6),
    ("two a read", StxEtx(), b"\x02a\x03\x02b\x03", [whole(b"\x02a\x03"), whole(b"\x02b\x03")], 0),
    (
        "begun anew",
        StxEtx(),
        b"\x02ab\x02cd\x03",
        [MessageIncomplete(Cutoff.RESTARTED, b"\x02ab"), whole(b"\x02cd\x03")],
        0,
    ),
    ("cut off", StxEtx(), b"\x02ab", [MessageIncomplete(Cutoff.TIMEOUT, b"\x02ab")], 0),
    (
        "wrong length",
        StxEtx({b"D1U": frozenset({5})}),
        b"\x02D1U1\x03\x02D1U12\x03\x02Q\x03",
        [
            MessageDamaged(Damage.LENGTH, b"\x02D1U1\x03"),
            whole(b"\x02D1U12\x03"),
            whole(b"\x02Q\x03"),
        ],
        0,
    ),
    (
        "over the limit",
        StxEtx(limit=6),
        b"\x02abcdefgh\x03\x02ok\x03",
        [MessageDamaged(Damage.OVERSIZE, b"\x02abcde"), whole(b"\x02ok\x03")],
        4,
    ),
    ("just the limit", StxEtx(limit=6), b"\x02abcd\x03", [whole(b"\x02abcd\x03")], 0),
    (
        "a printer",
        Terminated(b"\x1bd\x03", filler=b"\xff"),
        b"\xff\xffab\xff\x1bd\x1bd\x03\xff",
        [whole(b"ab\xff\x1bd\x1bd\x03")],
        3,
    ),
    (
        "the tail of too much is no message",
        Terminated(b"!", limit=4),
        b"abcdef!gh!",
        [
            MessageDamaged(Damage.OVERSIZE, b"abcd"),
            MessageDamaged(Damage.OVERSIZE, b"ef!"),
            whole(b"gh!"),
        ],
        0,
    ),
    ("lines", Lines(), b"\r\na;b\r\nc\rd\n", [whole(b"a;b\r"), whole(b"c\r"), whole(b"d\n")], 3),
    ("silence ends", Silence(), b"any\x03thing", [whole(b"any\x03thing")], 0),
    (
        "silence over the limit",
        Silence(limit=4),
        b"abcdef",
        [MessageDamaged(Damage.OVERSIZE, b"abcd"), MessageDamaged(Damage.OVERSIZE, b"ef")],
        0,
    ),
]


@pytest.mark.parametrize(("name", "framing", "stream", "events", "junk"), TRANSCRIPTS)
def test_any_slicing_gives_the_same_events(
    name: str, framing: Framing, stream: bytes, events: list[Event], junk: int
) -> None:
    for chunks in slicings(stream):
        assert conversation(framing, chunks) == (events, b"", junk), name


def test_nothing_is_answered_before_accept() -> None:
    receiver = Receiver(ANSWERING)
    receiver.receive_data(b"\x02a\x03\x02b\x03")
    assert receiver.next_event() == whole(b"\x02a\x03")
    with pytest.raises(LocalProtocolError):
        receiver.next_event()
    assert receiver.accept() == b"\x06"
    with pytest.raises(LocalProtocolError):
        receiver.accept()
    assert receiver.next_event() == whole(b"\x02b\x03")
    assert receiver.refuse() == b"\x15"
    assert receiver.next_event() is None
    with pytest.raises(LocalProtocolError):
        receiver.refuse()


def test_a_damaged_message_cannot_be_accepted() -> None:
    receiver = Receiver(StxEtx({b"": frozenset({2})}, answers=ANSWERING.answers))
    receiver.receive_data(b"\x02abc\x03")
    assert isinstance(receiver.next_event(), MessageDamaged)
    with pytest.raises(LocalProtocolError):
        receiver.accept()
    assert receiver.refuse() == b"\x15"


def test_the_timer_runs_only_inside_a_message() -> None:
    receiver = Receiver(StxEtx(patience=7.0))
    assert receiver.timeout is None
    assert receiver.expire() is None
    receiver.receive_data(b"\x02a")
    assert receiver.next_event() is None
    assert receiver.timeout == 7.0
    receiver.receive_data(b"\x03")
    assert receiver.next_event() == whole(b"\x02a\x03")
    assert receiver.timeout is None
    assert receiver.expire() is None
    receiver.accept()
    assert receiver.timeout is None


def test_loss_delivers_what_is_whole_and_keeps_the_rest() -> None:
    receiver = Receiver(StxEtx())
    receiver.receive_data(b"\x02a\x03\x02b\x03\x02c")
    assert receiver.next_event() == whole(b"\x02a\x03")
    assert receiver.connection_lost() is None
    receiver.accept()
    assert receiver.next_event() == whole(b"\x02b\x03")
    receiver.accept()
    assert receiver.next_event() == MessageIncomplete(Cutoff.LOST, b"\x02c")
    assert receiver.next_event() is None


def test_loss_with_nothing_open_is_no_event() -> None:
    receiver = Receiver(StxEtx())
    receiver.receive_data(b"\r\n")
    assert receiver.next_event() is None
    assert receiver.connection_lost() is None


def test_silence_is_not_ended_by_loss() -> None:
    receiver = Receiver(Silence())
    receiver.receive_data(b"half a rep")
    assert receiver.next_event() is None
    assert receiver.connection_lost() == MessageIncomplete(Cutoff.LOST, b"half a rep")


def test_no_event_shows_what_it_holds() -> None:
    secret = b"DOE^JANE"
    for event in (
        MessageReceived(secret),
        MessageDamaged(Damage.FORMAT, secret),
        MessageIncomplete(Cutoff.LOST, secret),
        Enquiry(secret),
    ):
        assert "DOE" not in repr(event)
        assert event.size == 8


@pytest.mark.parametrize("framing", [StxEtx(limit=4096), Terminated(b"!", limit=4096), Lines(4096)])
def test_memory_stays_bounded_by_the_limit(framing: Framing) -> None:
    receiver = Receiver(framing)
    receiver.receive_data(b"\x02")
    for _ in range(200):
        receiver.receive_data(b"x" * 1000)
        while receiver.next_event() is not None:
            receiver.refuse()
        assert receiver.buffered <= 4096


def test_a_peer_that_does_not_wait_is_cut_off() -> None:
    receiver = Receiver(StxEtx(limit=4096))
    receiver.receive_data(b"\x02a\x03" * 100_000)
    receiver.next_event()
    receiver = Receiver(StxEtx(limit=4096))
    receiver.receive_data(b"\x02a\x03")
    receiver.next_event()
    with pytest.raises(RemoteProtocolError):
        receiver.receive_data(b"x" * 70_000)
