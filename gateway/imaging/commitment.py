"""Storage commitment (PS3.4 annex J): requests and reports as values, and as data sets.

A request names instances under a transaction UID; a report says for each whether it is safe, and
for those that are not why.  ``Unreadable`` for a data set that names no transaction or instance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from gateway.imaging.datasets import Unreadable, items, new, sequence, text, unchecked
from gateway.protocols.dicom import is_valid_uid

if TYPE_CHECKING:
    from pydicom import Dataset

REQUEST_COMMITMENT: Final = 1  # action type
ALL_SAFE: Final = 1  # event types
SOME_FAILED: Final = 2
MOST: Final = 20_000


class Failure(IntEnum):
    """Failure Reason (0008,1197)."""

    PROCESSING = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    CLASS_CONFLICT = 0x0119
    CLASS_NOT_SUPPORTED = 0x0122
    DUPLICATE_TRANSACTION = 0x0131
    RESOURCES = 0x0213


SENT: Final = (
    Failure.PROCESSING,
    Failure.NO_SUCH_INSTANCE,
    Failure.CLASS_CONFLICT,
    Failure.DUPLICATE_TRANSACTION,
)
"""Those we give; the others only come from archives."""


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """An instance by class and UID."""

    sop_class: str
    uid: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a requestor wants to be kept."""

    transaction: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The answer.  ``failed``: the others, each with its reason (one we may not know)."""

    transaction: str
    safe: tuple[Reference, ...]
    failed: tuple[tuple[Reference, int], ...] = ()

    @property
    def event_type(self) -> int:
        return SOME_FAILED if self.failed else ALL_SAFE


def read_request(data_set: Dataset) -> Request:
    """An N-ACTION's data set."""
    references = _references(data_set, "ReferencedSOPSequence")
    if not references:
        raise Unreadable("it names no instance")
    if len(references) > MOST:
        raise Unreadable(f"it names more than {MOST} instances")
    return Request(_transaction(data_set), tuple(dict.fromkeys(references)))


def write_request(request: Request) -> Dataset:
    """For an N-ACTION of ours."""
    found = new()
    with unchecked():
        found.TransactionUID = request.transaction
        found.ReferencedSOPSequence = sequence(_item(one) for one in request.references)
    return found


def read_report(data_set: Dataset) -> Report:
    """An N-EVENT-REPORT's data set."""
    safe = _references(data_set, "ReferencedSOPSequence")
    failed = [
        (_reference(item), _reason(text(item, "FailureReason")))
        for item in items(data_set, "FailedSOPSequence")
    ]
    return Report(_transaction(data_set), tuple(safe), tuple(failed))


def write_report(report: Report, retrieve_ae: str) -> Dataset:
    """For an N-EVENT-REPORT of ours."""
    found = new()
    with unchecked():
        found.TransactionUID = report.transaction
        found.RetrieveAETitle = retrieve_ae
        if report.safe:
            found.ReferencedSOPSequence = sequence(_item(one) for one in report.safe)
        if report.failed:
            found.FailedSOPSequence = sequence(_failed(one, why) for one, why in report.failed)
    return found


def split(request: Request, reasons: Iterable[tuple[Reference, int | None]]) -> Report:
    """The report for a request whose instances were looked at."""
    found: Sequence[tuple[Reference, int | None]] = tuple(reasons)
    return Report(
        request.transaction,
        tuple(one for one, why in found if why is None),
        tuple((one, why) for one, why in found if why is not None),
    )


def _transaction(data_set: Dataset) -> str:
    uid = text(data_set, "TransactionUID")
    if not is_valid_uid(uid):
        raise Unreadable("it has no transaction UID")
    return uid


def _references(data_set: Dataset, keyword: str) -> list[Reference]:
    return [_reference(item) for item in items(data_set, keyword)]


def _reference(item: Dataset) -> Reference:
    found = Reference(text(item, "ReferencedSOPClassUID"), text(item, "ReferencedSOPInstanceUID"))
    if not is_valid_uid(found.uid):
        raise Unreadable("an instance without a UID")
    return found


def _reason(value: str) -> int:
    return int(value) if value.isdigit() else Failure.PROCESSING


def _item(reference: Reference) -> Dataset:
    item = new()
    item.ReferencedSOPClassUID = reference.sop_class
    item.ReferencedSOPInstanceUID = reference.uid
    return item


def _failed(reference: Reference, reason: int) -> Dataset:
    item = _item(reference)
    item.FailureReason = reason
    return item
