"""Command sets: literal bytes beside the message they mean, and what cannot be read."""

from __future__ import annotations

import pytest
from dicom_wire import wire

from gateway.protocols.dicom import (
    CCancelRQ,
    CEchoRQ,
    CFindRSP,
    CMoveRQ,
    CommandSet,
    CStoreRQ,
    CStoreRSP,
    Element,
    Message,
    NEventReportRQ,
    NGetRQ,
    Priority,
    Status,
    Unrecognized,
    Violation,
    category,
    is_final,
    meaning,
)
from gateway.protocols.dicom.dimse import has_data_set, read_message, write_message
from gateway.protocols.dicom.status import Category

ECHO_BYTES = wire("""
    0000 0000 04000000 38000000                       # group length 56
    0000 0200 12000000 '1.2.840.10008.1.1' 00         # affected SOP class, padded
    0000 0001 02000000 3000                           # C-ECHO-RQ
    0000 1001 02000000 0700                           # message id 7
    0000 0008 02000000 0101                           # no data set
""")
STORE_BYTES = wire("""
    0000 0000 04000000 74000000
    0000 0200 1C000000 '1.2.840.10008.5.1.4.1.1.6.1' 00
    0000 0001 02000000 0100                           # C-STORE-RQ
    0000 1001 02000000 0900
    0000 0007 02000000 0200                           # priority low
    0000 0008 02000000 0100                           # a data set follows
    0000 0010 06000000 '1.2.3' 00                     # affected SOP instance
    0000 3010 08000000 'ARCHIVE '                     # move originator
    0000 3110 02000000 0300                           # its message id
""")
CASES: list[tuple[bytes, Message, bool]] = [
    (ECHO_BYTES, CEchoRQ(message_id=7), False),
    (
        STORE_BYTES,
        CStoreRQ(
            message_id=9,
            affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.6.1",
            affected_sop_instance_uid="1.2.3",
            priority=Priority.LOW,
            move_originator_ae_title="ARCHIVE",
            move_originator_message_id=3,
        ),
        True,
    ),
    (
        wire("""
            0000 0000 04000000 4A000000
            0000 0001 02000000 0180                   # C-STORE-RSP
            0000 2001 02000000 0900                   # responding to 9
            0000 0008 02000000 0101
            0000 0009 02000000 00A7                   # A700
            0000 0209 0C000000 'disk is full'
            0000 0010 06000000 '1.2.3' 00
        """),
        CStoreRSP(
            message_id_being_responded_to=9,
            status=Status.OUT_OF_RESOURCES,
            error_comment="disk is full",
            affected_sop_instance_uid="1.2.3",
        ),
        False,
    ),
    (
        wire("""
            0000 0000 04000000 1E000000
            0000 0001 02000000 FF0F                   # C-CANCEL-RQ
            0000 2001 02000000 0500
            0000 0008 02000000 0101
        """),
        CCancelRQ(message_id_being_responded_to=5),
        False,
    ),
    (
        wire("""
            0000 0000 04000000 4A000000
            0000 0300 06000000 '1.2.9' 00             # requested SOP class
            0000 0001 02000000 1001                   # N-GET-RQ
            0000 1001 02000000 0100
            0000 0008 02000000 0101
            0000 0110 06000000 '1.2.7' 00             # requested SOP instance
            0000 0510 08000000 4000 5202 0800 1800    # (0040,0252) and (0008,0018)
        """),
        NGetRQ(
            message_id=1,
            requested_sop_class_uid="1.2.9",
            requested_sop_instance_uid="1.2.7",
            attribute_identifier_list=(0x00400252, 0x00080018),
        ),
        False,
    ),
]
NAMES = [message.command_field.name for _, message, _ in CASES]


@pytest.mark.parametrize(("data", "message", "has_data"), CASES, ids=NAMES)
def test_command_is_read(data: bytes, message: Message, has_data: bool) -> None:
    command = CommandSet.decode(data)
    assert read_message(command) == message
    assert has_data_set(command) == has_data
    assert command.get(Element.GROUP_LENGTH) == len(data) - 12


@pytest.mark.parametrize(("data", "message", "has_data"), CASES, ids=NAMES)
def test_command_is_written(data: bytes, message: Message, has_data: bool) -> None:
    assert write_message(message, has_data=has_data).encode() == data


def test_a_group_length_that_lies_or_lacks_is_no_matter() -> None:
    assert read_message(CommandSet.decode(ECHO_BYTES[12:])) == CEchoRQ(message_id=7)
    lying = ECHO_BYTES[:8] + b"\xff\xff\xff\xff" + ECHO_BYTES[12:]
    assert read_message(CommandSet.decode(lying)) == CEchoRQ(message_id=7)


@pytest.mark.parametrize("padding", [b"\0", b" "])
def test_padding_is_no_part_of_a_uid(padding: bytes) -> None:
    padded = STORE_BYTES.replace(b"1.2.3\0", b"1.2.3" + padding)
    message = read_message(CommandSet.decode(padded))
    assert isinstance(message, CStoreRQ)
    assert message.affected_sop_instance_uid == "1.2.3"


def test_an_odd_uid_is_kept_as_data() -> None:
    odd = STORE_BYTES.replace(b"1.2.3\0", b"ABC-12")
    message = read_message(CommandSet.decode(odd))
    assert isinstance(message, CStoreRQ)
    assert message.affected_sop_instance_uid == "ABC-12"
    response = message.response(Status.INVALID_SOP_INSTANCE)
    assert b"ABC-12" in write_message(response, has_data=False).encode()


