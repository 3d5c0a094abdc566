"""One C-STORE between its command and its answer, and what became of its bytes."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.archive import Arrived, Filed
from gateway.drivers.dicom.service import Caller
from gateway.drivers.dicom.storage import Storage
from gateway.errors import StoreError
from gateway.protocols.dicom import Context, CStoreRQ


@dataclass(frozen=True, slots=True)
class Outcome:
    """Without ``filed`` or ``error`` the sender went away before the end."""

    arrived: Arrived | None = None
    filed: Filed | None = None
    error: BaseException | None = None

    @property
    def ordinary(self) -> bool:
        """Whether it can be answered as it is, without another look at a file."""
        return self.error is None and (self.filed is None or self.filed.superfluous is None)


@dataclass(frozen=True, slots=True)
class Storing:
    """The request, who sent it, and where it goes."""

    storage: Storage
    caller: Caller
    context: Context
    request: CStoreRQ

    async def looked_into(self, outcome: Outcome) -> Filed | None:
        """What is not ordinary: a repetition, a failure.

        StoreError: it is not on disk and in the index, and must not be acknowledged.
        """
        archive, arrived = self.storage.archive, outcome.arrived
        if outcome.error is not None:
            if arrived is not None and isinstance(outcome.error, StoreError):
                await archive.turned_away(arrived, outcome.error)
            raise outcome.error
        if arrived is None or outcome.filed is None:
            return None
        return await archive.filed(arrived, outcome.filed)
