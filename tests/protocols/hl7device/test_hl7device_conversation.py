"""Messages of analyzers and what they are answered, in MLLP and without it."""

from __future__ import annotations

from random import Random

import pytest
from hl7device_probes import (
    ABAXIS,
    ALL,
    FUZZ,
    ICHROMA,
    LAW,
    LIAT,
    MINDRAY,
    QRY,
    codes,
    connection,
    feed,
    framed,
    peer,
    raws,
    sliced,
    slicings,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError
from gateway.protocols.hl7device import (
    BareReply,
    Cutoff,
    Damage,
    Dialect,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
    Wrapping,
)


def test_nothing_is_answered_before_accept() -> None:
    end = peer()
    end.receive_data(framed(MINDRAY, MINDRAY))
    event = end.next_event()
    assert isinstance(event, MessageReceived)
    assert event.kind == "ORU^R01"
    assert end.timeout is None
    with pytest.raises(LocalProtocolError):
        end.next_event()
    assert end.accept()
    with pytest.raises(LocalProtocolError):
        end.accept()
    with pytest.raises(LocalProtocolError):
        end.refuse()
    with pytest.raises(LocalProtocolError):
        end.reply(b"")


def test_keep_alive_bytes_are_noise() -> None:
    """A BC-5150 writes 0x02 about every three seconds, between messages."""
    stream = b"\x02\x02" + framed(MINDRAY) + b"\x02" * 5 + framed(MINDRAY) + b"\x02"
    for chunks in slicings(stream, rounds=3):
        events, _, junk = connection(chunks)
        assert raws(events) == [MINDRAY, MINDRAY]
        assert len(events) == 2
        assert 7 <= junk <= 8


@pytest.mark.parametrize("message", ALL)
def test_any_slicing_in_mllp(message: bytes) -> None:
    stream = framed(message, MINDRAY)
    expected = connection([stream])
    assert raws(expected[0]) == [message, MINDRAY]
    for chunks in slicings(stream, rounds=3):
        assert connection(chunks) == expected


@pytest.mark.parametrize("message", ALL)
def test_any_slicing_of_bare_segments(message: bytes) -> None:
    stream = message + ABAXIS + b"\x02" + MINDRAY
    expected = connection([stream])
    assert raws(expected[0])[0] == message
    assert raws(expected[0])[-1] == MINDRAY
    for chunks in slicings(stream, rounds=3):
        assert connection(chunks) == expected


def test_bare_segments_end_with_silence() -> None:
    end = peer(Dialect(idle=1.5))
    end.receive_data(ABAXIS)
    assert end.next_event() is None
    assert end.wrapping is Wrapping.BARE
    assert end.timeout == 1.5
    event = end.expire()
    assert isinstance(event, MessageReceived)
    assert event.raw == ABAXIS
    assert end.accept().startswith(b"MSH|")


@pytest.mark.parametrize(
    ("reply", "accepted", "refused"),
    [(BareReply.ZERO, b"0", b""), (BareReply.NONE, b"", b"")],
)
def test_bare_answers(reply: BareReply, accepted: bytes, refused: bytes) -> None:
    for verb, expected in (("accept", accepted), ("refuse", refused)):
        end = peer(Dialect(bare_reply=reply))
        end.receive_data(ABAXIS)
        end.next_event()
        end.expire()
        assert getattr(end, verb)() == expected


def test_silence_inside_a_bare_segment_is_incomplete() -> None:
    events, written, _ = connection([ABAXIS[:-1]])
    assert events == [MessageIncomplete(Cutoff.TIMEOUT, ABAXIS[:-1])]
    assert written == b""


def test_a_tail_without_its_header_is_kept() -> None:
    """The line paused in the middle of a message: both halves are kept, neither is guessed."""
    half = ABAXIS.index(b"OBX")
    end = peer()
    end.receive_data(ABAXIS[:half])
    end.next_event()
    assert isinstance(end.expire(), MessageReceived)
    end.accept()
    end.receive_data(ABAXIS[half:])
    assert end.next_event() is None
    assert end.expire() == MessageDamaged(Damage.FORMAT, ABAXIS[half:])


def test_fs_without_vt_ends_a_message() -> None:
    """The stored ichroma copy ends with FS and begins with nothing."""
    events, written, _ = connection([ICHROMA + b"\x1c\r" + ICHROMA + b"\x1c\r"])
    assert raws(events) == [ICHROMA, ICHROMA]
    assert b"MSA|AA|I1\r" in written


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"hello", Damage.FORMAT), (b"", Damage.FORMAT), (b"MSH|^", Damage.FORMAT)],
)
def test_a_block_that_is_no_message_is_rejected(body: bytes, reason: Damage) -> None:
    events, written = feed(peer(), framed(body))
    assert events == [MessageDamaged(reason, body)]
    assert b"MSA|AR\r" in written