def test_unknown_elements_are_kept() -> None:
    retired = wire("0000 1050 04000000 'TEXT'")
    command = CommandSet.decode(ECHO_BYTES + retired)
    assert command.elements[0x5010] == b"TEXT"
    assert command.encode()[-12:] == retired


def test_a_priority_nobody_knows_is_medium() -> None:
    odd = STORE_BYTES.replace(wire("0007 02000000 0200"), wire("0007 02000000 0900"))
    message = read_message(CommandSet.decode(odd))
    assert isinstance(message, CStoreRQ)
    assert message.priority is Priority.MEDIUM


# Requests that cannot be read are answered; anything else is a violation.


def without(data: bytes, element: Element) -> CommandSet:
    elements = dict(CommandSet.decode(data).elements)
    del elements[element]
    return CommandSet(elements)


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (Element.AFFECTED_SOP_CLASS_UID, "C-STORE-RQ lacks element 0000,0002"),
        (Element.AFFECTED_SOP_INSTANCE_UID, "C-STORE-RQ lacks element 0000,1000"),
    ],
)
def test_a_request_that_lacks_something(element: Element, reason: str) -> None:
    message = read_message(without(STORE_BYTES, element))
    assert isinstance(message, Unrecognized)
    assert (message.status, message.reason) == (Status.MISTYPED_ARGUMENT, reason)
    answer = message.response(error_comment="incomplete")
    command = write_message(answer, has_data=False)
    assert command.get(Element.COMMAND_FIELD) == 0x8001
    assert command.get(Element.STATUS) == 0x0212
    assert command.get(Element.MESSAGE_ID_BEING_RESPONDED_TO) == 9


def test_a_number_of_the_wrong_length() -> None:
    wide = STORE_BYTES.replace(wire("0007 02000000 0200"), wire("0007 04000000 02000000"))
    message = read_message(CommandSet.decode(wide))
    assert isinstance(message, Unrecognized)
    assert message.reason == "a 16-bit number of 4 bytes"


@pytest.mark.parametrize(
    "element", [Element.COMMAND_FIELD, Element.MESSAGE_ID], ids=lambda element: element.name
)
def test_a_request_that_cannot_be_answered(element: Element) -> None:
    with pytest.raises(Violation):
        read_message(without(STORE_BYTES, element))


def test_a_command_that_does_not_say_whether_data_follows() -> None:
    with pytest.raises(Violation, match="whether a data set follows"):
        has_data_set(without(STORE_BYTES, Element.COMMAND_DATA_SET_TYPE))


@pytest.mark.parametrize(
    ("n", "element"),
    [
        (2, Element.STATUS),
        (2, Element.MESSAGE_ID_BEING_RESPONDED_TO),
        (3, Element.MESSAGE_ID_BEING_RESPONDED_TO),
    ],
)
def test_a_response_or_cancel_that_lacks_something(n: int, element: Element) -> None:
    with pytest.raises(Violation):
        read_message(without(CASES[n][0], element))


def test_a_list_of_tags_of_odd_length() -> None:
    data = CASES[4][0]
    command = CommandSet({**CommandSet.decode(data).elements, 0x1005: b"\0" * 6})
    message = read_message(command)
    assert isinstance(message, Unrecognized)
    assert "attribute tags" in message.reason


def test_a_comment_is_cut_and_does_not_show() -> None:
    answer = CEchoRQ(message_id=1).response(0)
    assert "comment" not in repr(answer)
    store = CStoreRSP(message_id_being_responded_to=1, status=0xC000, error_comment="x" * 99)
    assert "xxx" not in repr(store)
    written = write_message(store, has_data=False)
    assert written.elements[Element.ERROR_COMMENT] == b"x" * 64
    assert "xxx" not in repr(written)


def test_responses_repeat_what_they_answer() -> None:
    report = NEventReportRQ(
        message_id=3,
        affected_sop_class_uid="1.2",
        affected_sop_instance_uid="1.3",
        event_type_id=2,
    )
    answer = report.response(Status.SUCCESS)
    assert (answer.message_id_being_responded_to, answer.event_type_id) == (3, 2)
    move = CMoveRQ(message_id=4, affected_sop_class_uid="1.2", move_destination="A")
    assert move.response(0xFF00, remaining=3).number_of_remaining_suboperations == 3


@pytest.mark.parametrize(
    ("status", "expected", "text"),
    [
        (0x0000, Category.SUCCESS, "0000: done"),
        (0xFF00, Category.PENDING, "FF00: pending"),
        (0xFF01, Category.PENDING, "FF01: pending, some optional keys not supported"),
        (0xFE00, Category.CANCEL, "FE00: cancelled"),
        (0x0001, Category.WARNING, "0001: requested optional attributes are not supported"),
        (0x0107, Category.WARNING, "0107: attribute list error"),
        (0xB000, Category.WARNING, "B000: elements coerced, or some sub-operations failed"),
        (0xB123, Category.WARNING, "B123: warning"),
        (0xA700, Category.FAILURE, "A700: out of resources"),
        (0xA7FF, Category.FAILURE, "A7FF: out of resources"),
        (0xA901, Category.FAILURE, "A901: data set does not match SOP class"),
        (0xC123, Category.FAILURE, "C123: cannot understand"),
        (0x0122, Category.FAILURE, "0122: SOP class not supported"),
        (0x4242, Category.FAILURE, "4242: failure"),
    ],
)
def test_status(status: int, expected: Category, text: str) -> None:
    assert category(status) is expected
    assert is_final(status) == (expected is not Category.PENDING)
    assert meaning(status) == text


def test_a_pending_find_response_keeps_its_request_open() -> None:
    assert not is_final(CFindRSP(message_id_being_responded_to=1, status=Status.PENDING).status)
