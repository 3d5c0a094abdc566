"""What pynetdicom writes we read, and what we write pynetdicom reads: units, items, commands."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from dicom_wire import EVERYTHING, Pair, joined
from pydicom.datadict import keyword_for_tag
from pynetdicom import build_context, dimse_messages, dimse_primitives
from pynetdicom.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
)
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import StoragePresentationContexts

from gateway.protocols.dicom import (
    AbortReason,
    AbortSource,
    AnyRequest,
    AssociateRQ,
    Association,
    AssociationAccepted,
    AsynchronousOperations,
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    CommandReceived,
    CommonExtendedNegotiation,
    CStoreRQ,
    DataReceived,
    ExtendedNegotiation,
    Message,
    NActionRQ,
    NCreateRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
    Priority,
    Rejection,
    Role,
    RoleSelection,
    Settings,
    UserIdentity,
    message_id_of,
    negotiate,
    propose,
)
from gateway.protocols.dicom.associate import AssociateAC
from gateway.protocols.dicom.command_set import Element
from gateway.protocols.dicom.dimse import write_message
from gateway.protocols.dicom.message import DataSet, Response
from gateway.protocols.dicom.negotiation import answers
from gateway.protocols.dicom.pdu import Abort, AssociateRJ, ReleaseRP, ReleaseRQ, decode_pdu
from gateway.protocols.dicom.sop_classes import VERIFICATION
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE, JPEG_BASELINE
from gateway.protocols.dicom.user_information import UserInformation

US = "1.2.840.10008.5.1.4.1.1.6.1"


def made(kind: type, **values: object) -> Any:
    item = kind()
    for name, value in values.items():
        setattr(item, name, value)
    return item


USER = [
    made(MaximumLengthNotification, maximum_length_received=16382),
    made(ImplementationClassUIDNotification, implementation_class_uid="1.2.3.4"),
    made(ImplementationVersionNameNotification, implementation_version_name="THEIRS_1"),
    made(
        AsynchronousOperationsWindowNegotiation,
        maximum_number_operations_invoked=3,
        maximum_number_operations_performed=0,
    ),
    made(SCP_SCU_RoleSelectionNegotiation, sop_class_uid=US, scu_role=True, scp_role=True),
    made(
        SOPClassExtendedNegotiation,
        sop_class_uid=US,
        service_class_application_information=b"\2\0\3",
    ),
    made(
        SOPClassCommonExtendedNegotiation,
        sop_class_uid=US,
        service_class_uid="1.2.840.10008.4.2",
        related_general_sop_class_identification=["1.2.840.10008.9", "1.2.840.10008.9.9"],
    ),
    made(
        UserIdentityNegotiation,
        user_identity_type=2,
        positive_response_requested=True,
        primary_field=b"name",
        secondary_field=b"word",
    ),
]
OUR_USER = UserInformation(
    max_length=16382,
    implementation_class_uid="1.2.3.4",
    implementation_version="THEIRS_1",
    asynchronous=AsynchronousOperations(3, 0),
    roles=(RoleSelection(US, scu=True, scp=True),),
    extended=(ExtendedNegotiation(US, b"\2\0\3"),),
    common_extended=(
        CommonExtendedNegotiation(
            US, "1.2.840.10008.4.2", ("1.2.840.10008.9", "1.2.840.10008.9.9")
        ),
    ),
    identity=UserIdentity(2, True, b"name", b"word"),
)


def their_request(contexts: list[Any]) -> bytes:
    for n, context in enumerate(contexts):
        context.context_id = 2 * n + 1
    primitive = made(
        A_ASSOCIATE,
        application_context_name="1.2.840.10008.3.1.1.1",
        calling_ae_title="THEM",
        called_ae_title="GATEWAY",
        presentation_context_definition_list=contexts,
        user_information=USER,
    )
    unit = A_ASSOCIATE_RQ()
    unit.from_primitive(primitive)
    return bytes(unit.encode())


def test_we_read_their_request() -> None:
    contexts = [build_context(US, [JPEG_BASELINE, EXPLICIT_LE]), build_context(VERIFICATION)]
    request = decode_pdu(their_request(contexts))
    assert isinstance(request, AssociateRQ)
    assert (request.called, request.calling) == ("GATEWAY", "THEM")
    assert request.user == OUR_USER
    assert request.contexts[0].transfer_syntaxes == (JPEG_BASELINE, EXPLICIT_LE)
    assert [context.abstract_syntax for context in request.contexts] == [US, VERIFICATION]


def test_they_read_our_request_and_write_it_back_alike() -> None:
    ours = AssociateRQ(
        "GATEWAY", "US", propose("G", "V", [(US, [JPEG_BASELINE, IMPLICIT_LE])]).contexts, OUR_USER
    )
    theirs = A_ASSOCIATE_RQ()
    theirs.decode(ours.encode())
    primitive = theirs.to_primitive()
    assert primitive.calling_ae_title == "US"
    (context,) = primitive.presentation_context_definition_list
    assert context.transfer_syntax == [JPEG_BASELINE, IMPLICIT_LE]
    assert len(primitive.user_information) == len(USER)
    assert decode_pdu(bytes(theirs.encode())) == ours


def test_their_128_contexts() -> None:
    contexts = [build_context(c.abstract_syntax) for c in StoragePresentationContexts]
    data = their_request(contexts)
    request = decode_pdu(data)
    assert isinstance(request, AssociateRQ)
    assert len(request.contexts) == len(contexts) > 100
    association = Association(Role.ACCEPTOR)
    association.receive_data(data)
    assert association.next_event() is not None
    answer = A_ASSOCIATE_AC()
    answer.decode(association.accept(negotiate(request, EVERYTHING)))
    results = answer.to_primitive().presentation_context_definition_results_list
    accepted = {context.context_id for context in results if context.result == 0}
    assert accepted == set(association.contexts)
    assert {context.result for context in results} == {0, 3}


def test_they_read_our_answer_and_we_theirs() -> None:
    request = propose("G", "V", [(US, [JPEG_BASELINE]), ("1.2.3", [IMPLICIT_LE])])
    user = UserInformation(
        max_length=131072,
        implementation_class_uid="2.25.1",
        implementation_version="OURS",
        asynchronous=AsynchronousOperations(1, 1),
        roles=(RoleSelection(US, scu=False, scp=True),),
        identity_answer=b"token",
    )
    ours = AssociateAC(answers(negotiate(request, EVERYTHING)), user)
    theirs = A_ASSOCIATE_AC()
    theirs.decode(ours.encode())
    results = theirs.to_primitive().presentation_context_definition_results_list
    assert [(context.context_id, context.result) for context in results] == [(1, 0), (3, 3)]
    assert results[0].transfer_syntax == [JPEG_BASELINE]
    again = decode_pdu(bytes(theirs.encode()))
    assert isinstance(again, AssociateAC)
    assert (again.contexts, again.user) == (ours.contexts, ours.user)
    requestor = Association(Role.REQUESTOR)
    requestor.associate(request)
    requestor.receive_data(bytes(theirs.encode()))
    assert isinstance(requestor.next_event(), AssociationAccepted)
    assert list(requestor.contexts) == [1]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (AssociateRJ(Rejection(2, 3, 2)), A_ASSOCIATE_RJ),
        (ReleaseRQ(), A_RELEASE_RQ),
        (ReleaseRP(), A_RELEASE_RP),
        (Abort(), A_ABORT_RQ),
        (Abort(AbortSource.SERVICE_PROVIDER, AbortReason.UNEXPECTED_PDU), A_ABORT_RQ),
    ],
)
def test_small_units(ours: AssociateRJ | ReleaseRQ | ReleaseRP | Abort, theirs: type) -> None:
    unit = theirs()
    unit.decode(ours.encode())
    assert bytes(unit.encode()) == ours.encode()


STEP = "1.2.840.10008.3.1.2.3.3"
REQUESTS: list[tuple[AnyRequest, str]] = [
    (CEchoRQ(message_id=1), "C_ECHO"),
    (
        CStoreRQ(
            message_id=2,
            affected_sop_class_uid=US,
            affected_sop_instance_uid="1.2.3",
            priority=Priority.HIGH,
            move_originator_ae_title="MOVER",
            move_originator_message_id=9,
        ),
        "C_STORE",
    ),
    (CFindRQ(message_id=3, affected_sop_class_uid="1.2.840.10008.5.1.4.31"), "C_FIND"),
    (CGetRQ(message_id=4, affected_sop_class_uid="1.2.840.10008.5.1.4.1.2.2.3"), "C_GET"),
    (
        CMoveRQ(
            message_id=5,
            affected_sop_class_uid="1.2.840.10008.5.1.4.1.2.2.2",
            move_destination="STATION",
        ),
        "C_MOVE",
    ),
    (
        NCreateRQ(message_id=6, affected_sop_class_uid=STEP, affected_sop_instance_uid="1.2.3.4"),
        "N_CREATE",
    ),
    (
        NSetRQ(message_id=7, requested_sop_class_uid=STEP, requested_sop_instance_uid="1.2.3"),
        "N_SET",
    ),
    (
        NGetRQ(
            message_id=8,
            requested_sop_class_uid=STEP,
            requested_sop_instance_uid="1.2.3",
            attribute_identifier_list=(0x00400252, 0x00080018),
        ),
        "N_GET",
    ),
    (
        NActionRQ(
            message_id=9,
            requested_sop_class_uid="1.2.840.10008.1.20.1",
            requested_sop_instance_uid="1.2.840.10008.1.20.1.1",
            action_type_id=1,
        ),
        "N_ACTION",
    ),
    (
        NEventReportRQ(
            message_id=10,
            affected_sop_class_uid="1.2.840.10008.1.20.1",
            affected_sop_instance_uid="1.2.840.10008.1.20.1.1",
            event_type_id=2,
        ),
        "N_EVENT_REPORT",
    ),
]
RESPONSES: list[tuple[Message, str]] = [
    (request.response(0xFF00 if name[:3] == "C_F" else 0), name) for request, name in REQUESTS
]
MOVE = REQUESTS[4][0]
assert isinstance(MOVE, CMoveRQ)
RESPONSES.append((MOVE.response(0xFF00, remaining=1, completed=2, failed=3, warning=4), "C_MOVE"))
MESSAGES = [
    *((message, name, "RQ") for message, name in REQUESTS),
    *((message, name, "RSP") for message, name in RESPONSES),
    (CCancelRQ(message_id_being_responded_to=3), "C_CANCEL", "RQ"),
]
NAMES = [f"{name}_{kind}-{n}" for n, (_, name, kind) in enumerate(MESSAGES)]
DATA = bytes(range(200))


def has_data(message: Message) -> bool:
    return message.data_set is not DataSet.NEVER


@pytest.mark.parametrize(("message", "name", "kind"), MESSAGES, ids=NAMES)
def test_they_read_our_messages(message: Message, name: str, kind: str) -> None:
    pair = Pair(acceptor=Settings(max_pdu_length=64))
    association = pair.requestor
    if isinstance(message, Response):
        association._ledger.owed.append(message.message_id_being_responded_to)
    sent = association.send(1, message, DATA if has_data(message) else None)
    theirs = dimse_messages.DIMSEMessage()
    complete = False
    while sent:
        length = 6 + int.from_bytes(sent[2:6], "big")
        unit = P_DATA_TF()
        unit.decode(sent[:length])
        complete = theirs.decode_msg(unit.to_primitive())
        sent = sent[length:]
    assert complete
    assert type(theirs).__name__ == f"{name}_{kind}"
    assert theirs.data_set.getvalue() == (DATA if has_data(message) else b"")
    assert named(theirs.command_set) == expected(message)


def named(command_set: Any) -> dict[str, object]:
    return {
        element.keyword: element.value
        for element in command_set
        if element.tag != 0 and element.value not in (None, "")
    }


def expected(message: Message) -> dict[str, object]:
    values: dict[str, object] = {}
    command = write_message(message, has_data=has_data(message))
    for element in Element:
        value = command.get(element)
        if element is not Element.GROUP_LENGTH and value is not None:
            values[keyword_for_tag(int(element))] = list(value) if type(value) is tuple else value
    return values


PARAMETERS = {
    "C_FIND": "Identifier",
    "C_GET": "Identifier",
    "C_MOVE": "Identifier",
    "C_STORE": "DataSet",
    "N_CREATE": "AttributeList",
    "N_SET-RQ": "ModificationList",
    "N_SET-RSP": "AttributeList",
    "N_GET-RSP": "AttributeList",
    "N_ACTION-RQ": "ActionInformation",
    "N_ACTION-RSP": "ActionReply",
    "N_EVENT_REPORT-RQ": "EventInformation",
    "N_EVENT_REPORT-RSP": "EventReply",
}


@pytest.mark.parametrize("max_length", [0, 64])
@pytest.mark.parametrize(("message", "name", "kind"), MESSAGES, ids=NAMES)
def test_we_read_their_messages(message: Message, name: str, kind: str, max_length: int) -> None:
    primitive = getattr(dimse_primitives, name)()
    for keyword, value in expected(message).items():
        if keyword not in ("CommandField", "CommandDataSetType"):
            setattr(primitive, keyword, value)
    if has_data(message):
        parameter = PARAMETERS.get(name) or PARAMETERS[f"{name}-{kind}"]
        setattr(primitive, parameter, BytesIO(DATA))
    theirs = getattr(dimse_messages, f"{name}_{kind}")()
    theirs.primitive_to_message(primitive)
    pair = Pair()
    if isinstance(message, Response):
        pair.acceptor._ledger.awaited.append(message.message_id_being_responded_to)
    found = []
    for data in theirs.encode_msg(1, max_length):
        unit = P_DATA_TF()
        unit.from_primitive(data)
        found += pair.to_acceptor(bytes(unit.encode()))
    command, *data_set = joined(found)
    assert command == CommandReceived(pair.acceptor.contexts[1], message, has_data(message))
    message_id = message_id_of(message)
    assert data_set == (
        [DataReceived(1, message_id, memoryview(DATA), last=True)] if has_data(message) else []
    )
