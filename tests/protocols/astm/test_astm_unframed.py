"""Bare records, envelopes, and finding out which of the framings a device speaks."""

from __future__ import annotations

import pytest
from astm_play import ACK, END, ENQ, EOT, FRAMES, HEADER, NAK, PANEL, answers, bytewise, events

from gateway.protocols.astm import (
    Ack,
    ChunkReceived,
    Damage,
    Dialect,
    Ending,
    Event,
    Foreign,
    FrameDamaged,
    Framing,
    Incomplete,
    MessageReceived,
    NotAstm,
    Numbering,
    Receiver,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.errors import LocalProtocolError

BARE = Dialect(framing=Framing.BARE)
ENVELOPE = Dialect(framing=Framing.ENVELOPE)
AUTO = Dialect(framing=Framing.AUTO)
MESSAGE = b"".join(PANEL)
SOH = b"\x01"
ENDED = TransmissionEnded(0, Ending.TERMINATOR, checked=False)


def received(text: bytes, raw: bytes | None = None) -> list[Event]:
    return [MessageReceived(text if raw is None else raw, text), ENDED]


def test_bare_messages_end_with_the_cr_of_their_l_record() -> None:
    assert events(MESSAGE[:-1], BARE) == []
    assert events(MESSAGE + MESSAGE, BARE) == received(MESSAGE) * 2
    assert answers(MESSAGE + MESSAGE, BARE) == ACK * 2


def test_bare_records_may_end_with_cr_lf() -> None:
    text = MESSAGE.replace(b"\r", b"\r\n")
    first, ended, second, again = events(text + text, BARE)
    assert [first, ended] == received(text[:-1])
    assert isinstance(second, MessageReceived)
    assert second.text == text[:-1]
    assert again == ENDED


def test_noise_before_a_bare_message_is_junk() -> None:
    receiver = Receiver(BARE)
    receiver.receive_data(b"\r\n\xff\x00" + MESSAGE)
    assert receiver.next_event() == MessageReceived(MESSAGE, MESSAGE)
    assert receiver.junk == 2


def test_what_acknowledges_a_bare_message() -> None:
    chunks = [MESSAGE[:70], MESSAGE[70:]]
    per_chunk = Dialect(framing=Framing.BARE, ack=Ack.PER_CHUNK)
    never = Dialect(framing=Framing.BARE, ack=Ack.NEVER)
    assert answers(chunks, BARE) == ACK
    assert answers(chunks, per_chunk) == ACK * 2
    assert answers(chunks, never) == b""
    assert events(chunks, per_chunk) == [*map(ChunkReceived, chunks), *received(MESSAGE)]


def test_an_envelope_has_its_answer_where_bare_chunks_have_theirs() -> None:
    per_chunk = Dialect(framing=Framing.AUTO, ack=Ack.PER_CHUNK)
    envelope = SOH + MESSAGE + EOT
    assert answers([envelope[:70], envelope[70:]], per_chunk) == ACK


def test_a_refused_bare_message_has_no_end() -> None:
    receiver = Receiver(BARE)
    receiver.receive_data(MESSAGE)
    receiver.next_event()
    assert receiver.refuse() == NAK
    assert receiver.next_event() is None
    receiver.receive_data(MESSAGE)
    assert isinstance(receiver.next_event(), MessageReceived)
    with pytest.raises(LocalProtocolError):
        receiver.interrupt()


@pytest.mark.parametrize("framing", [Framing.BARE, Framing.ENVELOPE, Framing.AUTO])
def test_answers_out_of_turn_are_our_own_fault(framing: Framing) -> None:
    receiver = Receiver(Dialect(framing=framing))
    for out_of_turn in (receiver.accept, receiver.refuse, receiver.interrupt):
        with pytest.raises(LocalProtocolError):
            out_of_turn()
    receiver.receive_data(SOH + MESSAGE + EOT if framing is Framing.ENVELOPE else MESSAGE)
    assert isinstance(receiver.next_event(), MessageReceived)
    with pytest.raises(LocalProtocolError):
        receiver.next_event()
    assert receiver.timeout is None
    receiver.accept()
    assert not receiver.idle
    assert receiver.connection_lost() == ENDED
    assert receiver.connection_lost() is None
    assert receiver.idle


BROKEN = {
    "a new header before L": (HEADER + b"P|1\r" + MESSAGE, Incomplete.RESTARTED, HEADER + b"P|1\r"),
    "no header": (b"P|1\rL|1|N\r" + MESSAGE, Incomplete.NO_HEADER, b"P|1\rL|1|N\r"),
    "frames": (
        b"R|1|" + b"".join(FRAMES[1:2]) + MESSAGE,
        Incomplete.FRAMING,
        b"R|1|\x02",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_bare_message_is_evidence(name: str) -> None:
    wire, reason, raw = BROKEN[name]
    happened = events(wire, BARE)
    assert happened[0] == TransmissionIncomplete(reason, 0, raw)


def test_a_bare_message_that_stops_or_grows_for_ever() -> None:
    receiver = Receiver(BARE)
    receiver.receive_data(HEADER + b"P|1")
    assert receiver.next_event() is None
    assert receiver.timeout == 30
    assert receiver.expire() == TransmissionIncomplete(Incomplete.TIMEOUT, 0, HEADER + b"P|1")
    assert receiver.timeout is None
    small = Dialect(framing=Framing.BARE, max_frame=100, max_transmission=100)
    oversize, *_ = events(HEADER + b"M" * 100, small)
    assert oversize == TransmissionIncomplete(Incomplete.OVERSIZE, 0, HEADER + b"M" * 52)


def test_digits_before_record_letters_only_when_loose() -> None:
    text = b"1H|\\^&\r2P|1\r3L|1\r"
    loose = Dialect(framing=Framing.BARE, numbering=Numbering.LOOSE)
    assert events(text, loose) == received(text)
    assert events(text, BARE) == []


def test_envelopes_are_answered_with_one_byte() -> None:
    envelope = SOH + MESSAGE + EOT
    assert events(b"?" + envelope + envelope, ENVELOPE) == received(MESSAGE, envelope) * 2
    assert answers(envelope + envelope, ENVELOPE) == ACK * 2


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (SOH + HEADER + EOT, Damage.MALFORMED),
        (SOH + END + EOT, Damage.MALFORMED),
        (SOH + EOT, Damage.MALFORMED),
        (SOH + HEADER + SOH + MESSAGE + EOT, Damage.CONTROL),
        (SOH + HEADER + b"\x03" + END + EOT, Damage.CONTROL),
        (SOH + b"x" * 200 + EOT, Damage.OVERSIZE),
    ],
)
def test_envelopes_that_hold_no_message_are_refused(wire: bytes, reason: Damage) -> None:
    small = Dialect(framing=Framing.ENVELOPE, max_frame=150, max_transmission=150)
    damaged = events(wire, small)[0]
    assert isinstance(damaged, FrameDamaged)
    assert damaged.reason is reason
    assert answers(wire, small).startswith(NAK)
    if wire.endswith(EOT):
        assert events(wire + SOH + MESSAGE + EOT, ENVELOPE)[-2:] == received(
            MESSAGE, SOH + MESSAGE + EOT
        )


DETECTED = {
    "frames": (ENQ + FRAMES[0], Framing.FRAMED),
    "frames behind noise": (b"\xff\x00?\r\nlogin: " + ENQ, Framing.FRAMED),
    "bare": (MESSAGE, Framing.BARE),
    "bare with other delimiters": (b"h|@^\\|||\r", Framing.BARE),
    "bare behind noise": (b"\xff\xff\r\n" + HEADER, Framing.BARE),
    "envelope": (SOH + HEADER, Framing.ENVELOPE),
    "a header inside a frame joined late": (FRAMES[0], Framing.AUTO),
    "a word that begins with H": (b"Hello\rHi\rH\r", Framing.AUTO),
    "delimiters not there yet": (b"H|\\^", Framing.AUTO),
    "a blank delimiter": (b"H |^\\\r", Framing.AUTO),
    "equal delimiters": (b"H|||||\r", Framing.AUTO),
}


@pytest.mark.parametrize("name", DETECTED)
def test_the_first_bytes_decide(name: str) -> None:
    wire, framing = DETECTED[name]
    receiver = Receiver(AUTO)
    receiver.receive_data(wire)
    receiver.next_event()
    assert receiver.framing is framing


@pytest.mark.parametrize(
    ("wire", "protocol"),
    [
        (b"\x0bMSH|^~\\&|", Foreign.MLLP),
        (b"\xff<?xml version='1.0'?>", Foreign.XML),
        (b"<HEL.R01>", Foreign.XML),
    ],
)
def test_other_protocols_are_reported_once_and_not_read(wire: bytes, protocol: Foreign) -> None:
    assert events([wire, ENQ + FRAMES[0], MESSAGE], AUTO) == [NotAstm(protocol)]
    assert events([*bytewise(wire), MESSAGE], AUTO) == [NotAstm(protocol)]


def test_a_lone_less_than_or_vt_is_noise() -> None:
    assert events([b"<\r", b"\x0b\r", MESSAGE], AUTO) == received(MESSAGE)


def test_detected_framings_carry_on() -> None:
    assert events(MESSAGE + MESSAGE, AUTO) == received(MESSAGE) * 2
    whole = ENQ + b"".join(FRAMES) + EOT
    assert events(whole + whole, AUTO) == events(whole + whole)


def test_an_enquiry_of_noise_does_not_lock_a_bare_connection() -> None:
    happened = events([ENQ + EOT, MESSAGE], AUTO)
    assert happened[-2:] == received(MESSAGE)


def test_a_header_of_noise_does_not_lock_a_framed_connection() -> None:
    happened = events(HEADER + ENQ + b"".join(FRAMES) + EOT, AUTO)
    assert happened[0] == TransmissionIncomplete(Incomplete.FRAMING, 0, HEADER)
    assert happened[1:] == events(ENQ + b"".join(FRAMES) + EOT)


def test_an_envelope_of_noise_does_not_lock_a_framed_connection() -> None:
    happened = events(SOH + b"x" + ENQ + b"".join(FRAMES) + EOT, AUTO)
    assert happened[0] == FrameDamaged(Damage.CONTROL, SOH + b"x")
    assert happened[1:] == events(ENQ + b"".join(FRAMES) + EOT)


def test_once_frames_came_the_framing_stays() -> None:
    receiver = Receiver(AUTO)
    for chunk in (ENQ + b"".join(FRAMES) + EOT, MESSAGE, SOH + MESSAGE + EOT):
        receiver.receive_data(chunk)
        while receiver.next_event() is not None:
            if receiver.awaiting:
                receiver.accept()
    assert receiver.framing is Framing.FRAMED
    assert receiver.junk == 2 * len(MESSAGE.replace(b"\r", b"")) + 1
