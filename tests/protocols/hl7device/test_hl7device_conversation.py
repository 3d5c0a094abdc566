"""Messages of analyzers and what they are answered, in MLLP and without it."""

from __future__ import annotations

from random import Random

import pytest
from hl7device_probes import (
    ABAXIS,
    ALL,
    FUZZ,
    GENEXPERT,
    ICHROMA,
    LAW,
    LIAT,
    MINDRAY,
    NOW,
    QRY,
    connection,
    feed,
    framed,
    lines,
    peer,
    sliced,
    slicings,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.hl7 import AcknowledgmentCode, ErrorCode, Unreadable
from gateway.protocols.hl7device import (
    Acknowledged,
    BareReply,
    Cutoff,
    Damage,
    Dialect,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
    QueryReceived,
    Unanswered,
    Wrapping,
    read_header,
)


def raws(events: list[object]) -> list[bytes]:
    return [event.raw for event in events if isinstance(event, MessageReceived | QueryReceived)]


ANSWERS = {
    MINDRAY: (
        r"MSH|^~\&|||BC-5150|Mindray|20250102101500||ACK^R01|H1|P|2.3.1||||||UNICODE",
        "MSA|AA|17",
    ),
    LIAT: (
        r"MSH|^~\&|HOST|LAB|LIAT|LAB|20250102101500||ACK^R33^ACK|H1|P|2.5||||||UNICODE UTF-8",
        "MSA|AA|M1",
    ),
    GENEXPERT: (
        r"MSH|^~\&||LIS|GX|LAB|20250102101500||ACK^R33^ACK|H1|P|2.5",
        "MSA|AA|G1",
    ),
    LAW: (
        (
            r"MSH|^~\&|GW|LAB|cobas|LAB|20250102101500||ACK^R22^ACK|H1|P|2.5.1"
            "||||||UNICODE UTF-8|||LAB-29^IHE"
        ),
        "MSA|AA|L1",
    ),
}


@pytest.mark.parametrize("message", list(ANSWERS))
def test_acknowledgments(message: bytes) -> None:
    events, written = feed(peer(), framed(message))
    assert raws(events) == [message]
    assert written == framed(lines(*ANSWERS[message]))


def with_modes(commit: str, application: str) -> bytes:
    return lines(
        rf"MSH|^~\&|A||||20250102||ORU^R01^ORU_R01|1|P|2.5.1|||{commit}|{application}", "OBR|1"
    )


MODES = [
    ("", "", ["AA"], ["AE"]),
    ("NE", "AL", ["AA"], ["AE"]),
    ("ER", "AL", ["AA"], ["CE", "AE"]),
    ("AL", "NE", ["CA"], ["CE"]),
    ("AL", "AL", ["CA", "AA"], ["CE", "AE"]),
    ("AL", "ER", ["CA"], ["CE", "AE"]),
    ("NE", "NE", [], []),
    ("SU", "SU", ["CA", "AA"], []),
]


def codes(written: bytes) -> list[str]:
    return [part[:2].decode() for part in written.split(b"MSA|")[1:]]


@pytest.mark.parametrize(("commit", "application", "accepted", "refused"), MODES)
def test_the_sender_says_what_it_wants(
    commit: str, application: str, accepted: list[str], refused: list[str]
) -> None:
    raw = framed(with_modes(commit, application))
    assert codes(feed(peer(), raw)[1]) == accepted
    end = peer()
    end.receive_data(raw)
    end.next_event()
    assert codes(end.refuse(ErrorCode.INTERNAL_ERROR)) == refused


def test_refusal_names_the_error() -> None:
    end = peer()
    end.receive_data(framed(MINDRAY))
    end.next_event()
    written = end.refuse(ErrorCode.RECORD_LOCKED, rejected=True)
    assert b"MSA|AR|17\r" in written
    assert b"ERR|||206^Application record locked^HL70357|E\r" in written


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


def test_loss_delivers_what_is_whole_and_keeps_the_rest() -> None:
    end = peer()
    end.receive_data(framed(MINDRAY) + framed(LIAT)[:50])
    assert isinstance(end.connection_lost(), MessageReceived)
    end.accept()
    assert end.next_event() == MessageIncomplete(Cutoff.LOST, LIAT[:49])
    assert end.next_event() is None
    assert end.timeout is None


@pytest.mark.parametrize(
    ("raw", "kind", "control_id", "version", "shift"),
    [
        (MINDRAY, "ORU^R01", "17", "2.3.1", 0),
        (ICHROMA, "OUL^R24", "I1", "2.6", 1),
        (b"MSH#@*!$#A##B##20250102##ORU@R01#77#P#2.4\r", "ORU^R01", "77", "2.4", 0),
        (b"\xef\xbb\xbf\r\nMSH|^~\\&|A||||20250102||ORU|78|P|2.2\n", "ORU^", "78", "2.2", 0),
    ],
)
def test_headers(raw: bytes, kind: str, control_id: str, version: str, shift: int) -> None:
    header = read_header(raw)
    assert f"{header.type}^{header.trigger}" == kind
    assert (header.control_id, header.version, header.shift) == (control_id, version, shift)


def test_the_header_of_a_foreign_alphabet_is_answered_in_ours() -> None:
    raw = b"MSH#@*!$#A@1##B##20250102##ORU@R01#7|7#P#2.4\rOBR#1\r"
    _, written = feed(peer(), framed(raw))
    assert b"|A^1|" in written
    assert b"MSA|AA|7\\F\\7\r" in written


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSH|", b"MSH||||", b"PID|1", b"MSHA^~\\&A"])
def test_headers_that_are_none(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read_header(raw)


# What we send


DOWNLOAD = lines(
    r"MSH|^~\&|GW|LAB|cobas|LAB|20250102||OML^O33^OML_O33|D1|P|2.5.1|||NE|AL", "SPM|1|S0004"
)


def test_a_download_and_its_answer() -> None:
    host, device = peer(Dialect(wrapping=Wrapping.MLLP)), peer()
    written = host.send(DOWNLOAD)
    assert host.timeout == 30.0
    events, answer = feed(device, written)
    assert raws(events) == [DOWNLOAD]
    assert b"|ORL^O34^ORL_O34|" in answer
    (event,), _ = feed(host, answer)
    assert isinstance(event, Acknowledged)
    assert (event.control_id, event.code, event.final, event.expected) == (
        "D1",
        AcknowledgmentCode.APPLICATION_ACCEPT,
        True,
        True,
    )
    assert host.unanswered == ()
    assert host.timeout is None


def test_one_message_at_a_time() -> None:
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    second = DOWNLOAD.replace(b"|D1|", b"|D2|")
    assert host.send(DOWNLOAD) == framed(DOWNLOAD)
    assert host.send(second) == b""
    assert host.unanswered == (DOWNLOAD, second)
    ack = lines(r"MSH|^~\&|||||||ACK|1|P|2.5.1", "MSA|AA|D1")
    _, written = feed(host, framed(ack))
    assert written == framed(second)


def test_an_answer_to_another_message_changes_nothing() -> None:
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    host.send(DOWNLOAD)
    stray = lines(r"MSH|^~\&|||||||ACK|1|P|2.5.1", "MSA|AA|OTHER")
    (event,), _ = feed(host, framed(stray))
    assert isinstance(event, Acknowledged)
    assert not event.expected
    assert host.unanswered == (DOWNLOAD,)


def test_enhanced_mode_waits_for_the_application() -> None:
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    host.send(DOWNLOAD.replace(b"NE|AL", b"AL|AL"))
    commit = lines(r"MSH|^~\&|||||||ACK|1|P|2.5.1", "MSA|CA|D1")
    (event,), _ = feed(host, framed(commit))
    assert isinstance(event, Acknowledged)
    assert not event.final
    assert host.unanswered
    (event,), _ = feed(host, framed(commit.replace(b"CA", b"AE")))
    assert isinstance(event, Acknowledged)
    assert (event.final, event.code.accepted) == (True, False)
    assert host.unanswered == ()


def test_no_answer_is_asked_again_with_the_same_bytes() -> None:
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    first = host.send(DOWNLOAD)
    assert host.expire() == Unanswered("D1", 1)
    assert host.accept() == first
    assert host.expire() == Unanswered("D1", 2)
    host.send(DOWNLOAD.replace(b"|D1|", b"|D2|"))
    assert host.refuse() == framed(DOWNLOAD.replace(b"|D1|", b"|D2|"))


def test_time_is_not_read_and_ids_are_given() -> None:
    stamp = peer().stamp
    assert (stamp.control_id, stamp.time) == ("H1", NOW)


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
