"""What a caller may ask of a receiver, and when: answers, timers, interrupts, limits."""

from __future__ import annotations

import pytest
from astm_play import (
    ACK,
    ENQ,
    EOT,
    FRAMES,
    HEADER,
    NAK,
    PANEL,
    STX,
    answer,
    events,
    play,
)

from gateway.protocols.astm import (
    Dialect,
    Ending,
    Enquiry,
    FrameReceived,
    Incomplete,
    Receiver,
    Role,
    Timers,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError

FIRST, SECOND, *_ = FRAMES


def receiving(*data: bytes) -> Receiver:
    """A receiver that has answered everything in ``data``."""
    receiver = Receiver()
    for _ in play(receiver, data):
        pass
    return receiver


def test_nothing_is_answered_before_the_caller_says_so() -> None:
    receiver = Receiver()
    receiver.receive_data(ENQ + FIRST)
    assert receiver.next_event() == Enquiry()
    with pytest.raises(LocalProtocolError):
        receiver.next_event()
    assert receiver.accept() == ACK
    assert isinstance(receiver.next_event(), FrameReceived)


@pytest.mark.parametrize("method", ["accept", "refuse", "interrupt"])
def test_no_answer_without_a_question(method: str) -> None:
    for receiver in (Receiver(), receiving(ENQ), receiving(ENQ + FIRST)):
        with pytest.raises(LocalProtocolError):
            getattr(receiver, method)()


def test_a_damaged_frame_cannot_be_accepted() -> None:
    receiver = receiving(ENQ)
    receiver.receive_data(FIRST.replace(b"89", b"88"))
    receiver.next_event()
    for forbidden in (receiver.accept, receiver.interrupt):
        with pytest.raises(LocalProtocolError):
            forbidden()
    assert receiver.refuse() == NAK


def test_a_refused_enquiry_leaves_the_line_neutral() -> None:
    receiver = Receiver()
    receiver.receive_data(ENQ)
    receiver.next_event()
    assert receiver.refuse() == NAK
    assert receiver.idle
    receiver.receive_data(FIRST + EOT)
    assert receiver.next_event() is None


def test_a_refused_frame_is_taken_when_it_comes_again() -> None:
    receiver = receiving(ENQ)
    for reply in (receiver.refuse, receiver.refuse, receiver.accept):
        receiver.receive_data(FIRST)
        event = receiver.next_event()
        assert isinstance(event, FrameReceived)
        assert event.frame.text == HEADER
        reply()
    receiver.receive_data(SECOND)
    assert isinstance(receiver.next_event(), FrameReceived)


def test_interrupt_accepts_the_frame_and_asks_for_the_line() -> None:
    receiver = receiving(ENQ)
    receiver.receive_data(FIRST)
    receiver.next_event()
    assert receiver.interrupt() == EOT
    receiver.receive_data(SECOND)
    event = receiver.next_event()
    assert isinstance(event, FrameReceived)
    assert event.frame.number == 2


def test_an_enquiry_cannot_be_interrupted() -> None:
    receiver = Receiver()
    receiver.receive_data(ENQ)
    receiver.next_event()
    with pytest.raises(LocalProtocolError):
        receiver.interrupt()


def test_the_timer_runs_only_while_the_peer_is_due() -> None:
    receiver = Receiver(Dialect(timers=Timers(frame=3)))
    assert receiver.timeout is None
    receiver.receive_data(ENQ)
    receiver.next_event()
    assert receiver.timeout is None
    receiver.accept()
    assert receiver.timeout == 3
    receiver.receive_data(EOT)
    receiver.next_event()
    assert receiver.timeout is None
    assert Dialect().timers == Timers(15, 30, 10, 1, 20, 1)
    assert Timers().scaled(0.5) == Timers(7.5, 15, 5, 0.5, 10, 0.5)


def test_silence_in_the_middle_is_incomplete_and_the_line_neutral() -> None:
    receiver = receiving(ENQ + FIRST + SECOND[:5])
    assert receiver.expire() == TransmissionIncomplete(Incomplete.TIMEOUT, 1, SECOND[:5])
    assert receiver.idle
    receiver.receive_data(SECOND[5:])
    assert receiver.next_event() is None
    assert receiver.expire() is None


def test_silence_while_an_answer_is_due_is_our_own_fault() -> None:
    receiver = Receiver()
    receiver.receive_data(ENQ)
    receiver.next_event()
    with pytest.raises(LocalProtocolError):
        receiver.expire()


@pytest.mark.parametrize(("method", "ending"), [("expire", "TIMEOUT"), ("connection_lost", "LOST")])
def test_a_peer_that_vanished_behind_its_l_record_has_had_its_last_ack(
    method: str, ending: str
) -> None:
    receiver = receiving(ENQ + b"".join(FRAMES))
    assert getattr(receiver, method)() == TransmissionEnded(5, Ending[ending])


def test_a_lost_connection_ends_what_was_open() -> None:
    assert Receiver().connection_lost() is None
    receiver = receiving(ENQ + FIRST)
    assert receiver.connection_lost() == TransmissionIncomplete(Incomplete.LOST, 1)


def test_a_frame_not_yet_accepted_is_not_part_of_what_was_lost() -> None:
    receiver = receiving(ENQ + b"".join(FRAMES[:4]))
    receiver.receive_data(FRAMES[4])
    receiver.next_event()
    lost = receiver.connection_lost()
    assert isinstance(lost, TransmissionIncomplete)
    assert (lost.reason, lost.frames) == (Incomplete.LOST, 4)


def test_junk_and_position_count_the_whole_connection() -> None:
    receiver = receiving(b"login: \r\n" + ENQ + b"\x00" + FIRST + b"~" + EOT + b"??")
    assert receiver.junk == len(b"login: " + b"\x00" + b"~" + b"??")
    assert receiver.position == len(b"login: \r\n" + ENQ + b"\x00" + FIRST + b"~" + EOT + b"??")


def test_a_flood_before_our_answer_is_a_remote_error() -> None:
    receiver = Receiver()
    receiver.receive_data(ENQ)
    receiver.next_event()
    receiver.receive_data(b"x" * 65_536)
    with pytest.raises(RemoteProtocolError, match="131073 bytes"):
        receiver.receive_data(b"x" * 65_537)


def test_endless_junk_takes_no_memory() -> None:
    receiver = Receiver(Dialect(max_frame=1000))
    for opening in (b"", ENQ, STX):
        receiver.receive_data(opening)
        for _ in range(200):
            receiver.receive_data(b"x" * 1000)
            while (event := receiver.next_event()) is not None:
                answer(receiver, event)
            assert receiver.unread <= 1000


def test_repr_tells_the_state_and_no_text() -> None:
    receiver = Receiver(role=Role.INSTRUMENT)
    receiver.receive_data(ENQ + FIRST)
    assert repr(receiver) == "Receiver(instrument, framed, position=0)"
    assert receiver.dialect == Dialect()
    shown = repr([*events(ENQ + FIRST + FIRST + SECOND.replace(b"3F", b"00"))])
    assert "DEMO" not in shown
    assert "P|1" not in shown
    assert b"".join(PANEL).decode() not in shown
