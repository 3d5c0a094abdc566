"""The C-STORE sub-operations of a C-MOVE or C-GET, counted (PS3.4 C.4.2.1.6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gateway.imaging import datasets
from gateway.protocols.dicom import Category, CGetRQ, CGetRSP, CMoveRQ, CMoveRSP, Status

if TYPE_CHECKING:
    from pydicom import Dataset


class Progress:
    """How far it is."""

    def __init__(self, total: int) -> None:
        self.remaining = total
        self.completed = 0
        self.warnings = 0
        self.failed: list[str] = []
        self._done: set[str] = set()

    def add(self, uid: str, outcome: Category) -> None:
        """One more is done."""
        self._done.add(uid)
        self.remaining -= 1
        match outcome:
            case Category.SUCCESS:
                self.completed += 1
            case Category.WARNING:
                self.warnings += 1
            case _:
                self.failed.append(uid)

    def give_up(self, uids: Iterable[str]) -> None:
        """Those that are not done will not be."""
        for uid in uids:
            if uid not in self._done:
                self.add(uid, Category.FAILURE)

    @property
    def status(self) -> Status:
        """The final one.  Success is for those that all went without a warning."""
        if not self.failed and not self.warnings:
            return Status.SUCCESS
        if self.completed or self.warnings:
            return Status.SUBOPERATIONS_COMPLETE_WITH_FAILURES
        return Status.UNABLE_TO_PERFORM_SUBOPERATIONS

    def response(self, request: CMoveRQ | CGetRQ, status: Status) -> CMoveRSP | CGetRSP:
        """With the counters; what remains is told only while something may."""
        return request.response(
            status,
            remaining=self.remaining if status in (Status.PENDING, Status.CANCEL) else None,
            completed=self.completed,
            failed=len(self.failed),
            warning=self.warnings,
        )

    def failed_list(self) -> Dataset | None:
        """Failed SOP Instance UID List, if there are any."""
        if not self.failed:
            return None
        found = datasets.new()
        found.FailedSOPInstanceUIDList = list(self.failed)
        return found
