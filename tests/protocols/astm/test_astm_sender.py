"""The sending end, answer by answer."""

from __future__ import annotations

import pytest
from astm_play import ACK, ENQ, EOT, FRAMES, NAK, PANEL

from gateway.protocols.astm import (
    Accepted,
    Ack,
    Busy,
    Delivered,
    Dialect,
    Failed,
    Failure,
    Framing,
    Interrupted,
    Role,
    Sender,
    SenderEvent,
)
from gateway.protocols.errors import LocalProtocolError


def answered(sender: Sender, *answers: bytes) -> tuple[list[SenderEvent], bytes]:
    """What the sender says and writes when these answers arrive."""
    happened: list[SenderEvent] = []
    written = b""
    for reply in answers:
        sender.receive_data(reply)
        while (event := sender.next_event()) is not None:
            happened.append(event)
            written += sender.data_to_send()
        written += sender.data_to_send()
    return happened, written


def sending(accepted: int = 0, *, yielding: bool = False) -> Sender:
    """A sender whose enquiry and first frames were accepted."""
    sender = Sender(yielding=yielding)
    assert sender.start(PANEL) == ENQ
    answered(sender, ACK * (accepted + 1))
    return sender


@pytest.mark.parametrize("answers", [[ACK * 6], [ACK] * 6])
def test_every_frame_waits_for_its_ack(answers: list[bytes]) -> None:
    sender = Sender()
    assert sender.start(PANEL) == ENQ
    happened, written = answered(sender, *answers)
    assert happened == [*map(Accepted, range(6)), Delivered(5)]
    assert written == b"".join(FRAMES) + EOT
    assert not sender.active


def test_nak_repeats_the_frame_and_six_times_is_enough() -> None:
    sender = sending()
    happened, written = answered(sender, *[NAK] * 5)
    assert happened == []
    assert written == FRAMES[0] * 5
    assert answered(sender, NAK) == ([Failed(Failure.REFUSED, 0)], EOT)
    assert not sender.active


def test_the_tries_of_each_frame_are_counted_alone() -> None:
    sender = sending()
    happened, _ = answered(sender, *([NAK] * 5 + [ACK]) * 5)
    assert happened[-1] == Delivered(5)


def test_an_unreadable_answer_counts_as_nak_when_nothing_better_follows() -> None:
    sender = sending()
    assert answered(sender, b"\x86") == ([], b"")
    assert sender.timeout == 1
    assert sender.expire() is None
    assert sender.data_to_send() == FRAMES[0]
    assert sender.timeout == 15
    assert answered(sender, b"\x86", ACK) == ([Accepted(1)], FRAMES[1])
    assert sender.timeout == 15


def test_six_unreadable_answers_are_enough() -> None:
    sender = sending()
    for _ in range(5):
        answered(sender, b"?")
        assert sender.expire() is None
    answered(sender, b"?")
    sender.data_to_send()
    assert sender.expire() == Failed(Failure.REFUSED, 0)
    assert sender.data_to_send() == EOT


@pytest.mark.parametrize("accepted", [None, 0, 2])
def test_no_answer_ends_the_transfer(accepted: int | None) -> None:
    sender = Sender() if accepted is None else sending(accepted)
    if accepted is None:
        sender.start(PANEL)
    assert sender.timeout == 15
    assert sender.expire() == Failed(Failure.NO_REPLY, accepted or 0)
    assert sender.data_to_send() == EOT
    assert sender.timeout is None
    assert sender.start(PANEL) == ENQ


def test_a_busy_receiver_is_asked_again_after_ten_seconds() -> None:
    sender = Sender()
    sender.start(PANEL)
    assert answered(sender, NAK) == ([Busy(1)], b"")
    assert sender.timeout == 10
    assert sender.expire() is None
    assert sender.data_to_send() == ENQ
    assert answered(sender, ACK) == ([Accepted(0)], FRAMES[0])


def test_a_receiver_that_can_never_receive_is_left_alone() -> None:
    sender = Sender()
    sender.start(PANEL)
    for tries in range(1, 6):
        assert answered(sender, NAK) == ([Busy(tries)], b"")
        sender.expire()
        assert sender.data_to_send() == ENQ
    assert answered(sender, NAK) == ([Failed(Failure.BUSY, 0)], b"")


