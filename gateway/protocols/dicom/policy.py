"""What we are willing to speak, as a frozen value: classes, roles and transfer syntaxes.

A policy is made from services and, per device, from private or other classes that are stored opaque
(``opaque``: a UID, or a prefix ending in a point; never a standard class that stores nothing).  It
knows nothing of who is calling: the driver picks the policy for a caller, ``negotiate`` applies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.protocols.dicom.sop_classes import (
    MODALITY_WORKLIST_FIND,
    PERFORMED_PROCEDURE_STEP,
    SOP_CLASSES,
    STORAGE_COMMITMENT,
    STORAGE_UIDS,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    may_be_storage,
)
from gateway.protocols.dicom.transfer_syntaxes import STORABLE


class Service(StrEnum):
    """Services an acceptor may offer."""

    VERIFICATION = "verification"
    STORAGE = "storage"
    WORKLIST = "worklist"
    PROCEDURE_STEP = "procedure-step"
    COMMITMENT = "commitment"
    COMMITMENT_REPORT = "commitment-report"  # the peer commits and reports to us: it is the SCP
    RETRIEVE = "retrieve"  # study root FIND, MOVE and GET; GET stores back on the same association


_CLASSES: Final[Mapping[Service, frozenset[str]]] = MappingProxyType(
    {
        Service.VERIFICATION: frozenset({VERIFICATION}),
        Service.STORAGE: STORAGE_UIDS,
        Service.WORKLIST: frozenset({MODALITY_WORKLIST_FIND}),
        Service.PROCEDURE_STEP: frozenset({PERFORMED_PROCEDURE_STEP}),
        Service.COMMITMENT: frozenset({STORAGE_COMMITMENT}),
        Service.RETRIEVE: frozenset({STUDY_ROOT_FIND, STUDY_ROOT_MOVE, STUDY_ROOT_GET}),
    }
)
_REVERSED: Final[Mapping[Service, frozenset[str]]] = MappingProxyType(
    {
        Service.COMMITMENT_REPORT: frozenset({STORAGE_COMMITMENT}),
        Service.RETRIEVE: STORAGE_UIDS,
    }
)
"""Classes whose requestor may be the SCP: role selection (PS3.7 D.3.3.4)."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How one class is accepted, and which roles its requestor may play."""

    transfer_syntaxes: frozenset[str]
    requestor_scu: bool = True
    requestor_scp: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything an acceptor says yes to; whatever is not here is refused for its context."""

    classes: Mapping[str, Acceptance]
    opaque: tuple[str, ...] = ()

    @classmethod
    def offering(cls, services: Iterable[Service], *, opaque: Iterable[str] = ()) -> Policy:
        """The policy of a node that offers these services."""
        offered = frozenset(services)
        forward = _union(_CLASSES, offered)
        backward = _union(_REVERSED, offered)
        classes = {
            uid: Acceptance(SOP_CLASSES[uid].transfer_syntaxes, uid in forward, uid in backward)
            for uid in forward | backward
        }
        return cls(MappingProxyType(classes), tuple(opaque))

    def with_opaque(self, opaque: Iterable[str]) -> Policy:
        """The same, also storing these classes without understanding them."""
        return replace(self, opaque=(*self.opaque, *opaque))

    def acceptance(self, abstract_syntax: str) -> Acceptance | None:
        """How a class is accepted, or None: refuse it."""
        known = self.classes.get(abstract_syntax)
        if known is None and self.opaque and self.is_opaque(abstract_syntax):
            return OPAQUE
        return known

    def is_opaque(self, abstract_syntax: str) -> bool:
        """Whether a class is stored only because this device's policy lists it."""
        return may_be_storage(abstract_syntax) and any(
            abstract_syntax == uid or (uid.endswith(".") and abstract_syntax.startswith(uid))
            for uid in self.opaque
        )


OPAQUE: Final = Acceptance(STORABLE)


def _union(table: Mapping[Service, frozenset[str]], services: frozenset[Service]) -> frozenset[str]:
    return frozenset().union(*(table[service] for service in table if service in services))
