"""Cutting data sets into units: exact headers, no joining, no lie about the length."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dicom_wire import Pair, events, wire

from gateway.protocols.dicom import (
    CFindRQ,
    CommandReceived,
    CStoreRQ,
    MessageReceived,
    Rejection,
    Settings,
)
from gateway.protocols.dicom.fragments import fragments, stream_fragments
from gateway.protocols.dicom.sop_classes import MODALITY_WORKLIST_FIND, ULTRASOUND_IMAGE
from gateway.protocols.dicom.transfer_syntaxes import IMPLICIT_LE
from gateway.protocols.errors import LocalProtocolError

STORE = CStoreRQ(
    message_id=1, affected_sop_class_uid=ULTRASOUND_IMAGE, affected_sop_instance_uid="1.2.3"
)


def test_units_are_exact() -> None:
    assert list(stream_fragments(5, [b"abc", b"", b"defg"], 7, 9)) == [
        [wire("04 00 00000009 00000005 05 00"), b"abc"],
        [wire("04 00 00000009 00000005 05 00"), b"def"],
        [wire("04 00 00000007 00000003 05 02"), b"g"],
    ]
    assert fragments(1, b"", 16384) == [wire("04 00 00000006 00000002 01 02")]
    assert fragments(1, b"x", 16384, command=True)[0] == wire("04 00 00000007 00000003 01 03")


def test_nothing_is_copied() -> None:
    data = bytearray(300_000)
    (_, *views), *_ = stream_fragments(1, [data], len(data), 131072)
    data[0] = 0x55
    assert memoryview(views[0])[0] == 0x55


def test_one_buffer_may_be_used_again() -> None:
    buffer = bytearray(131066)

    def read() -> Iterator[memoryview]:
        for n in range(3):
            buffer[:] = bytes([n]) * len(buffer)
            yield memoryview(buffer)

    sent = [bytes(unit[1]) for unit in stream_fragments(1, read(), 3 * len(buffer), 131072)]
    assert [set(piece) for piece in sent] == [{0}, {1}, {2}]


@pytest.mark.parametrize(
    ("promised", "problem"), [(59, "goes on behind its length"), (61, "ended before its length")]
)
def test_a_wrong_length_never_shows_the_peer_an_end(promised: int, problem: str) -> None:
    pair = Pair(acceptor=Settings(max_pdu_length=32))
    units = pair.requestor.stream(3, STORE, [bytes(60)], promised)
    with pytest.raises(LocalProtocolError, match=problem):
        list(map(pair.to_acceptor, map(b"".join, units)))
    assert pair.acceptor.in_message
    with pytest.raises(LocalProtocolError, match="still being sent"):
        pair.requestor.release()
    assert pair.requestor.abort()


def test_a_collected_data_set_may_come_in_pieces() -> None:
    pair = Pair([(MODALITY_WORKLIST_FIND, [IMPLICIT_LE])], acceptor=Settings(max_pdu_length=64))
    find = CFindRQ(message_id=1, affected_sop_class_uid=MODALITY_WORKLIST_FIND)
    pair.acceptor.receive_data(pair.requestor.send(1, find, bytes(500)))
    assert isinstance(pair.acceptor.next_event(), CommandReceived)
    pair.acceptor.collect(limit=500)
    (message,) = events(pair.acceptor)
    assert isinstance(message, MessageReceived)
    assert message.data_set == bytes(500)


def test_rejections_say_whether_to_try_again() -> None:
    assert Rejection(1, 1, 3).permanent
    assert not Rejection(2, 3, 1).permanent
    assert Rejection(2, 9, 9).text == "reason 9 of source 9"
