"""Which services the node stands for, before it runs: what its statement and its check say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.config import UltrasoundSection
from gateway.drivers.dicom.services.commitment import StorageCommitment
from gateway.drivers.dicom.services.commitment_report import CommitmentReports
from gateway.drivers.dicom.services.procedure_step import PerformedProcedureStep
from gateway.drivers.dicom.services.retrieve import Retrieve
from gateway.drivers.dicom.services.worklist import Worklist
from gateway.drivers.dicom.verification import Verification
from gateway.protocols.dicom import Policy, Service, Status


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind of provider, as far as it is known without making one."""

    services: frozenset[Service]
    statuses: tuple[Status, ...]


OFFERS: Final = (
    Offer(Verification.services, Verification.statuses),
    Offer(Worklist.services, Worklist.statuses),
    Offer(PerformedProcedureStep.services, PerformedProcedureStep.statuses),
    Offer(StorageCommitment.services, StorageCommitment.statuses),
    Offer(CommitmentReports.services, CommitmentReports.statuses),
    Offer(Retrieve.services, Retrieve.statuses),
)
SERVICES: Final = frozenset({Service.STORAGE}).union(*(offer.services for offer in OFFERS))


def offered() -> Policy:
    """What every configured unit may use."""
    return Policy.offering(SERVICES)


def offered_to(units: Mapping[str, UltrasoundSection]) -> Mapping[str, Policy]:
    """The same for each unit, with what is stored for it without being understood."""
    policy = offered()
    return {name: policy.with_opaque(unit.private_classes) for name, unit in units.items()}
