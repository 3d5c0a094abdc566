"""Every unit of PS3.8 9.3, literal bytes beside the value they mean, read and written."""

from __future__ import annotations

import pytest
from dicom_wire import wire

from gateway.protocols.dicom import (
    AbortReason,
    AbortSource,
    AnsweredContext,
    AssociateAC,
    AssociateRQ,
    AsynchronousOperations,
    CommonExtendedNegotiation,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    Rejection,
    RoleSelection,
    UserIdentity,
    UserInformation,
    Violation,
)
from gateway.protocols.dicom.pdu import (
    Abort,
    AssociateRJ,
    PDataTF,
    Pdu,
    Pdv,
    ReleaseRP,
    ReleaseRQ,
    decode_pdu,
)
from gateway.protocols.errors import LocalProtocolError

REQUEST_BYTES = wire("""
    01 00 00000193                               # A-ASSOCIATE-RQ, 403 bytes
    0001 0000                                    # protocol version 1
    'GATEWAY         ' 'VOLUSON         '        # called, calling
    00000000000000000000000000000000 00000000000000000000000000000000
    10 00 0015 '1.2.840.10008.3.1.1.1'           # application context
    20 00 005B 01 000000                         # presentation context 1
      30 00 001B '1.2.840.10008.5.1.4.1.1.6.1'   #   US image
      40 00 0016 '1.2.840.10008.1.2.4.50'        #   JPEG baseline
      40 00 0013 '1.2.840.10008.1.2.1'           #   Explicit VR Little Endian
      40 00 0003 '1.2'                           #   something else
    50 00 00D3                                   # user information, 211 bytes
      51 00 0004 00008000                        #   maximum length 32768
      52 00 0009 '1.2.3.4.5'                     #   implementation class
      53 00 0004 0000 0005                       #   invoked unlimited, performed 5
      54 00 001E 001A '1.2.840.10008.5.1.4.1.1.66' 01 01    # roles: SCU and SCP
      55 00 0008 'LOGIQ_90'                      #   implementation version
      56 00 0021 001B '1.2.840.10008.5.1.4.1.1.6.1' 02010001  # extended negotiation
      57 00 0043                                 #   common extended negotiation
        001B '1.2.840.10008.5.1.4.1.1.6.1'       #     class
        0011 '1.2.840.10008.4.2'                 #     service class: storage
        0011 000F '1.2.840.10008.9'              #     related general class
      58 00 0012 02 01 0004 'user' 0008 'passcode'   # user identity: name and passcode
      60 00 0002 BEEF                            #   something nobody knows
""")
REQUEST = AssociateRQ(
    "GATEWAY",
    "VOLUSON",
    (
        ProposedContext(
            1,
            "1.2.840.10008.5.1.4.1.1.6.1",
            ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1", "1.2"),
        ),
    ),
    UserInformation(
        max_length=32768,
        implementation_class_uid="1.2.3.4.5",
        implementation_version="LOGIQ_90",
        asynchronous=AsynchronousOperations(0, 5),
        roles=(RoleSelection("1.2.840.10008.5.1.4.1.1.66", scu=True, scp=True),),
        extended=(ExtendedNegotiation("1.2.840.10008.5.1.4.1.1.6.1", b"\2\1\0\1"),),
        common_extended=(
            CommonExtendedNegotiation(
                "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.4.2", ("1.2.840.10008.9",)
            ),
        ),
        identity=UserIdentity(2, True, b"user", b"passcode"),
        others=((0x60, b"\xbe\xef"),),
    ),
)

ANSWER_BYTES = wire("""
    02 00 000000DB                               # A-ASSOCIATE-AC, 219 bytes
    0001 0000
    'GATEWAY         ' 'VOLUSON         '
    00000000000000000000000000000000 00000000000000000000000000000000
    10 00 0015 '1.2.840.10008.3.1.1.1'
    21 00 001E 01 00 00 00                       # context 1: accepted
      40 00 0016 '1.2.840.10008.1.2.4.50'
    21 00 0019 03 00 03 00                       # context 3: abstract syntax not supported
      40 00 0011 '1.2.840.10008.1.2'
    50 00 003B
      51 00 0004 00020000                        #   maximum length 131072
      52 00 0006 '2.25.7'
      53 00 0004 0001 0001                       #   one operation at a time
      54 00 000E 000A '1.2.840.10' 00 01         #   roles: SCP only
      55 00 0003 'GWY'
      59 00 0004 0002 'ok'                       #   user identity, server response
""")
ANSWER = AssociateAC(
    (
        AnsweredContext(1, ContextResult.ACCEPTED, "1.2.840.10008.1.2.4.50"),
        AnsweredContext(3, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, "1.2.840.10008.1.2"),
    ),
    UserInformation(
        max_length=131072,
        implementation_class_uid="2.25.7",
        implementation_version="GWY",
        asynchronous=AsynchronousOperations(1, 1),
        roles=(RoleSelection("1.2.840.10", scu=False, scp=True),),
        identity_answer=b"ok",
    ),
    titles=b"GATEWAY         VOLUSON         " + bytes(32),
)

