"""Storage SCP: the status of a C-STORE, decided by what became of its bytes (PS3.4 B.2.3).

0000 only when file, folder and index are on disk.  No room: A700, and the next one may fit.  What
cannot be read (C000) or is not what its command announced (A900) is kept in quarantine all the
same; so are other bytes under a known UID, whose status the site decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.archive import Archive, Filed, Offered, Reception, Verdict
from gateway.drivers.dicom.service import Caller
from gateway.notices import InstanceQuarantined, Notice
from gateway.protocols.dicom import Context, CStoreRQ, Status

_STATUSES: Final[Mapping[Verdict, Status]] = MappingProxyType(
    {
        Verdict.STORED: Status.SUCCESS,
        Verdict.DUPLICATE: Status.SUCCESS,
        Verdict.RESTORED: Status.SUCCESS,
        Verdict.MISMATCH: Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS,
        Verdict.UNREADABLE: Status.CANNOT_UNDERSTAND,
    }
)


NO_ROOM: Final = Status.OUT_OF_RESOURCES
"""The answer while disk or index take nothing."""


def statuses(*, refuse_conflicts: bool) -> Mapping[Verdict, Status]:
    """The answer by what became of the bytes; the site decides that of a conflict."""
    conflict = Status.DUPLICATE_SOP_INSTANCE if refuse_conflicts else Status.SUCCESS
    return MappingProxyType({**_STATUSES, Verdict.CONFLICT: conflict})


class Storage:
    """``filed`` hears of every study that changed."""

    def __init__(
        self,
        archive: Archive,
        *,
        post: Callable[[Notice], None],
        refuse_conflicts: bool = True,
        filed: Callable[[Filed], None] = lambda _: None,
    ) -> None:
        self.archive = archive
        self._post = post
        self._filed = filed
        self._statuses = statuses(refuse_conflicts=refuse_conflicts)

    def reception(self, caller: Caller, context: Context, request: CStoreRQ) -> Reception:
        return self.archive.receive(
            Offered(
                request.affected_sop_class_uid,
                request.affected_sop_instance_uid,
                context.transfer_syntax,
                caller.device,
                caller.ae_title,
                caller.called,
                caller.host,
            )
        )

    def status(self, filed: Filed) -> Status:
        """The answer."""
        return self._statuses[filed.verdict]

    def tell(self, caller: Caller, filed: Filed) -> None:
        """Everybody who should hears of it; the sender need not wait for that."""
        if filed.verdict in (Verdict.CONFLICT, Verdict.MISMATCH, Verdict.UNREADABLE):
            self._post(InstanceQuarantined(caller.device or "", filed.verdict.value))
        self._filed(filed)
