"""Which timer runs when, what restarts it, and what its end does."""

from __future__ import annotations

import pytest
from dicom_wire import ECHO, EVERYTHING, STILL, Pair, events, join

from gateway.protocols.dicom import (
    Aborted,
    Association,
    Cause,
    CEchoRQ,
    CStoreRQ,
    Role,
    Settings,
    State,
    Status,
    TimerName,
    Timers,
    negotiate,
    propose,
)
from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE

STORE = CStoreRQ(
    message_id=1, affected_sop_class_uid=ULTRASOUND_IMAGE, affected_sop_instance_uid="1.2.3"
)
REQUEST = propose("G", "V", [ECHO, STILL])


def name(association: Association) -> TimerName | None:
    return association.timer.name if association.timer else None


def test_each_state_has_its_timer() -> None:
    requestor, acceptor = Association(Role.REQUESTOR), Association(Role.ACCEPTOR)
    assert (name(requestor), name(acceptor)) == (None, TimerName.ARTIM)
    sent = requestor.associate(REQUEST)
    assert name(requestor) is TimerName.ASSOCIATE
    acceptor.receive_data(sent)
    events(acceptor)
    assert name(acceptor) is None  # our turn
    requestor.receive_data(acceptor.accept(negotiate(REQUEST, EVERYTHING)))
    events(requestor)
    assert (name(requestor), name(acceptor)) == (TimerName.IDLE, TimerName.IDLE)
    acceptor.receive_data(requestor.send(1, CEchoRQ(message_id=1)))
    events(acceptor)
    assert (name(requestor), name(acceptor)) == (TimerName.REPLY, None)
    requestor.receive_data(acceptor.send(1, CEchoRQ(message_id=1).response(Status.SUCCESS)))
    events(requestor)
    assert (name(requestor), name(acceptor)) == (TimerName.IDLE, TimerName.IDLE)
    acceptor.receive_data(requestor.release())
    events(acceptor)
    assert (name(requestor), name(acceptor)) == (TimerName.RELEASE, None)
    requestor.receive_data(acceptor.confirm_release())
    events(requestor)
    assert (name(requestor), name(acceptor)) == (None, TimerName.CLOSING)


def test_idle_time_is_fifteen_minutes_by_default() -> None:
    assert Pair().acceptor.timeout == 900


def test_artim_is_not_stretched_by_dripping() -> None:
    acceptor = Association(Role.ACCEPTOR)
    first, data = acceptor.timer, REQUEST.encode()
    for n in range(len(data) - 1):
        acceptor.receive_data(data[n : n + 1])
        assert acceptor.next_event() is None
        assert acceptor.timer == first


def test_stall_is_not_stretched_by_dripping() -> None:
    pair = Pair()
    data = join(pair.requestor.stream(3, STORE, [bytes(50_000)], 50_000))
    pair.to_acceptor(data[:1])
    first = pair.acceptor.timer
    assert first
    assert first.name is TimerName.STALL
    for n in range(1, 20_000):
        pair.acceptor.receive_data(data[n : n + 1])
        while pair.acceptor.next_event():
            pass
    assert pair.acceptor.timer == first


def test_stall_starts_again_with_each_portion() -> None:
    pair = Pair()
    data = join(pair.requestor.stream(3, STORE, [bytes(400_000)], 400_000))
    seen = []
    for n in range(0, len(data) - 1, 16384):
        pair.to_acceptor(data[n : n + 16384])
        if pair.acceptor.timer not in seen:
            seen.append(pair.acceptor.timer)
    assert 5 <= len(seen) <= 8
    assert {timer.name for timer in seen[:-1] if timer} == {TimerName.STALL}


def test_a_message_of_tiny_units_does_not_stretch_either() -> None:
    pair = Pair(acceptor=Settings(max_pdu_length=32))
    data = join(pair.requestor.stream(3, STORE, [bytes(26 * 500)], 26 * 500))
    pair.to_acceptor(data[:2000])
    first = pair.acceptor.timer
    pair.to_acceptor(data[2000:-1])
    assert pair.acceptor.timer == first


def test_each_unit_streamed_out_is_a_sign_of_life() -> None:
    pair = Pair()
    seen = set()
    for _ in pair.requestor.stream(3, STORE, [bytes(500_000)], 500_000):
        assert name(pair.requestor) is TimerName.STALL
        seen.add(pair.requestor.timer)
    assert len(seen) == 5
    assert name(pair.requestor) is TimerName.REPLY


@pytest.mark.parametrize(
    ("timer", "reply", "must_close"),
    [
        (TimerName.ARTIM, b"", True),
        (TimerName.ASSOCIATE, b"\7\0\0\0\0\4\0\0\0\0", False),
        (TimerName.STALL, b"\7\0\0\0\0\4\0\0\0\0", False),
        (TimerName.REPLY, b"\7\0\0\0\0\4\0\0\0\0", False),
        (TimerName.IDLE, b"\7\0\0\0\0\4\0\0\0\0", False),
        (TimerName.RELEASE, b"\7\0\0\0\0\4\0\0\0\0", False),
    ],
)
def test_expiry(timer: TimerName, reply: bytes, must_close: bool) -> None:
    association = waiting_for(timer)
    assert name(association) is timer
    event = association.expire(association.timer)
    assert isinstance(event, Aborted)
    assert (event.cause, event.reply) == (Cause.TIMEOUT, reply)
    assert event.detail.startswith(f"{timer.value} timer, ")
    assert association.must_close is must_close
    if not must_close:
        assert name(association) is TimerName.CLOSING
        assert association.expire() is None
        assert association.must_close
    assert association.state is State.STA1
    assert association.timer is None
    assert association.expire() is None


def waiting_for(timer: TimerName) -> Association:
    match timer:
        case TimerName.ARTIM:
            return Association(Role.ACCEPTOR)
        case TimerName.ASSOCIATE:
            association = Association(Role.REQUESTOR)
            association.associate(REQUEST)
            return association
        case _:
            return _established(timer)


def _established(timer: TimerName) -> Association:
    pair = Pair()
    match timer:
        case TimerName.STALL:
            pair.to_acceptor(b"\4")
            return pair.acceptor
        case TimerName.REPLY:
            pair.requestor.send(1, CEchoRQ(message_id=1))
        case TimerName.RELEASE:
            pair.requestor.release()
        case _:
            pass
    return pair.requestor


def test_a_timer_that_was_replaced_does_nothing() -> None:
    pair = Pair()
    old = pair.acceptor.timer
    pair.to_acceptor(pair.requestor.send(1, CEchoRQ(message_id=1)))
    pair.to_requestor(pair.acceptor.send(1, CEchoRQ(message_id=1).response(Status.SUCCESS)))
    assert pair.acceptor.timer != old
    assert pair.acceptor.expire(old) is None
    assert pair.acceptor.state is State.STA6


def test_every_timer_can_be_set() -> None:
    timers = Timers(artim=1, associate=2, stall=3, reply=4, idle=5, release=6, closing=7)
    assert [timers.seconds(timer) for timer in TimerName] == [1, 2, 3, 4, 5, 6, 7]
    assert Association(Role.ACCEPTOR, Settings(timers=timers)).timeout == 1