def test_a_busy_receiver_that_wants_to_send_goes_first() -> None:
    sender = Sender()
    sender.start(PANEL)
    answered(sender, NAK)
    assert answered(sender, ENQ) == ([Failed(Failure.CONTENTION, 0)], b"")
    assert sender.unread() == ENQ


def test_other_answers_to_an_enquiry_are_ignored() -> None:
    sender = Sender()
    sender.start(PANEL)
    assert answered(sender, b"\x00\xff" + EOT + b"x") == ([], b"")
    assert answered(sender, ACK) == ([Accepted(0)], FRAMES[0])


def test_the_instrument_wins_a_collision() -> None:
    sender = Sender(role=Role.INSTRUMENT)
    sender.start(PANEL)
    assert answered(sender, ENQ) == ([], b"")
    assert sender.timeout == 1
    assert sender.expire() is None
    assert sender.data_to_send() == ENQ


def test_the_host_gives_way() -> None:
    sender = Sender(role=Role.HOST)
    sender.start(PANEL)
    assert answered(sender, ENQ) == ([Failed(Failure.CONTENTION, 0)], b"")
    assert sender.timeout is None


def test_an_interrupt_counts_as_an_ack() -> None:
    sender = Sender()
    sender.start(PANEL)
    answered(sender, ACK)
    assert answered(sender, EOT) == ([Interrupted(1)], FRAMES[1])
    happened, written = answered(sender, EOT * 4)
    assert happened == [*map(Interrupted, range(2, 6)), Delivered(5)]
    assert written.endswith(EOT)


def test_an_interrupt_is_honoured_where_wanted() -> None:
    sender = sending(1, yielding=True)
    assert answered(sender, EOT) == ([Failed(Failure.INTERRUPTED, 2)], EOT)
    last = sending(4, yielding=True)
    assert answered(last, EOT) == ([Interrupted(5), Delivered(5)], EOT)


def test_a_lost_connection_fails_unless_everything_was_accepted() -> None:
    assert Sender().connection_lost() is None
    assert sending(3).connection_lost() == Failed(Failure.LOST, 3)
    sender = sending(4)
    sender.receive_data(ACK)
    assert sender.next_event() == Accepted(5)
    assert sender.connection_lost() == Delivered(5)


def test_misuse_is_our_own_fault() -> None:
    sender = sending()
    with pytest.raises(LocalProtocolError):
        sender.start(PANEL)
    for nothing in (b"", []):
        with pytest.raises(LocalProtocolError):
            Sender().start(nothing)
    assert repr(sender) == "Sender(instrument, sending, accepted=0)"


def test_a_new_message_forgets_the_answers_to_the_old_one() -> None:
    sender = sending()
    sender.receive_data(ACK * 3)
    sender.expire()
    sender.start(PANEL)
    assert sender.next_event() is None


def test_bare_messages_wait_for_one_ack() -> None:
    sender = Sender(Dialect(framing=Framing.BARE))
    assert sender.start(PANEL) == b"".join(PANEL)
    assert answered(sender, NAK) == ([], b"".join(PANEL))
    assert answered(sender, ACK) == ([Accepted(1), Delivered(1)], b"")


def test_bare_records_wait_for_an_ack_each() -> None:
    sender = Sender(Dialect(framing=Framing.BARE, ack=Ack.PER_CHUNK))
    assert sender.start(PANEL) == PANEL[0]
    happened, written = answered(sender, *[ACK] * 5)
    assert happened == [*map(Accepted, range(1, 6)), Delivered(5)]
    assert written == b"".join(PANEL[1:])


def test_bare_messages_without_acknowledgment() -> None:
    sender = Sender(Dialect(framing=Framing.BARE, ack=Ack.NEVER))
    assert sender.start(PANEL) == b"".join(PANEL)
    assert sender.next_event() == Delivered(1)
    assert not sender.active


def test_envelopes() -> None:
    sender = Sender(Dialect(framing=Framing.ENVELOPE))
    assert sender.start(PANEL) == b"\x01" + b"".join(PANEL) + EOT
    assert sender.timeout == 15
    assert sender.expire() == Failed(Failure.NO_REPLY, 0)
    assert sender.data_to_send() == b""
