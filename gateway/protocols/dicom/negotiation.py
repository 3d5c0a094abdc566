"""Which presentation contexts an association has: deciding them, and reading a peer's decision.

``negotiate`` answers a request by a policy: the first syntax *in the requestor's order* that we can
take (a device offers what it has stored first; PS3.8 leaves the choice to the acceptor), unknown
classes refused one by one, never the association.  ``outcome`` reads an answer to our own request.
Both give decisions that explain themselves in a line each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.protocols.dicom.associate import AssociateAC, AssociateRQ
from gateway.protocols.dicom.items import (
    MAX_CONTEXTS,
    AnsweredContext,
    ContextResult,
    ProposedContext,
)
from gateway.protocols.dicom.policy import Policy
from gateway.protocols.dicom.settings import Settings
from gateway.protocols.dicom.sop_classes import SOP_CLASSES, class_name, may_be_storage
from gateway.protocols.dicom.transfer_syntaxes import IMPLICIT_LE, syntax_name
from gateway.protocols.dicom.uid import is_valid_uid
from gateway.protocols.dicom.user_information import RoleSelection, UserInformation
from gateway.protocols.errors import LocalProtocolError

_SHOWN: Final = 8  # offered syntaxes in a line
_SHORT_LIST: Final = 4  # syntaxes a refusal may list
REASONS: Final[Mapping[ContextResult, str]] = {
    ContextResult.USER_REJECTION: "role or use not supported",
    ContextResult.NO_REASON: "no reason given",
    ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED: "class not supported",
    ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED: "no usable transfer syntax",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One context: what was proposed, what became of it, and who may play which role."""

    context: ProposedContext
    result: ContextResult
    transfer_syntax: str = ""
    requestor_scu: bool = True
    requestor_scp: bool = False
    note: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the context can be used."""
        return self.result is ContextResult.ACCEPTED

    def explain(self) -> str:
        """One plain line; holds nothing but names, UIDs and reasons."""
        offered = [syntax_name(uid) for uid in self.context.transfer_syntaxes[:_SHOWN]]
        more = len(self.context.transfer_syntaxes) - _SHOWN
        names = ", ".join(offered) + (f" and {more} more" if more > 0 else "")
        head = f"ctx {self.context.id} {class_name(self.context.abstract_syntax)}: "
        if self.accepted:
            fate = f"accepted as {syntax_name(self.transfer_syntax)}"
        else:
            fate = f"refused, {REASONS[self.result]}"
        note = f"; {self.note}" if self.note else ""
        return f"{head}{fate} (offered {names or 'nothing'}){note}"


@dataclass(frozen=True, slots=True)
class Negotiation:
    """The decisions of an association, in the order proposed."""

    decisions: tuple[Decision, ...]

    def explain(self) -> tuple[str, ...]:
        """For each context why it was accepted or refused."""
        return tuple(decision.explain() for decision in self.decisions)

    @property
    def accepted(self) -> tuple[Decision, ...]:
        """The contexts that can be used."""
        return tuple(decision for decision in self.decisions if decision.accepted)


def negotiate(request: AssociateRQ, policy: Policy) -> Negotiation:
    """What the policy says to each context of a request."""
    roles = {role.sop_class: role for role in request.user.roles}
    return Negotiation(
        tuple(
            _decide(context, policy, roles.get(context.abstract_syntax))
            for context in request.contexts
        )
    )


def _decide(context: ProposedContext, policy: Policy, role: RoleSelection | None) -> Decision:
    if context.id % 2 == 0:
        return Decision(context, ContextResult.NO_REASON, note="its id is even")
    accepted = policy.acceptance(context.abstract_syntax)
    if accepted is None:
        note = _unknown_note(context.abstract_syntax)
        return Decision(context, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, note=note)
    wanted_scu, wanted_scp = (role.scu, role.scp) if role else (True, False)
    scu, scp = wanted_scu and accepted.requestor_scu, wanted_scp and accepted.requestor_scp
    if not (scu or scp):
        note = "the requestor would be SCP" if wanted_scp else "the requestor would be SCU"
        return Decision(context, ContextResult.USER_REJECTION, "", scu, scp, note)
    for syntax in context.transfer_syntaxes:
        if syntax in accepted.transfer_syntaxes:
            note = _accepted_note(context, policy, scp=scp)
            return Decision(context, ContextResult.ACCEPTED, syntax, scu, scp, note)
    note = _syntaxes_note(accepted.transfer_syntaxes)
    return Decision(context, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, note=note)


def _unknown_note(abstract_syntax: str) -> str:
    if abstract_syntax in SOP_CLASSES:
        return "that service is off here"
    if may_be_storage(abstract_syntax):
        return "could be stored as it comes, if this device's policy lists it"
    return ""


def _syntaxes_note(taken: frozenset[str]) -> str:
    if len(taken) > _SHORT_LIST:
        return ""
    return "it takes " + ", ".join(sorted(syntax_name(uid) for uid in taken))


def _accepted_note(context: ProposedContext, policy: Policy, *, scp: bool) -> str:
    if policy.is_opaque(context.abstract_syntax):
        return "stored as it comes, not understood"
    return "the requestor may be SCP" if scp else ""


def answers(negotiation: Negotiation) -> tuple[AnsweredContext, ...]:
    """The decisions as they go into an A-ASSOCIATE-AC."""
    return tuple(
        AnsweredContext(decision.context.id, decision.result, _answered_syntax(decision))
        for decision in negotiation.decisions
    )


def _answered_syntax(decision: Decision) -> str:
    """Of a refused context the syntax counts for nothing but must be there: the first offered."""
    if decision.accepted:
        return decision.transfer_syntax
    first = decision.context.transfer_syntaxes[:1]
    return first[0] if first and is_valid_uid(first[0]) else IMPLICIT_LE


def role_answers(request: AssociateRQ, negotiation: Negotiation) -> tuple[RoleSelection, ...]:
    """Roles for each class that asked for some and has an accepted context."""
    usable = {decision.context.abstract_syntax: decision for decision in negotiation.accepted}
    return tuple(
        RoleSelection(role.sop_class, decision.requestor_scu, decision.requestor_scp)
        for role in {role.sop_class: role for role in request.user.roles}.values()
        if (decision := usable.get(role.sop_class))
    )


def propose(
    called: str,
    calling: str,
    contexts: Iterable[tuple[str, Sequence[str]]],
    *,
    roles: Iterable[RoleSelection] = (),
    settings: Settings | None = None,
) -> AssociateRQ:
    """A request with contexts 1, 3, 5, ... for (abstract syntax, transfer syntaxes)."""
    proposed = tuple(
        ProposedContext(2 * n + 1, abstract, tuple(syntaxes))
        for n, (abstract, syntaxes) in enumerate(contexts)
    )
    if not 0 < len(proposed) <= MAX_CONTEXTS:
        raise LocalProtocolError(f"an association has 1 to {MAX_CONTEXTS} contexts")
    ours = settings or Settings()
    user = UserInformation(
        max_length=ours.max_pdu_length,
        implementation_class_uid=ours.implementation_class_uid,
        implementation_version=ours.implementation_version,
        roles=tuple(roles),
    )
    return AssociateRQ(called, calling, proposed, user)


def outcome(request: AssociateRQ, answer: AssociateAC) -> Negotiation:
    """What an acceptor made of our request; an answer we cannot use counts as a refusal."""
    given = {context.id: context for context in answer.contexts}
    asked = {role.sop_class: role for role in request.user.roles}
    roles = {role.sop_class: role for role in answer.user.roles if role.sop_class in asked}
    return Negotiation(
        tuple(
            _read_decision(context, given.get(context.id), _granted(context, asked, roles))
            for context in request.contexts
        )
    )


def _granted(
    context: ProposedContext,
    asked: Mapping[str, RoleSelection],
    given: Mapping[str, RoleSelection],
) -> tuple[bool, bool]:
    """Roles of ours: what we asked for and got; without an answer we are SCU (PS3.7 D.3.3.4)."""
    role = given.get(context.abstract_syntax)
    if role is None:
        return True, False
    wanted = asked[context.abstract_syntax]
    return wanted.scu and role.scu, wanted.scp and role.scp


def _read_decision(
    context: ProposedContext, answer: AnsweredContext | None, roles: tuple[bool, bool]
) -> Decision:
    if answer is None:
        return Decision(context, ContextResult.NO_REASON, note="the acceptor did not answer it")
    if answer.result is not ContextResult.ACCEPTED:
        return Decision(context, answer.result)
    if answer.transfer_syntax not in context.transfer_syntaxes:
        note = f"accepted as {syntax_name(answer.transfer_syntax)}, which we did not offer"
        return Decision(context, ContextResult.NO_REASON, note=note)
    note = "we may be SCP" if roles[1] else ""
    return Decision(context, ContextResult.ACCEPTED, answer.transfer_syntax, *roles, note)