CASES: list[tuple[bytes, Pdu]] = [
    (REQUEST_BYTES, REQUEST),
    (ANSWER_BYTES, ANSWER),
    (wire("03 00 00000004 00 01 01 03"), AssociateRJ(Rejection(1, 1, 3))),
    (wire("03 00 00000004 00 02 03 02"), AssociateRJ(Rejection(2, 3, 2))),
    (
        wire("04 00 0000000D 00000003 01 03 AB 00000002 05 00"),
        PDataTF((Pdv(1, True, True, b"\xab"), Pdv(5, False, False, b""))),
    ),
    (wire("05 00 00000004 00000000"), ReleaseRQ()),
    (wire("06 00 00000004 00000000"), ReleaseRP()),
    (wire("07 00 00000004 0000 00 00"), Abort()),
    (
        wire("07 00 00000004 0000 02 06"),
        Abort(AbortSource.SERVICE_PROVIDER, AbortReason.INVALID_PARAMETER_VALUE),
    ),
]
NAMES = [f"{value.kind.name}-{n}" for n, (_, value) in enumerate(CASES)]


@pytest.mark.parametrize(("data", "value"), CASES, ids=NAMES)
def test_unit_is_read(data: bytes, value: Pdu) -> None:
    assert decode_pdu(data) == value


@pytest.mark.parametrize(("data", "value"), CASES, ids=NAMES)
def test_unit_is_written(data: bytes, value: Pdu) -> None:
    assert value.encode() == data


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "shorter than its header"),
        ("04 00 000000", "shorter than its header"),
        ("08 00 00000004 00000000", "unknown type 08H"),
        ("00 00 00000004 00000000", "unknown type 00H"),
        ("05 00 00000005 00000000", "announces 5 bytes, 4 follow"),
        ("05 00 00000002 0000", "A-RELEASE-RQ of 2 bytes"),
        ("04 00 00000000", "ends within a header"),
        ("04 00 00000005 00000003 01", "ends within a header"),
        ("04 00 00000006 00000001 01 03", "value of 1 bytes"),
        ("04 00 00000006 00000003 01 03", "value of 3 bytes"),
        ("04 00 00000006 FFFFFFFF 01 03", "value of 4294967295 bytes"),
        ("01 00 00000004 00010000", "association PDU of 4 bytes"),
    ],
)
def test_what_is_no_unit_is_a_violation(data: str, problem: str) -> None:
    with pytest.raises(Violation, match=problem):
        decode_pdu(wire(data))


def test_titles_go_back_as_they_came() -> None:
    odd = REQUEST_BYTES[:10] + b"  gateway\0      " + REQUEST_BYTES[26:42] + b"R" * 32
    request = AssociateRQ.decode(odd[6:] + REQUEST_BYTES[74:])
    assert request.called == "gateway"
    assert request.titles == odd[10:74]


def test_control_characters_never_reach_a_title() -> None:
    odd = REQUEST_BYTES[:26] + b"EVIL\nLINE\x1b[0m   " + REQUEST_BYTES[42:]
    assert AssociateRQ.decode(odd[6:]).calling == "EVIL?LINE?[0m"


def test_padded_uids_lose_their_padding() -> None:
    padded = REQUEST_BYTES.replace(wire("40 00 0003 '1.2'"), wire("40 00 0003 '12' 00"))
    request = AssociateRQ.decode(padded[6:])
    assert request.contexts[0].transfer_syntaxes[2] == "12"


def test_credentials_do_not_show() -> None:
    shown = repr(REQUEST)
    assert "passcode" not in shown
    assert "user'" not in shown


@pytest.mark.parametrize("title", ["", "   ", "SEVENTEEN_LETTERS", "BACK\\SLASH", "UMLÄUT", "A\nB"])
def test_we_send_no_title_that_is_none(title: str) -> None:
    with pytest.raises(LocalProtocolError):
        AssociateRQ(title, "A", REQUEST.contexts).encode()


def test_an_item_too_long_is_our_own_mistake() -> None:
    user = UserInformation(extended=(ExtendedNegotiation("1.2", bytes(70000)),))
    with pytest.raises(LocalProtocolError, match="too long"):
        AssociateRQ("A", "B", REQUEST.contexts, user).encode()
