"""What a peer's answers mean for somebody who has to set it up: findings, and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.cli.asking import local
from gateway.cli.symptoms import Finding, Symptom
from gateway.drivers.dicom.probe import Answered
from gateway.drivers.dicom.service import AssociationRefused
from gateway.drivers.dicom.services.proposing import PLAIN
from gateway.protocols.dicom import Negotiation, meaning
from gateway.protocols.dicom.negotiation import REASONS, Decision
from gateway.protocols.dicom.rejection import (
    CALLED_AE_NOT_RECOGNIZED,
    CALLING_AE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    NO_REASON,
    TEMPORARY_CONGESTION,
    Rejection,
)
from gateway.protocols.dicom.sop_classes import (
    STORAGE_COMMITMENT,
    ULTRASOUND_IMAGE,
    ULTRASOUND_MULTIFRAME,
    class_name,
)
from gateway.protocols.dicom.transfer_syntaxes import syntax_name

_MUST: Final = (ULTRASOUND_IMAGE, ULTRASOUND_MULTIFRAME)


class Kind(StrEnum):
    """What the configuration says the peer is."""

    ARCHIVE = "archive"
    UNIT = "unit"
    UNKNOWN = "unknown"


def unconnected(error: BaseException | None, host: str, port: int, unknown_name: bool) -> Finding:
    """No connection, by its cause."""
    if unknown_name:
        advice = f"check the spelling of {host}, or use the IP address"
        return Finding(Symptom.UNREACHABLE, f"nobody knows the name {host}", advice)
    match error:
        case ConnectionRefusedError():
            said = f"{host} is there, but nothing listens on port {port}"
            advice = (
                "on the peer: start its DICOM service; check the port (104 and 11112 are usual)"
            )
        case TimeoutError():
            said = f"{host} does not answer on port {port}"
            advice = "check the address, the cable or Wi-Fi, and firewalls on both sides"
        case OSError(strerror=str() as text):
            said = f"no way to {host}: {text}"
            advice = "check the address and this machine's network settings"
        case _:
            said, advice = f"no connection to {host}", "check address and port"
    return Finding(Symptom.UNREACHABLE, said, advice)


def refused(error: AssociationRefused, called: str, calling: str) -> Finding:
    """No association, by what the peer said about it."""
    if error.rejection is not None:
        text = error.rejection.text
        advice = _advice(error.rejection, called, calling)
        return Finding(Symptom.REJECTED, f"the association is rejected: {text}", advice)
    return Finding(
        Symptom.REJECTED,
        f"something listens there, but there is no association: {error.reason}",
        f"it may expect TLS, speak no DICOM, or hang up on callers it does not know: on the peer, "
        f"enter {calling} with this machine's address",
    )


def _advice(rejection: Rejection, called: str, calling: str) -> str:
    match (rejection.source, rejection.reason):
        case (CALLING_AE_NOT_RECOGNIZED.source, CALLING_AE_NOT_RECOGNIZED.reason):
            return (
                f"on the peer: enter {calling} (capitals count) with this machine's address among "
                "its known devices; or here: ae_title in [dicom], as the peer has it"
            )
        case (CALLED_AE_NOT_RECOGNIZED.source, CALLED_AE_NOT_RECOGNIZED.reason):
            return (
                f"here: the peer does not call itself {called}; look up its AE title (capitals "
                "count) and write it before the @"
            )
        case (
            LOCAL_LIMIT_EXCEEDED.source,
            LOCAL_LIMIT_EXCEEDED.reason | TEMPORARY_CONGESTION.reason,
        ):
            return (
                "it has as many associations as it takes, or no room: try again; on the peer: "
                "raise its limit, free its disk, restart it"
            )
        case (NO_REASON.source, NO_REASON.reason):
            return (
                f"it does not say why: check on the peer that {calling} is known with this "
                f"machine's address, and that it calls itself {called}"
            )
        case _:
            return "look into the peer's own log"


def established(answer: Answered) -> Iterator[Finding]:
    """Length, product and C-ECHO of the first association."""
    if answer.peer is not None:
        length = answer.peer.max_length
        shown = "any length" if length == 0 else f"up to {length} bytes" if length else "unsaid"
        product = answer.peer.implementation_version or "it does not say which"
        yield Finding(
            Symptom.SOUND, f"association: accepted; PDUs: {shown}; product: {product}", fault=False
        )
        if length is not None and 0 < length < 4096:
            advice = "on the peer: a maximum PDU length of 16384 or more; as it is, cine is slow"
            yield Finding(Symptom.NOT_TAKEN, f"PDUs of only {length} bytes", advice, fault=False)
    if answer.echo == 0:
        yield Finding(Symptom.SOUND, "C-ECHO: answered", fault=False)
    elif answer.echo is not None:
        yield Finding(Symptom.REJECTED, f"C-ECHO: {meaning(answer.echo)}", "look into its log")
    else:
        text = "C-ECHO: verification is not accepted"
        yield Finding(Symptom.NOT_TAKEN, text, fault=False)


def commitment(answer: Answered, wanted: bool) -> Finding:
    """Whether it promises to keep what it was sent."""
    decision = _decision(answer.negotiation, STORAGE_COMMITMENT)
    if decision is not None and decision.accepted:
        return Finding(Symptom.SOUND, f"{_offered(decision)}; accepted", fault=False)
    why = "it does not commit to what it stores"
    advice = (
        "on the peer: switch storage commitment on; else here: commitment = false, and nothing "
    )
    advice += "that only it has is ever purged" if wanted else "is purged on its word"
    return Finding(Symptom.NOT_TAKEN, f"Storage Commitment: refused; {why}", advice, fault=wanted)


def reports(answer: Answered, wanted: bool) -> Finding:
    """Whether a unit takes our reports where it listens."""
    decision = _decision(answer.negotiation, STORAGE_COMMITMENT)
    if decision is not None and decision.accepted and decision.requestor_scp:
        text = "Storage Commitment reports from us: accepted"
        return Finding(Symptom.SOUND, text, fault=False)
    text = "Storage Commitment reports from us: not accepted in our role as SCP"
    advice = (
        "only for a unit that asks us to commit: on the unit, switch its listener for reports on"
    )
    return Finding(Symptom.NOT_TAKEN, text, advice if wanted else "", fault=wanted)


def storage(answers: Sequence[Answered], kind: Kind) -> Iterator[Finding]:
    """Each class with the syntaxes it was accepted and refused in."""
    by_class: dict[str, list[Decision]] = {}
    for answer in answers:
        for decision in answer.negotiation.decisions if answer.negotiation else ():
            by_class.setdefault(decision.context.abstract_syntax, []).append(decision)
    if by_class and not any(d.accepted for found in by_class.values() for d in found):
        fault = kind is not Kind.UNIT
        advice = "on the peer: allow this gateway to store; is this its storage service at all?"
        text = "it stores nothing: every storage class is refused"
        yield Finding(Symptom.NOT_TAKEN, text, advice if fault else "", fault=fault)
        return
    alike: dict[_Fate, list[str]] = {}
    for uid, decisions in by_class.items():
        alike.setdefault(_fate(uid, decisions, kind), []).append(uid)
    for fate, uids in alike.items():
        yield from _told(fate, ", ".join(class_name(uid) for uid in uids))


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of a class: syntaxes it was accepted in, and those refused for each reason."""

    accepted: tuple[str, ...]
    refused: tuple[tuple[str, tuple[str, ...]], ...]
    fault: bool


