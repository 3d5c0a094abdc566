"""Whole conversations between the two ends: every service, every way to part."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dicom_wire import ECHO, EVERYTHING, STILL, Pair, events, join, joined

from gateway.protocols.dicom import (
    CALLING_AE_NOT_RECOGNIZED,
    STORAGE_COMMITMENT_INSTANCE,
    TEMPORARY_CONGESTION,
    Aborted,
    AbortReason,
    AbortSource,
    AssociateAC,
    Association,
    AssociationAccepted,
    AssociationRejected,
    Cause,
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    CommandReceived,
    ConnectionLost,
    CStoreRQ,
    DataReceived,
    MessageReceived,
    NActionRQ,
    NCreateRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
    Policy,
    Priority,
    Rejection,
    Released,
    ReleaseRequested,
    Role,
    RoleSelection,
    Service,
    Settings,
    State,
    Status,
    Unrecognized,
    UserInformation,
    negotiate,
    propose,
)
from gateway.protocols.dicom.command_set import CommandSet
from gateway.protocols.dicom.fragments import fragments
from gateway.protocols.dicom.negotiation import answers
from gateway.protocols.dicom.sop_classes import (
    MODALITY_WORKLIST_FIND,
    PERFORMED_PROCEDURE_STEP,
    STORAGE_COMMITMENT,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    ULTRASOUND_IMAGE,
)
from gateway.protocols.dicom.transfer_syntaxes import IMPLICIT_LE
from gateway.protocols.errors import LocalProtocolError

DIALOGUE = [
    (uid, [IMPLICIT_LE])
    for uid in (
        MODALITY_WORKLIST_FIND,
        PERFORMED_PROCEDURE_STEP,
        STORAGE_COMMITMENT,
        STUDY_ROOT_MOVE,
        STUDY_ROOT_GET,
    )
]
WORKLIST, STEP, COMMITMENT, MOVE, GET = 1, 3, 5, 7, 9


def image(message_id: int) -> CStoreRQ:
    return CStoreRQ(
        message_id=message_id,
        affected_sop_class_uid=ULTRASOUND_IMAGE,
        affected_sop_instance_uid="1.2.3.4.5",
    )


def test_echo() -> None:
    pair = Pair()
    request = CEchoRQ(message_id=pair.requestor.next_message_id())
    (asked,) = pair.to_acceptor(pair.requestor.send(1, request))
    assert asked == CommandReceived(pair.acceptor.contexts[1], request, has_data=False)
    answer = request.response(Status.SUCCESS)
    (answered,) = pair.to_requestor(pair.acceptor.send(1, answer))
    assert answered == CommandReceived(pair.requestor.contexts[1], answer, has_data=False)
    assert not pair.acceptor.owed
    assert not pair.requestor.awaited


@pytest.mark.parametrize("length", [0, 1, 131066, 131067, 500_000])
def test_store_streams_what_was_sent(length: int) -> None:
    pair = Pair()
    data = bytes(range(256)) * (length // 256 + 1)
    units = pair.requestor.stream(3, image(1), [data[:length]], length)
    asked, data_set = joined(pair.to_acceptor(join(units)))
    assert asked == CommandReceived(pair.acceptor.contexts[3], image(1), has_data=True)
    assert data_set == DataReceived(3, 1, memoryview(data[:length]), last=True)
    assert pair.acceptor.owed == (1,)
    (answered,) = pair.to_requestor(pair.acceptor.send(3, image(1).response(Status.SUCCESS)))
    assert isinstance(answered, CommandReceived)
    assert answered.message == image(1).response(Status.SUCCESS)


def test_find_answers_until_cancelled() -> None:
    pair = Pair(DIALOGUE)
    find = CFindRQ(message_id=1, affected_sop_class_uid=MODALITY_WORKLIST_FIND)
    pair.acceptor.receive_data(pair.requestor.send(WORKLIST, find, b"keys"))
    assert isinstance(pair.acceptor.next_event(), CommandReceived)
    pair.acceptor.collect(limit=4)
    assert events(pair.acceptor) == [
        MessageReceived(pair.acceptor.contexts[WORKLIST], find, b"keys")
    ]
    for match in (b"first", b"second"):
        found = pair.to_requestor(
            pair.acceptor.send(WORKLIST, find.response(Status.PENDING), match)
        )
        assert found[1] == DataReceived(WORKLIST, 1, memoryview(match), last=True)
    cancel = CCancelRQ(message_id_being_responded_to=1)
    (cancelled,) = pair.to_acceptor(pair.requestor.send(WORKLIST, cancel))
    assert isinstance(cancelled, CommandReceived)
    assert cancelled.message == cancel
    assert pair.acceptor.owed == (1,)
    pair.to_requestor(pair.acceptor.send(WORKLIST, find.response(Status.CANCEL)))
    assert not pair.requestor.awaited


def test_procedure_step_and_commitment() -> None:
    pair = Pair(DIALOGUE)
    create = NCreateRQ(message_id=1, affected_sop_class_uid=PERFORMED_PROCEDURE_STEP)
    change = NSetRQ(
        message_id=2,
        requested_sop_class_uid=PERFORMED_PROCEDURE_STEP,
        requested_sop_instance_uid="1.2.9",
    )
    action = NActionRQ(
        message_id=3,
        requested_sop_class_uid=STORAGE_COMMITMENT,
        requested_sop_instance_uid=STORAGE_COMMITMENT_INSTANCE,
        action_type_id=1,
    )
    look = NGetRQ(
        message_id=4,
        requested_sop_class_uid=PERFORMED_PROCEDURE_STEP,
        requested_sop_instance_uid="1.2.9",
        attribute_identifier_list=(0x00400252, 0x00080018),
    )
    for context, request, answer, data in (
        (STEP, create, create.response(Status.SUCCESS, instance_uid="1.2.9"), b"step"),
        (STEP, change, change.response(Status.SUCCESS), b"more"),
        (COMMITMENT, action, action.response(Status.SUCCESS), b"list"),
        (STEP, look, look.response(Status.SUCCESS), None),
    ):
        asked = pair.to_acceptor(pair.requestor.send(context, request, data))
        assert isinstance(asked[0], CommandReceived)
        assert asked[0].message == request
        assert asked[0].has_data == (data is not None)
        (answered,) = pair.to_requestor(pair.acceptor.send(context, answer))
        assert isinstance(answered, CommandReceived)
        assert answered.message == answer


def test_commitment_report_comes_back_on_the_same_association() -> None:
    pair = Pair(DIALOGUE)
    report = NEventReportRQ(
        message_id=pair.acceptor.next_message_id(),
        affected_sop_class_uid=STORAGE_COMMITMENT,
        affected_sop_instance_uid=STORAGE_COMMITMENT_INSTANCE,
        event_type_id=2,
    )
    asked = pair.to_requestor(pair.acceptor.send(COMMITMENT, report, b"failed one"))
    assert isinstance(asked[0], CommandReceived)
    assert asked[0].message == report
    answer = report.response(Status.SUCCESS)
    (answered,) = pair.to_acceptor(pair.requestor.send(COMMITMENT, answer))
    assert isinstance(answered, CommandReceived)
    assert answered.message == answer


def test_get_stores_back_on_the_same_association() -> None:
    role = RoleSelection(ULTRASOUND_IMAGE, scu=True, scp=True)
    pair = Pair([*DIALOGUE, STILL], roles=[role])
    store = 11
    assert pair.requestor.contexts[store].scp
    assert pair.acceptor.contexts[store].scu
    get = CGetRQ(message_id=1, affected_sop_class_uid=STUDY_ROOT_GET)
    pair.to_acceptor(pair.requestor.send(GET, get, b"keys"))
    stored = pair.to_requestor(join(pair.acceptor.stream(store, image(1), [b"image"], 5)))
    assert [type(event) for event in stored] == [CommandReceived, DataReceived]
    assert pair.requestor.awaited == (1,)  # two exchanges with id 1, one each way
    assert pair.requestor.owed == (1,)
    pair.to_acceptor(pair.requestor.send(store, image(1).response(Status.SUCCESS)))
    final = get.response(Status.SUCCESS, remaining=0, completed=1, failed=0, warning=0)
    (answered,) = pair.to_requestor(pair.acceptor.send(GET, final))
    assert isinstance(answered, CommandReceived)
    assert answered.message == final
    assert not pair.requestor.awaited


def test_move_names_its_destination_and_counts() -> None:
    pair = Pair(DIALOGUE)
    move = CMoveRQ(
        message_id=7,
        affected_sop_class_uid=STUDY_ROOT_MOVE,
        move_destination="WORKSTATION",
        priority=Priority.HIGH,
    )
    asked = pair.to_acceptor(pair.requestor.send(MOVE, move, b"keys"))
    assert isinstance(asked[0], CommandReceived)
    assert asked[0].message == move
    pending = move.response(Status.PENDING, remaining=2, completed=1, failed=0, warning=0)
    pair.to_requestor(pair.acceptor.send(MOVE, pending))
    assert pair.requestor.awaited == (7,)
    failed = move.response(Status.MOVE_DESTINATION_UNKNOWN, error_comment="not configured")
    pair.to_requestor(pair.acceptor.send(MOVE, failed))
    assert not pair.requestor.awaited


def test_an_unknown_request_is_still_answered() -> None:
    pair = Pair()
    delete = CommandSet(
        {0x0003: b"1.2.3\0", 0x0100: b"\x50\x01", 0x0110: b"\x09\0", 0x0800: b"\x01\x01"}
    )
    data = b"".join(bytes(b) for b in fragments(1, delete.encode(), 16384, command=True))
    (asked,) = pair.to_acceptor(data)
    assert isinstance(asked, CommandReceived)
    assert isinstance(asked.message, Unrecognized)
    assert asked.message.status == Status.UNRECOGNIZED_OPERATION
    answer = asked.message.response()
    assert (answer.command_field, answer.status) == (0x8150, 0x0211)
    assert pair.acceptor.send(1, answer)
    assert not pair.acceptor.owed


# Parting


def test_release() -> None:
    pair = Pair()
    assert pair.to_acceptor(pair.requestor.release()) == [ReleaseRequested()]
    assert pair.to_requestor(pair.acceptor.confirm_release()) == [Released()]
    assert pair.requestor.must_close
    assert not pair.acceptor.must_close  # the requestor closes first
    assert pair.requestor.connection_lost() is None
    assert pair.acceptor.connection_lost() is None


def test_what_is_owed_may_be_sent_after_a_release_request() -> None:
    pair = Pair()
    echo = CEchoRQ(message_id=1)
    pair.to_acceptor(pair.requestor.send(1, echo))
    pair.to_acceptor(pair.requestor.release())
    (late,) = pair.to_requestor(pair.acceptor.send(1, echo.response(Status.SUCCESS)))
    assert isinstance(late, CommandReceived)
    assert pair.to_requestor(pair.acceptor.confirm_release()) == [Released()]


def test_releases_may_cross() -> None:
    pair = Pair()
    ours, theirs = pair.requestor.release(), pair.acceptor.release()
    assert pair.to_requestor(theirs) == [ReleaseRequested()]
    assert pair.to_acceptor(ours) == []  # PS3.8: the requestor answers first
    assert (pair.requestor.state, pair.acceptor.state) == (State.STA9, State.STA10)
    assert pair.to_acceptor(pair.requestor.confirm_release()) == [ReleaseRequested()]
    assert (pair.requestor.state, pair.acceptor.state) == (State.STA11, State.STA12)
    assert pair.to_requestor(pair.acceptor.confirm_release()) == [Released()]
    assert (pair.requestor.state, pair.acceptor.state) == (State.STA1, State.STA13)


def test_abort() -> None:
    pair = Pair()
    (event,) = pair.to_acceptor(pair.requestor.abort())
    assert isinstance(event, Aborted)
    assert (event.cause, event.source) == (Cause.PEER, AbortSource.SERVICE_USER)
    assert pair.acceptor.must_close
    assert pair.acceptor.state is State.STA1
    assert pair.requestor.state is State.STA13


def test_abort_is_always_allowed() -> None:
    for role in Role:
        association = Association(role)
        assert association.abort() == b""
        assert association.must_close
        assert association.state is State.STA1
    pair = Pair()
    pair.requestor.abort()
    assert pair.requestor.abort() == b""
    assert pair.requestor.must_close


@pytest.mark.parametrize("rejection", [CALLING_AE_NOT_RECOGNIZED, TEMPORARY_CONGESTION])
def test_reject(rejection: Rejection) -> None:
    requestor, acceptor = Association(Role.REQUESTOR), Association(Role.ACCEPTOR)
    acceptor.receive_data(requestor.associate(propose("G", "V", [ECHO])))
    events(acceptor)
    requestor.receive_data(acceptor.reject(rejection))
    (event,) = events(requestor)
    assert event == AssociationRejected(rejection)
    assert requestor.must_close
    assert acceptor.state is State.STA13


@pytest.mark.parametrize("sent", [0, 3, 40, 80])
def test_connection_lost_says_whether_a_message_was_under_way(sent: int) -> None:
    pair = Pair()
    data = join(pair.requestor.stream(3, image(1), [bytes(100)], 100))
    pair.to_acceptor(data[:sent])
    assert pair.acceptor.connection_lost() == ConnectionLost(State.STA6, sent > 0)
    assert pair.acceptor.connection_lost() is None


def test_connection_lost_before_anything() -> None:
    acceptor = Association(Role.ACCEPTOR)
    assert acceptor.connection_lost() == ConnectionLost(State.STA2, in_message=False)
    assert Association(Role.REQUESTOR).connection_lost() is None


# What we may not do


def test_nothing_is_answered_twice_or_unasked() -> None:
    pair = Pair()
    echo = CEchoRQ(message_id=1)
    with pytest.raises(LocalProtocolError, match="no request 1 is open"):
        pair.acceptor.send(1, echo.response(Status.SUCCESS))
    pair.to_acceptor(pair.requestor.send(1, echo))
    pair.acceptor.send(1, echo.response(Status.SUCCESS))
    with pytest.raises(LocalProtocolError, match="no request 1 is open"):
        pair.acceptor.send(1, echo.response(Status.SUCCESS))


def test_nothing_is_answered_before_its_data_set_is_complete() -> None:
    pair = Pair()
    data = join(pair.requestor.stream(3, image(1), [bytes(100)], 100))
    pair.to_acceptor(data[:-1])
    with pytest.raises(LocalProtocolError, match="still coming"):
        pair.acceptor.send(3, image(1).response(Status.SUCCESS))
    pair.to_acceptor(data[-1:])
    assert pair.acceptor.send(3, image(1).response(Status.SUCCESS))


def test_nothing_comes_between_the_fragments_of_a_data_set() -> None:
    pair = Pair()
    units = pair.requestor.stream(3, image(1), [bytes(300_000)], 300_000)
    sent = join([next(units), next(units)])
    for forbidden in (
        lambda: pair.requestor.send(1, CEchoRQ(message_id=2)),
        lambda: pair.requestor.stream(3, image(2), [b""], 0),
        pair.requestor.release,
    ):
        with pytest.raises(LocalProtocolError, match="still being sent"):
            forbidden()
    pair.to_acceptor(sent + join(units))
    assert pair.requestor.release()


def test_a_stream_ends_with_its_association() -> None:
    pair = Pair()
    units = pair.requestor.stream(3, image(1), [bytes(300_000)], 300_000)
    next(units)
    pair.requestor.abort()
    with pytest.raises(LocalProtocolError, match="association ended"):
        next(units)


def test_a_mistake_changes_nothing() -> None:
    pair = Pair()
    for wrong in (
        lambda: Association(Role.REQUESTOR).send(1, CEchoRQ(message_id=1)),  # too early
        lambda: pair.requestor.send(1, image(1)),  # a data set too few
        lambda: pair.requestor.send(1, CEchoRQ(message_id=1), b"data"),  # one too many
        lambda: pair.requestor.send(99, CEchoRQ(message_id=1)),  # no such context
        lambda: pair.requestor.collect(10),
        lambda: pair.requestor.confirm_release(),
        lambda: pair.requestor.associate(propose("G", "V", [ECHO])),
        lambda: pair.acceptor.associate(propose("G", "V", [ECHO])),
        lambda: pair.acceptor.accept(pair.answered.negotiation),
        lambda: pair.acceptor.reject(TEMPORARY_CONGESTION),
    ):
        with pytest.raises(LocalProtocolError):
            wrong()
    assert pair.requestor.send(1, CEchoRQ(message_id=1))
    with pytest.raises(LocalProtocolError, match="in use"):
        pair.requestor.send(1, CEchoRQ(message_id=1))


def test_message_ids_skip_what_is_open() -> None:
    pair = Pair()
    assert [pair.requestor.next_message_id() for _ in range(3)] == [1, 2, 3]
    pair.requestor.send(1, CEchoRQ(message_id=4))
    assert pair.requestor.next_message_id() == 5
    for _ in range(0xFFFF - 5):
        pair.requestor.next_message_id()
    assert [pair.requestor.next_message_id() for _ in range(4)] == [1, 2, 3, 5]


def test_a_policy_may_accept_nothing_and_the_association_stands() -> None:
    pair = Pair(policy=Policy.offering([Service.WORKLIST]))
    assert isinstance(pair.answered, AssociationAccepted)
    assert not pair.requestor.contexts
    assert pair.to_acceptor(pair.requestor.release()) == [ReleaseRequested()]


def test_contexts_of_a_class() -> None:
    pair = Pair([STILL, ECHO, STILL])
    assert [context.id for context in pair.requestor.contexts_of(ULTRASOUND_IMAGE)] == [1, 5]
    assert pair.requestor.contexts_of("1.2.3") == ()


@pytest.mark.parametrize(
    ("announced", "sent"),
    [(0, 131072), (16384, 16384), (200_000, 131072), (32, 32), (None, 16384)],
)
def test_we_send_no_more_than_the_peer_takes(announced: int | None, sent: int) -> None:
    requestor, request = Association(Role.REQUESTOR), propose("G", "V", [STILL])
    requestor.associate(request)
    answer = AssociateAC(answers(negotiate(request, EVERYTHING)), UserInformation(announced))
    requestor.receive_data(answer.encode())
    assert isinstance(requestor.next_event(), AssociationAccepted)
    assert requestor.max_send_length == sent
    units = list(requestor.stream(1, image(1), [bytes(200_000)], 200_000))
    lengths = [sum(map(len, unit)) for unit in units[1:]]
    assert max(lengths) == sent + 6


@pytest.mark.parametrize("announced", [1, 6, 31])
def test_a_peer_that_takes_next_to_nothing_cannot_be_spoken_to(announced: int) -> None:
    acceptor = Association(Role.ACCEPTOR)
    request = replace(propose("G", "V", [STILL]), user=UserInformation(announced))
    acceptor.receive_data(request.encode())
    (event,) = events(acceptor)
    assert isinstance(event, Aborted)
    assert acceptor.must_close


@pytest.mark.parametrize("length", [0, 31])
def test_we_announce_a_limit_and_not_next_to_nothing(length: int) -> None:
    with pytest.raises(LocalProtocolError):
        Settings(max_pdu_length=length)


def test_violation_reaches_the_peer_as_an_abort_with_its_reason() -> None:
    pair = Pair()
    (event,) = pair.to_acceptor(bytes.fromhex("0900000000040000"))
    assert isinstance(event, Aborted)
    (heard,) = pair.to_requestor(event.reply)
    assert isinstance(heard, Aborted)
    assert heard.source is AbortSource.SERVICE_PROVIDER
    assert heard.reason is AbortReason.UNRECOGNIZED_PDU


def test_negotiation_may_be_decided_elsewhere_later() -> None:
    requestor, acceptor = Association(Role.REQUESTOR), Association(Role.ACCEPTOR)
    request = propose("G", "V", [ECHO])
    acceptor.receive_data(requestor.associate(request))
    events(acceptor)
    assert acceptor.timer is None  # our turn
    requestor.receive_data(acceptor.accept(negotiate(request, Policy.offering(Service))))
    assert isinstance(requestor.next_event(), AssociationAccepted)
