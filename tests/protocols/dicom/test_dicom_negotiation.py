"""Which contexts an acceptor accepts, in what, in which roles; and how a requestor reads it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dicom_wire import ECHO, EVERYTHING, STILL, Pair, events

from gateway.protocols.dicom import (
    AnsweredContext,
    AssociateAC,
    Association,
    AssociationRequested,
    AsynchronousOperations,
    CommonExtendedNegotiation,
    ContextResult,
    ExtendedNegotiation,
    Negotiation,
    Policy,
    ProposedContext,
    Role,
    RoleSelection,
    Service,
    UserIdentity,
    UserInformation,
    negotiate,
    outcome,
    propose,
)
from gateway.protocols.dicom.pdu import decode_pdu
from gateway.protocols.dicom.sop_classes import (
    COMPREHENSIVE_SR,
    MODALITY_WORKLIST_FIND,
    PERFORMED_PROCEDURE_STEP,
    STORAGE_COMMITMENT,
    STORAGE_UIDS,
    STUDY_ROOT_GET,
    ULTRASOUND_IMAGE,
    ULTRASOUND_MULTIFRAME,
    VERIFICATION,
)
from gateway.protocols.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    RLE_LOSSLESS,
)
from gateway.protocols.errors import LocalProtocolError

JPIP = "1.2.840.10008.1.2.4.94"
SMPTE = "1.2.840.10008.1.2.7.1"
OK = ContextResult.ACCEPTED
NO_CLASS = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
NO_SYNTAX = ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("abstract_syntax", "offered", "result", "chosen"),
    [
        (ULTRASOUND_IMAGE, [JPEG_BASELINE, EXPLICIT_LE], OK, JPEG_BASELINE),
        (ULTRASOUND_IMAGE, [EXPLICIT_LE, JPEG_BASELINE], OK, EXPLICIT_LE),
        (ULTRASOUND_IMAGE, [JPIP, RLE_LOSSLESS, IMPLICIT_LE], OK, RLE_LOSSLESS),
        (ULTRASOUND_IMAGE, ["1.2.3", EXPLICIT_BE], OK, EXPLICIT_BE),
        (ULTRASOUND_IMAGE, [JPIP], NO_SYNTAX, ""),
        (ULTRASOUND_MULTIFRAME, [SMPTE], NO_SYNTAX, ""),
        (ULTRASOUND_IMAGE, [], NO_SYNTAX, ""),
        (COMPREHENSIVE_SR, [JPEG_BASELINE, DEFLATED_LE, IMPLICIT_LE], OK, DEFLATED_LE),
        (COMPREHENSIVE_SR, [JPEG_BASELINE], NO_SYNTAX, ""),
        (MODALITY_WORKLIST_FIND, [IMPLICIT_LE], OK, IMPLICIT_LE),
        (MODALITY_WORKLIST_FIND, [EXPLICIT_BE, EXPLICIT_LE], OK, EXPLICIT_LE),
        (PERFORMED_PROCEDURE_STEP, [EXPLICIT_BE], NO_SYNTAX, ""),
        (VERIFICATION, [EXPLICIT_BE, IMPLICIT_LE], OK, EXPLICIT_BE),
        ("1.3.46.670589.2.5.1.1", [IMPLICIT_LE], NO_CLASS, ""),
        ("", [IMPLICIT_LE], NO_CLASS, ""),
        ("no uid at all", [IMPLICIT_LE], NO_CLASS, ""),
    ],
)
def test_first_usable_syntax_in_the_requestors_order(
    abstract_syntax: str, offered: list[str], result: ContextResult, chosen: str
) -> None:
    request = propose("GATEWAY", "VOLUSON", [(abstract_syntax, offered)])
    (decision,) = negotiate(request, EVERYTHING).decisions
    assert (decision.result, decision.transfer_syntax) == (result, chosen)


def test_only_what_is_offered_is_accepted() -> None:
    policy = Policy.offering([Service.VERIFICATION, Service.WORKLIST])
    request = propose("G", "V", [ECHO, STILL, (MODALITY_WORKLIST_FIND, [IMPLICIT_LE])])
    results = [decision.result for decision in negotiate(request, policy).decisions]
    assert results == [OK, NO_CLASS, OK]


def test_all_128_contexts_are_answered_in_order() -> None:
    classes = sorted(STORAGE_UIDS)
    contexts = [(classes[n % len(classes)], [EXPLICIT_LE]) for n in range(128)]
    pair = Pair(contexts)
    assert list(pair.requestor.contexts) == list(range(1, 256, 2))
    assert pair.acceptor.contexts.keys() == pair.requestor.contexts.keys()
    with pytest.raises(LocalProtocolError, match="128"):
        propose("G", "V", [*contexts, ECHO])


def test_an_even_id_is_refused_alone() -> None:
    contexts = tuple(ProposedContext(n, VERIFICATION, (IMPLICIT_LE,)) for n in (2, 3))
    request = replace(propose("G", "V", [ECHO]), contexts=contexts)
    decisions = negotiate(request, EVERYTHING).decisions
    assert [decision.result for decision in decisions] == [ContextResult.NO_REASON, OK]
    assert decisions[0].explain().endswith("its id is even")


# Roles: who may be SCP.  The default is requestor SCU, acceptor SCP.


@pytest.mark.parametrize(
    ("services", "abstract_syntax", "wanted", "granted"),
    [
        ([Service.COMMITMENT], STORAGE_COMMITMENT, (True, False), (True, False)),
        ([Service.COMMITMENT], STORAGE_COMMITMENT, (True, True), (True, False)),
        ([Service.COMMITMENT], STORAGE_COMMITMENT, (False, True), None),
        ([Service.COMMITMENT_REPORT], STORAGE_COMMITMENT, (False, True), (False, True)),
        ([Service.COMMITMENT_REPORT], STORAGE_COMMITMENT, (True, False), None),
        (
            [Service.COMMITMENT, Service.COMMITMENT_REPORT],
            STORAGE_COMMITMENT,
            (True, True),
            (True, True),
        ),
        ([Service.STORAGE], ULTRASOUND_IMAGE, (False, True), None),
        ([Service.RETRIEVE], ULTRASOUND_IMAGE, (False, True), (False, True)),
        ([Service.RETRIEVE], ULTRASOUND_IMAGE, (True, True), (False, True)),
        ([Service.RETRIEVE, Service.STORAGE], ULTRASOUND_IMAGE, (True, True), (True, True)),
        ([Service.RETRIEVE], STUDY_ROOT_GET, (True, False), (True, False)),
    ],
)
def test_roles(
    services: list[Service],
    abstract_syntax: str,
    wanted: tuple[bool, bool],
    granted: tuple[bool, bool] | None,
) -> None:
    role = RoleSelection(abstract_syntax, scu=wanted[0], scp=wanted[1])
    policy = Policy.offering(services)
    pair = Pair([(abstract_syntax, [IMPLICIT_LE])], policy=policy, roles=[role])
    if granted is None:
        assert not pair.requestor.contexts
        assert not pair.answered.answer.user.roles
        assert pair.answered.negotiation.decisions[0].result is ContextResult.USER_REJECTION
    else:
        ours, theirs = pair.requestor.contexts[1], pair.acceptor.contexts[1]
        assert (ours.scu, ours.scp) == granted
        assert (theirs.scp, theirs.scu) == granted


def test_without_role_selection_a_reversed_class_is_refused() -> None:
    policy = Policy.offering([Service.COMMITMENT_REPORT])
    request = propose("G", "V", [(STORAGE_COMMITMENT, [IMPLICIT_LE])])
    (decision,) = negotiate(request, policy).decisions
    assert decision.result is ContextResult.USER_REJECTION


# What else may be negotiated is read, and answered no further than politeness asks.


def test_everything_negotiable_is_tolerated() -> None:
    request = replace(
        propose("GATEWAY", "VOLUSON", [STILL]),
        user=UserInformation(
            max_length=0,
            asynchronous=AsynchronousOperations(0, 0),
            roles=(RoleSelection(ULTRASOUND_IMAGE, scu=True, scp=False),),
            extended=(ExtendedNegotiation(ULTRASOUND_IMAGE, b"\2"),),
            common_extended=(CommonExtendedNegotiation(ULTRASOUND_IMAGE, "1.2.840.10008.4.2"),),
            identity=UserIdentity(1, True, b"someone"),
            others=((0x77, b"?"),),
        ),
    )
    acceptor = Association(Role.ACCEPTOR)
    acceptor.receive_data(request.encode())
    (asked,) = events(acceptor)
    assert isinstance(asked, AssociationRequested)
    answer = decode_pdu(acceptor.accept(negotiate(asked.request, EVERYTHING)))
    assert isinstance(answer, AssociateAC)
    assert answer.user == UserInformation(
        max_length=131072,
        implementation_class_uid=acceptor.settings.implementation_class_uid,
        implementation_version=acceptor.settings.implementation_version,
        asynchronous=AsynchronousOperations(1, 1),
        roles=(RoleSelection(ULTRASOUND_IMAGE, scu=True, scp=False),),
    )
    assert acceptor.max_send_length == acceptor.settings.send_pdu_length


def test_a_window_nobody_asked_for_is_not_answered() -> None:
    assert Pair().answered.answer.user.asynchronous is None


# The requestor believes only what it offered.

REQUEST = propose("G", "V", [STILL, (COMPREHENSIVE_SR, [EXPLICIT_LE])])


@pytest.mark.parametrize(
    ("answers", "usable", "notes"),
    [
        (
            (AnsweredContext(1, OK, IMPLICIT_LE), AnsweredContext(3, OK, EXPLICIT_LE)),
            {1, 3},
            ("", ""),
        ),
        ((AnsweredContext(1, OK, IMPLICIT_LE),), {1}, ("", "the acceptor did not answer it")),
        (
            (AnsweredContext(1, OK, JPEG_BASELINE), AnsweredContext(3, NO_CLASS, "")),
            set(),
            ("accepted as JPEG Baseline, which we did not offer", ""),
        ),
        (
            (AnsweredContext(1, OK, ""), AnsweredContext(99, OK, EXPLICIT_LE)),
            set(),
            (
                "accepted as an invalid UID of 0 characters, which we did not offer",
                "the acceptor did not answer it",
            ),
        ),
    ],
)
def test_outcome(
    answers: tuple[AnsweredContext, ...], usable: set[int], notes: tuple[str, ...]
) -> None:
    negotiation = outcome(REQUEST, AssociateAC(answers))
    assert tuple(decision.note for decision in negotiation.decisions) == notes
    assert {decision.context.id for decision in negotiation.accepted} == usable


def test_a_role_nobody_asked_for_is_not_taken() -> None:
    user = UserInformation(roles=(RoleSelection(ULTRASOUND_IMAGE, scu=False, scp=True),))
    answer = AssociateAC((AnsweredContext(1, OK, EXPLICIT_LE),), user)
    decision = outcome(REQUEST, answer).decisions[0]
    assert (decision.requestor_scu, decision.requestor_scp) == (True, False)


def test_decisions_must_be_those_of_the_request() -> None:
    acceptor = Association(Role.ACCEPTOR)
    acceptor.receive_data(REQUEST.encode())
    events(acceptor)
    negotiation = negotiate(REQUEST, EVERYTHING)
    for wrong in (negotiation.decisions[:1], negotiation.decisions[::-1]):
        with pytest.raises(LocalProtocolError):
            acceptor.accept(Negotiation(wrong))
    assert acceptor.accept(negotiation)


def test_a_long_offer_is_cut_in_the_line() -> None:
    request = propose("G", "V", [(ULTRASOUND_IMAGE, [f"1.2.3.{n}" for n in range(20)])])
    (line,) = negotiate(request, EVERYTHING).explain()
    assert line.endswith("1.2.3.7 and 12 more)")


def test_nothing_a_peer_wrote_breaks_the_line() -> None:
    request = propose("G", "V", [("evil\nclass", ["evil\nsyntax"])])
    (line,) = negotiate(request, EVERYTHING).explain()
    assert line == (
        "ctx 1 an invalid UID of 10 characters: refused, class not supported "
        "(offered an invalid UID of 11 characters)"
    )


@pytest.mark.parametrize(
    ("offered", "answered"), [([], IMPLICIT_LE), (["evil"], IMPLICIT_LE), ([JPIP], JPIP)]
)
def test_a_refused_context_still_holds_a_valid_syntax(offered: list[str], answered: str) -> None:
    acceptor = Association(Role.ACCEPTOR)
    request = propose("G", "V", [("1.2.3", offered)])
    acceptor.receive_data(request.encode())
    events(acceptor)
    answer = decode_pdu(acceptor.accept(negotiate(request, EVERYTHING)))
    assert isinstance(answer, AssociateAC)
    assert answer.contexts[0].transfer_syntax == answered


@pytest.mark.parametrize(
    ("services", "abstract_syntax", "end"),
    [
        ([Service.STORAGE], VERIFICATION, "(offered JPEG Baseline); that service is off here"),
        ([Service.STORAGE], "1.2.840.10008.5.1.1.9", "(offered JPEG Baseline)"),  # print
        (
            [Service.STORAGE],
            "1.2.840.10008.5.1.4.1.1.2",  # CT
            "; could be stored as it comes, if this device's policy lists it",
        ),
        ([Service.WORKLIST], MODALITY_WORKLIST_FIND, "; it takes Explicit LE, Implicit LE"),
        (
            [Service.STORAGE],
            COMPREHENSIVE_SR,
            "; it takes Deflated LE, Explicit BE, Explicit LE, Implicit LE",
        ),
    ],
)
def test_a_refusal_says_what_would_help(
    services: list[Service], abstract_syntax: str, end: str
) -> None:
    request = propose("G", "V", [(abstract_syntax, [JPEG_BASELINE])])
    (line,) = negotiate(request, Policy.offering(services)).explain()
    assert "refused" in line
    assert line.endswith(end)


@pytest.mark.parametrize(
    ("abstract_syntax", "opaque", "stored"),
    [
        ("1.3.46.670589.2.5.1.1", ["1.3.46."], True),
        ("1.2.840.10008.5.1.4.1.1.2", ["1.2.840.10008."], True),  # CT
        ("1.2.840.10008.5.1.1.9", ["1.2.840.10008."], False),  # print stores nothing
        (VERIFICATION, ["1.2.840.10008."], False),
        ("1.3.46.670589.2.5.1.1", ["1.3.46"], False),
        ("rubbish", ["rubbish", "r."], False),
    ],
)
def test_opaque_classes(abstract_syntax: str, opaque: list[str], stored: bool) -> None:
    policy = Policy.offering([Service.STORAGE], opaque=opaque)
    request = propose("G", "V", [(abstract_syntax, [JPEG_BASELINE])])
    (decision,) = negotiate(request, policy).decisions
    assert decision.accepted is stored
    if stored:
        assert decision.explain().endswith("; stored as it comes, not understood")