def _fate(uid: str, decisions: Sequence[Decision], kind: Kind) -> _Fate:
    accepted = tuple(one.transfer_syntax for one in decisions if one.accepted)
    reasons: dict[str, tuple[str, ...]] = {}
    for one in decisions:
        if not one.accepted:
            reason = REASONS[one.result]
            reasons[reason] = (*reasons.get(reason, ()), *one.context.transfer_syntaxes)
    must = uid in _MUST and kind is not Kind.UNIT
    return _Fate(accepted, tuple(reasons.items()), must and not set(accepted) & set(PLAIN))


def _told(fate: _Fate, names: str) -> Iterator[Finding]:
    if fate.accepted:
        text = f"offered {names} {_as(fate.accepted)}; accepted"
        yield Finding(Symptom.SOUND, text, fault=False)
    for reason, syntaxes in fate.refused:
        text = f"offered {names} {_as(syntaxes)}; refused, {reason}"
        advice = _DECODED if fate.accepted else ""
        if fate.fault:
            advice = "on the peer: allow these classes, in Explicit VR Little Endian at least"
        yield Finding(Symptom.NOT_TAKEN, text, advice, fault=fate.fault)


_DECODED: Final = "nothing to do: what is stored in one of those is decoded before it is sent there"


def strangers(callers: Sequence[Mapping[str, Any]], host: str, title: str) -> Iterator[Finding]:
    """Callers of our own node that are in no section and may be this peer."""
    for caller in callers:
        if host == caller["address"] or title == caller["ae_title"]:
            said = f"{caller['ae_title']} called us from {caller['address']} and is in no section"
            yield Finding(
                Symptom.UNKNOWN_CALLER, f"{said} (last {local(caller['last_at'])})", caller["add"]
            )


def _decision(negotiation: Negotiation | None, uid: str) -> Decision | None:
    found = negotiation.decisions if negotiation else ()
    return next((one for one in found if one.context.abstract_syntax == uid), None)


def _offered(decision: Decision) -> str:
    context = decision.context
    return f"offered {class_name(context.abstract_syntax)} {_as(context.transfer_syntaxes)}"


def _as(syntaxes: Sequence[str]) -> str:
    names = ", ".join(syntax_name(uid) for uid in syntaxes)
    return f"only as {names}" if len(syntaxes) == 1 else f"as {names}"
