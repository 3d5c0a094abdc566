"""Hostile and broken peers: every claim beyond our caps, everything out of place."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from dicom_wire import ECHO, STILL, Pair, events, join, wire

from gateway.protocols.dicom import (
    Aborted,
    AbortReason,
    AssociateRQ,
    Association,
    AssociationRequested,
    Cause,
    CEchoRQ,
    CFindRQ,
    CommandReceived,
    CStoreRQ,
    DataReceived,
    RequestRefused,
    Role,
    Settings,
    State,
    Status,
    propose,
)
from gateway.protocols.dicom.command_set import CommandSet
from gateway.protocols.dicom.dimse import write_message
from gateway.protocols.dicom.fragments import fragments
from gateway.protocols.dicom.pdu import Abort, PDataTF, Pdv, decode_pdu
from gateway.protocols.dicom.sop_classes import MODALITY_WORKLIST_FIND, ULTRASOUND_IMAGE
from gateway.protocols.dicom.transfer_syntaxes import IMPLICIT_LE
from gateway.protocols.dicom.user_information import UserInformation

REQUEST = propose("GATEWAY", "VOLUSON", [ECHO, STILL])
ECHO_COMMAND = write_message(CEchoRQ(message_id=1), has_data=False).encode()
STORE = CStoreRQ(
    message_id=1, affected_sop_class_uid=ULTRASOUND_IMAGE, affected_sop_instance_uid="1.2.3"
)
STORE_COMMAND = write_message(STORE, has_data=True).encode()


def ended(association: Association, cause: Cause, *, at_once: bool) -> Aborted:
    """The one event of an end, and that nothing follows it."""
    (event,) = events(association)
    assert isinstance(event, Aborted)
    assert event.cause is cause, event.detail
    assert isinstance(decode_pdu(event.reply), Abort)
    assert association.must_close is at_once
    association.receive_data(REQUEST.encode())
    assert association.next_event() is None
    return event


@pytest.mark.parametrize("length", ["00040001", "00200000", "7FFFFFFF", "FFFFFFFF"])
def test_an_oversize_association_request_closes_at_once(length: str) -> None:
    association = Association(Role.ACCEPTOR)
    association.receive_data(wire(f"01 00 {length}"))
    event = ended(association, Cause.LIMIT, at_once=True)
    assert f"of {int(length, 16)} bytes, 262144 allowed" in event.detail


@pytest.mark.parametrize("length", ["00020001", "00040000", "FFFFFFFF"])
def test_more_data_than_announced_closes_at_once(length: str) -> None:
    pair = Pair()
    pair.acceptor.receive_data(wire(f"04 00 {length}"))
    event = ended(pair.acceptor, Cause.LIMIT, at_once=True)
    assert f"P_DATA_TF of {int(length, 16)} bytes, 131072 allowed" in event.detail
    assert pair.acceptor.state is State.STA1


def test_as_much_data_as_announced_is_taken() -> None:
    pair = Pair()
    pair.acceptor.receive_data(wire("04 00 00020000"))
    assert pair.acceptor.next_event() is None
    assert pair.acceptor.state is State.STA6


@pytest.mark.parametrize("kind", ["05", "06", "07"])
@pytest.mark.parametrize("length", ["00000005", "FFFFFFFF"])
def test_short_units_are_short(kind: str, length: str) -> None:
    pair = Pair()
    pair.requestor.release()
    pair.requestor.receive_data(wire(f"{kind} 00 {length}"))
    ended(pair.requestor, Cause.LIMIT, at_once=True)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
        bytes.fromhex("160301020001000001fc0303"),  # TLS ClientHello
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x0bMSH|^~\\&|LAB",
        bytes(64),
        b"\xff" * 64,
        wire("02 00 00000004 00000000"),
        wire("03 00 00000004 00010101"),
        wire("04 00 00000006 00000002 01 03"),
        wire("05 00 00000004 00000000"),
        wire("06 00 00000004 00000000"),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_whatever_is_no_association_request_closes_at_once(data: bytes) -> None:
    association = Association(Role.ACCEPTOR)
    association.receive_data(data)
    event = ended(association, Cause.VIOLATION, at_once=True)
    assert decode_pdu(event.reply) == Abort()


def test_an_abort_before_anything_is_no_violation() -> None:
    association = Association(Role.ACCEPTOR)
    association.receive_data(Abort().encode())
    (event,) = events(association)
    assert isinstance(event, Aborted)
    assert event.cause is Cause.PEER
    assert association.must_close


def test_a_request_costs_no_memory_before_its_bytes_come() -> None:
    announced = wire("01 00 00040000") + bytes(1000)
    tracemalloc.start()
    try:
        associations = [Association(Role.ACCEPTOR) for _ in range(100)]
        for association in associations:
            association.receive_data(announced)
            assert association.next_event() is None
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used < 100 * 8000


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (replace(REQUEST, version=2), "protocol version not supported"),
        (replace(REQUEST, version=0), "protocol version not supported"),
        (replace(REQUEST, application_context="1.2.3"), "application context name not supported"),
        (replace(REQUEST, application_context=""), "application context name not supported"),
    ],
)
def test_what_the_upper_layer_itself_rejects(asked: AssociateRQ, text: str) -> None:
    association = Association(Role.ACCEPTOR)
    association.receive_data(asked.encode())
    (event,) = events(association)
    assert isinstance(event, RequestRefused)
    assert event.rejection.text == text
    assert event.reply[0] == 3
    assert association.state is State.STA13


def test_a_later_version_bit_is_no_matter() -> None:
    association = Association(Role.ACCEPTOR)
    association.receive_data(replace(REQUEST, version=3).encode())
    assert isinstance(association.next_event(), AssociationRequested)


def proposed(ids: list[int]) -> bytes:
    contexts = tuple(replace(REQUEST.contexts[0], id=n) for n in ids)
    return replace(REQUEST, contexts=contexts).encode()


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (proposed([1, 3, 1]), "used twice"),
        (proposed(list(range(129))), "129 presentation contexts"),
        (
            replace(
                REQUEST,
                contexts=(replace(REQUEST.contexts[0], transfer_syntaxes=(IMPLICIT_LE,) * 65),),
            ).encode(),
            "65 transfer syntaxes",
        ),
        (
            replace(REQUEST, user=UserInformation(others=((0x70, b""),) * 1025)).encode(),
            "more than 1024",
        ),
    ],
)
def test_counts_are_capped(data: bytes, detail: str) -> None:
    association = Association(Role.ACCEPTOR)
    association.receive_data(data)
    event = ended(association, Cause.VIOLATION, at_once=True)
    assert detail in event.detail


def test_nothing_may_come_before_the_answer() -> None:
    association = Association(Role.ACCEPTOR)
    association.receive_data(REQUEST.encode() + wire("04 00 00000006 00000002 01 03"))
    found = events(association)
    assert isinstance(found[0], AssociationRequested)
    assert isinstance(found[1], Aborted)
    assert found[1].reason is AbortReason.UNEXPECTED_PDU


def test_a_peer_may_give_up_before_the_answer() -> None:
    association = Association(Role.ACCEPTOR)
    association.receive_data(REQUEST.encode() + Abort().encode())
    found = events(association)
    assert isinstance(found[1], Aborted)
    assert found[1].cause is Cause.PEER


# Within an association


def data_unit(*values: Pdv) -> bytes:
    return PDataTF(values).encode()


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (wire("04 00 00000005 00000003 01"), "P_DATA_TF of 5 bytes"),
        (wire("04 00 00000000"), "P_DATA_TF of 0 bytes"),
        (wire("04 00 00000007 00000001 01 03 00"), "value of 1 bytes"),
        (wire("04 00 00000006 00000000 01 03"), "value of 0 bytes"),
        (wire("04 00 00000008 00000005 01 03 0000"), "value of 5 bytes"),
        (wire("04 00 00000009 00000002 01 01 000000"), "ends within a header"),
        (data_unit(Pdv(5, True, True, ECHO_COMMAND)), "context 5 was not accepted"),
        (data_unit(Pdv(1, False, True, b"data")), "a data set without a command"),
        (
            data_unit(Pdv(1, True, False, ECHO_COMMAND[:9]), Pdv(1, False, True, b"")),
            "a data set without a command",
        ),
        (
            data_unit(Pdv(1, True, False, ECHO_COMMAND[:9]), Pdv(3, True, True, ECHO_COMMAND[9:])),
            "changes its context",
        ),
        (data_unit(Pdv(1, True, True, b"")), "without its command field"),
        (data_unit(Pdv(1, True, True, ECHO_COMMAND[:-1])), "announces 2 bytes, 1 are left"),
        (data_unit(Pdv(1, True, True, ECHO_COMMAND + b"\0")), "within an element header"),
        (data_unit(Pdv(1, True, True, ECHO_COMMAND * 2)), "comes twice"),
        (
            data_unit(Pdv(1, True, True, ECHO_COMMAND + wire("0800 1800 00000000"))),
            "element of group 0008",
        ),
        (wire("01 00 00000044"), "ASSOCIATE_RQ may not come in Sta6"),
        (wire("06 00 00000004 00000000"), "RELEASE_RP may not come in Sta6"),
        (wire("09 00 00000004"), "unknown type 09H"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_not_come_ends_the_association(data: bytes, detail: str) -> None:
    pair = Pair()
    pair.acceptor.receive_data(data)
    event = ended(pair.acceptor, Cause.VIOLATION, at_once=False)
    assert detail in event.detail
    assert pair.acceptor.state is State.STA13


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (data_unit(Pdv(3, True, True, ECHO_COMMAND)), "a command within a data set"),
        (data_unit(Pdv(1, False, True, b"")), "changes its context"),
        (wire("05 00 00000004 00000000"), "a release within a message"),
    ],
)
def test_what_may_not_come_within_a_data_set(data: bytes, detail: str) -> None:
    pair = Pair()
    begun = data_unit(Pdv(3, True, True, STORE_COMMAND), Pdv(3, False, False, b"half"))
    assert len(pair.to_acceptor(begun)) == 2
    pair.acceptor.receive_data(data)
    assert detail in ended(pair.acceptor, Cause.VIOLATION, at_once=False).detail


def test_a_command_is_at_most_64_kib() -> None:
    pair = Pair()
    endless = data_unit(Pdv(1, True, False, bytes(60_000)))
    assert pair.to_acceptor(endless) == []
    pair.acceptor.receive_data(endless)
    ended(pair.acceptor, Cause.LIMIT, at_once=True)


def test_a_command_has_at_most_256_elements() -> None:
    pair = Pair()
    many = CommandSet(dict.fromkeys(range(1, 300), b"")).encode()
    pair.acceptor.receive_data(data_unit(Pdv(1, True, True, many)))
    assert "more than 256" in ended(pair.acceptor, Cause.VIOLATION, at_once=False).detail


def test_a_collected_data_set_is_capped() -> None:
    pair = Pair([(MODALITY_WORKLIST_FIND, [IMPLICIT_LE])])
    find = CFindRQ(message_id=1, affected_sop_class_uid=MODALITY_WORKLIST_FIND)
    pair.acceptor.receive_data(pair.requestor.send(1, find, bytes(101)))
    assert isinstance(pair.acceptor.next_event(), CommandReceived)
    pair.acceptor.collect(limit=100)
    ended(pair.acceptor, Cause.LIMIT, at_once=True)


def test_requests_without_an_answer_are_capped() -> None:
    pair = Pair(acceptor=Settings(max_outstanding=2))
    unit = b"".join(bytes(b) for b in fragments(1, ECHO_COMMAND, 16384, command=True))
    assert len(pair.to_acceptor(unit * 2)) == 2
    pair.acceptor.receive_data(unit)
    ended(pair.acceptor, Cause.LIMIT, at_once=True)


def test_a_response_to_nothing_ends_the_association() -> None:
    pair = Pair()
    answer = write_message(CEchoRQ(message_id=5).response(Status.SUCCESS), has_data=False)
    pair.requestor.receive_data(data_unit(Pdv(1, True, True, answer.encode())))
    ended(pair.requestor, Cause.VIOLATION, at_once=False)


def test_empty_fragments_are_no_matter() -> None:
    pair = Pair()
    found = pair.to_acceptor(
        data_unit(
            Pdv(3, True, False, b""),
            Pdv(3, True, False, STORE_COMMAND),
            Pdv(3, True, True, b""),
            Pdv(3, False, False, b""),
            Pdv(3, False, False, b"data"),
            Pdv(3, False, False, b""),
            Pdv(3, False, True, b""),
        )
    )
    assert found[1:] == [
        DataReceived(3, 1, memoryview(b"data"), last=False),
        DataReceived(3, 1, memoryview(b""), last=True),
    ]


def test_unknown_bits_of_a_control_header_are_no_matter() -> None:
    pair = Pair()
    unit = bytearray(join([fragments(1, ECHO_COMMAND, 16384, command=True)]))
    unit[11] |= 0xFC
    assert len(pair.to_acceptor(bytes(unit))) == 1


def test_nothing_of_the_peers_text_is_in_an_event() -> None:
    pair = Pair()
    bad = CommandSet({0x0100: b"\x01\0", 0x0902: b"DOE^JANE"}).encode()
    pair.acceptor.receive_data(data_unit(Pdv(1, True, True, bad)))
    assert "DOE" not in repr(events(pair.acceptor))