def test_a_block_over_the_limit_is_rejected() -> None:
    events, written = feed(peer(Dialect(limit=300)), framed(MINDRAY, ABAXIS))
    assert [type(event) for event in events] == [MessageDamaged, MessageReceived]
    assert codes(written) == ["AR", "AA"]


def test_an_image_of_a_megabyte_is_taken() -> None:
    image = b"OBX|6|ED|1^Scatter||^Image^BMP^Base64^" + b"A" * 1_000_000 + b"||||||F\r"
    events, written = feed(peer(), framed(MINDRAY + image))
    assert raws(events) == [MINDRAY + image]
    assert codes(written) == ["AA"]


def test_silence_inside_a_block_keeps_what_came() -> None:
    end = peer()
    half = framed(MINDRAY)[:80]
    assert feed(end, half) == ([], b"")
    assert end.timeout == 30.0
    assert end.expire() == MessageIncomplete(Cutoff.TIMEOUT, half[1:])
    assert end.timeout is None
    assert raws(feed(end, framed(MINDRAY))[0]) == [MINDRAY]


def test_a_header_without_vt_in_two_reads_is_kept_whole() -> None:
    end = peer(Dialect(wrapping=Wrapping.MLLP))
    for chunk in (b"M", b"S", b"H|", MINDRAY[4:40]):
        assert feed(end, chunk) == ([], b"")
    assert end.expire() == MessageIncomplete(Cutoff.TIMEOUT, MINDRAY[:40])


def test_loss_delivers_what_is_whole_and_keeps_the_rest() -> None:
    end = peer()
    end.receive_data(framed(MINDRAY) + framed(LIAT)[:50])
    assert isinstance(end.connection_lost(), MessageReceived)
    end.accept()
    assert end.next_event() == MessageIncomplete(Cutoff.LOST, LIAT[:49])
    assert end.next_event() is None
    assert end.timeout is None


@settings(max_examples=FUZZ, deadline=2000)
@given(data=st.data())
def test_any_bytes_in_any_slicing(data: st.DataObject) -> None:
    whole = [
        framed(MINDRAY),
        framed(QRY),
        ABAXIS,
        LAW,
        framed(LIAT)[:40],
        b"\x02",
        b"\x0b",
        b"\x1c",
    ]
    pieces = st.one_of(st.binary(max_size=20), st.sampled_from(whole))
    stream = b"".join(data.draw(st.lists(pieces, max_size=6)))
    expected = connection([stream])
    for event in expected[0]:
        assert getattr(event, "raw", b"") in stream
    random = Random(data.draw(st.integers(0, 99)))
    assert connection(sliced(stream, random)) == expected


def test_repr_names_nobody() -> None:
    events, _ = feed(peer(), framed(MINDRAY, QRY))
    assert "TEST1" not in repr(events)
    assert "S0004" not in repr(events)


@pytest.mark.parametrize("flood", [framed(ABAXIS), ABAXIS + b"\x1c"])
def test_a_peer_that_does_not_wait_is_cut_off(flood: bytes) -> None:
    end = peer(Dialect(limit=1000))
    end.receive_data(flood)
    assert isinstance(end.next_event(), MessageReceived)
    end.receive_data(flood * 100)
    with pytest.raises(RemoteProtocolError):
        end.receive_data(flood * 1000)


def test_a_peer_that_waits_may_send_for_ever() -> None:
    end = peer(Dialect(limit=1000))
    for _ in range(1000):
        events, _ = feed(end, framed(ABAXIS) * 2)
        assert len(events) == 2
