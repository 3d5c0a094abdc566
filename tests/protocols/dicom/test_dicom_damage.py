"""Truncated, damaged and random input: never an exception, always a definite event."""

from __future__ import annotations

import os

import pytest
from dicom_wire import EVERYTHING, Pair, events
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dicom_acceptor_table import PROPOSAL
from test_dicom_pdu import ANSWER_BYTES, REQUEST_BYTES

from gateway.protocols.dicom import (
    Aborted,
    AssociateRQ,
    Association,
    AssociationAccepted,
    AssociationRejected,
    AssociationRequested,
    CEchoRQ,
    CommandReceived,
    ConnectionLost,
    CStoreRQ,
    RequestRefused,
    Role,
    Settings,
    State,
    Unrecognized,
    negotiate,
)
from gateway.protocols.dicom.dimse import write_message
from gateway.protocols.dicom.pdu import Abort, PDataTF, Pdv, decode_pdu
from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE

EXAMPLES = int(os.environ.get("DICOM_EXAMPLES", "50"))
DAMAGES = (0x00, 0x01, 0x7F, 0x80, 0xFF)
COMMAND = write_message(
    CStoreRQ(
        message_id=1, affected_sop_class_uid=ULTRASOUND_IMAGE, affected_sop_instance_uid="1.2.3"
    ),
    has_data=True,
).encode()


def fate(data: bytes) -> object:
    """What an acceptor makes of its first bytes; then the transport ends."""
    acceptor = Association(Role.ACCEPTOR)
    acceptor.receive_data(data)
    found = events(acceptor)
    if not found:
        lost = acceptor.connection_lost()
        assert lost is not None
        return lost
    first = found[0]
    if isinstance(first, AssociationRequested):
        negotiation = negotiate(first.request, EVERYTHING)
        assert len(negotiation.explain()) == len(first.request.contexts)
        assert decode_pdu(acceptor.accept(negotiation))
    elif isinstance(first, Aborted):
        assert isinstance(decode_pdu(first.reply), Abort)
        assert acceptor.must_close
    return first


@pytest.mark.parametrize("whole", [REQUEST_BYTES, PROPOSAL], ids=["every sub-item", "proposal"])
def test_every_truncation_waits_for_the_rest(whole: bytes) -> None:
    for length in range(len(whole)):
        assert fate(whole[:length]) == ConnectionLost(State.STA2, length > 0)
    assert isinstance(fate(whole), AssociationRequested)


@pytest.mark.parametrize("whole", [REQUEST_BYTES, PROPOSAL], ids=["every sub-item", "proposal"])
def test_every_truncation_that_claims_to_be_whole(whole: bytes) -> None:
    definite = (Aborted, AssociationRequested, RequestRefused)
    for length in range(6, len(whole)):
        shorter = whole[:2] + (length - 6).to_bytes(4, "big") + whole[6:length]
        assert isinstance(fate(shorter), definite), length


@pytest.mark.parametrize("whole", [REQUEST_BYTES, PROPOSAL], ids=["every sub-item", "proposal"])
def test_every_damaged_byte(whole: bytes) -> None:
    definite = (Aborted, AssociationRequested, RequestRefused, ConnectionLost)
    for position, byte in enumerate(whole):
        for change in {byte ^ 1, byte ^ 0x80, *DAMAGES} - {byte}:
            damaged = whole[:position] + bytes([change]) + whole[position + 1 :]
            assert isinstance(fate(damaged), definite), (position, change)


def test_every_damaged_byte_of_an_answer() -> None:
    definite = (Aborted, AssociationAccepted, AssociationRejected)
    request = decode_pdu(REQUEST_BYTES)
    assert isinstance(request, AssociateRQ)
    for position, byte in enumerate(ANSWER_BYTES):
        for change in {byte ^ 1, byte ^ 0x80, *DAMAGES} - {byte}:
            requestor = Association(Role.REQUESTOR)
            requestor.associate(request)
            damaged = ANSWER_BYTES[:position] + bytes([change]) + ANSWER_BYTES[position + 1 :]
            requestor.receive_data(damaged)
            found = events(requestor) or [requestor.connection_lost()]
            assert isinstance(found[0], (*definite, ConnectionLost)), (position, change)
            assert set(requestor.contexts) <= {1}


def test_every_damaged_byte_of_a_command() -> None:
    for position, byte in enumerate(COMMAND):
        for change in {byte ^ 1, byte ^ 0x80, *DAMAGES} - {byte}:
            pair = Pair()
            damaged = COMMAND[:position] + bytes([change]) + COMMAND[position + 1 :]
            (event,) = pair.to_acceptor(PDataTF((Pdv(3, True, True, damaged),)).encode())
            assert isinstance(event, Aborted | CommandReceived), (position, change)
            if isinstance(event, CommandReceived) and isinstance(event.message, Unrecognized):
                assert event.message.response().status in (0x0211, 0x0212)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=400))
def test_random_items(items: bytes) -> None:
    body = REQUEST_BYTES[6:74] + items
    fate(b"\1\0" + len(body).to_bytes(4, "big") + body)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=200))
def test_random_commands(command: bytes) -> None:
    pair = Pair()
    (event,) = pair.to_acceptor(PDataTF((Pdv(1, True, True, command),)).encode())
    assert isinstance(event, Aborted | CommandReceived)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(["echo", "rp", "rq"]))))
def test_random_input_within_an_association(pieces: list[bytes | str]) -> None:
    known = {
        "echo": PDataTF(
            (Pdv(1, True, True, write_message(CEchoRQ(message_id=1), has_data=False).encode()),)
        ).encode(),
        "rp": bytes.fromhex("06000000000400000000"),
        "rq": bytes.fromhex("05000000000400000000"),
    }
    pair = Pair(acceptor=Settings(max_pdu_length=256))
    for piece in pieces:
        pair.to_acceptor(known[piece] if isinstance(piece, str) else piece)
    if pair.acceptor.state in (State.STA1, State.STA13):
        pair.acceptor.receive_data(b"\4")
        assert pair.acceptor.next_event() is None
    pair.acceptor.connection_lost()
    assert pair.acceptor.state is State.STA1
