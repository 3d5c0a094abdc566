"""The receive buffer: how long views live, what is copied, and what is not."""

from __future__ import annotations

import pytest
from dicom_wire import Pair, join

from gateway.protocols.dicom import (
    CommandReceived,
    CStoreRQ,
    DataReceived,
    Settings,
)
from gateway.protocols.dicom.receive_buffer import ReceiveBuffer
from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE
from gateway.protocols.errors import LocalProtocolError

STORE = CStoreRQ(
    message_id=1, affected_sop_class_uid=ULTRASOUND_IMAGE, affected_sop_instance_uid="1.2.3"
)


def begun(size: int) -> tuple[Pair, bytes]:
    """An acceptor in the middle of a data set, and what is still to come."""
    pair = Pair(acceptor=Settings(receive_buffer=4096))
    wire = join(pair.requestor.stream(3, STORE, [b"\xaa" * size], size))
    head = len(wire) - size
    pair.acceptor.receive_data(wire[:head])
    assert isinstance(pair.acceptor.next_event(), CommandReceived)
    assert pair.acceptor.next_event() is None
    return pair, wire[head:]


def put(pair: Pair, data: bytes) -> DataReceived:
    room = pair.acceptor.get_buffer()
    room[: len(data)] = data
    pair.acceptor.buffer_updated(len(data))
    event = pair.acceptor.next_event()
    assert isinstance(event, DataReceived)
    return event


def test_data_is_a_read_only_view_of_the_buffer() -> None:
    pair, rest = begun(1000)
    room = pair.acceptor.get_buffer()
    event = put(pair, rest[:500])
    assert event.data.readonly
    room[0] = 0x55
    assert event.data[0] == 0x55
    assert len(pair.acceptor.get_buffer()) == 4096


def test_data_is_a_view_of_what_was_fed() -> None:
    pair, rest = begun(1000)
    source = bytearray(rest)
    pair.acceptor.receive_data(source)
    event = pair.acceptor.next_event()
    assert isinstance(event, DataReceived)
    source[0] = 0x55
    assert event.data[0] == 0x55
    assert event.data.readonly


def test_renewing_the_buffer_keeps_the_views() -> None:
    pair, rest = begun(1000)
    first = put(pair, rest[:500])
    pair.acceptor.renew_buffer(bytearray(4096))
    second = put(pair, b"\xbb" * 500)
    assert set(first.data) == {0xAA}
    assert set(second.data) == {0xBB}
    assert second.last


def test_renewing_keeps_what_is_unread() -> None:
    pair, rest = begun(1000)
    room = pair.acceptor.get_buffer()
    room[:500] = rest[:500]
    pair.acceptor.buffer_updated(500)
    pair.acceptor.renew_buffer(bytearray(600))
    event = pair.acceptor.next_event()
    assert isinstance(event, DataReceived)
    assert event.data == rest[:500]
    with pytest.raises(LocalProtocolError):
        pair.acceptor.renew_buffer(bytearray())


def test_room_is_the_whole_buffer_but_for_a_cut_header() -> None:
    pair = Pair(acceptor=Settings(receive_buffer=4096))
    room = pair.acceptor.get_buffer()
    room[:4] = b"\4\0\0\0"
    pair.acceptor.buffer_updated(4)
    assert pair.acceptor.next_event() is None
    assert len(pair.acceptor.get_buffer()) == 4092


def test_events_must_be_read_before_there_is_more_room() -> None:
    buffer = ReceiveBuffer(8)
    buffer.wrote(len(buffer.writable()))
    with pytest.raises(LocalProtocolError):
        buffer.writable()
    assert bytes(buffer.take(3)) == bytes(3)
    assert len(buffer.writable()) == 3


def test_both_ways_of_receiving_may_be_mixed() -> None:
    buffer = ReceiveBuffer(8)
    buffer.feed(b"abc")
    buffer.writable()[:2] = b"de"
    buffer.wrote(2)
    buffer.feed(b"fgh")
    assert bytes(buffer.take(99)) == b"abcdefgh"
    assert len(buffer) == 0
    buffer.feed(b"0123456789")
    with pytest.raises(LocalProtocolError):
        buffer.writable()


def test_after_the_end_nothing_piles_up() -> None:
    pair, rest = begun(1000)
    pair.acceptor.abort()
    for _ in range(10):
        room = pair.acceptor.get_buffer()
        assert len(room) == 4096
        room[:] = bytes(4096)
        pair.acceptor.buffer_updated(4096)
        pair.acceptor.receive_data(rest)
        assert pair.acceptor.next_event() is None
