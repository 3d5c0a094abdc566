"""Modality Worklist SCP (PS3.4 annex K).

Rows go out sorted by time, in the asking device's character set, always with (0008,0005).  A
station filter by AE title is the device's own choice (its key) or the site's (``filtered``).  A row
for no station in particular is everybody's: it is shown as scheduled at the one that asks, which
most units filter by, and which must have a value in an answer (table K.6-1, return key type 1).
Nothing found is Success.  Past ``most`` rows the answer ends with A700, so that nobody takes a cut
list for a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway import logs
from gateway.drivers.dicom.service import Caller, Exchange
from gateway.imaging import datasets, matching
from gateway.imaging.text import DEFAULT
from gateway.imaging.worklist import ScheduledStep, Unfit, WorklistSource, data_set
from gateway.protocols.dicom import AnyRequest, CFindRQ, Service, Status

if TYPE_CHECKING:
    from pydicom import Dataset

MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class View:
    """How a device sees the worklist.  ``filtered``: only rows meant for its AE title, or for
    nobody in particular."""

    character_set: str = DEFAULT
    filtered: bool = False


class Worklist:
    """A provider."""

    services = frozenset({Service.WORKLIST})
    statuses = (
        Status.SUCCESS,
        Status.PENDING,
        Status.CANCEL,
        Status.OUT_OF_RESOURCES,
        Status.CANNOT_UNDERSTAND,
    )
    data_set_limit = 65536

    def __init__(
        self, source: WorklistSource, views: Mapping[str, View], *, most: int = MOST
    ) -> None:
        self._source = source
        self._views = dict(views)
        self._most = most

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        if not isinstance(request, CFindRQ):
            return
        await datasets.ready()
        try:
            identifier = datasets.read(data_set or b"", exchange.context.transfer_syntax)
        except datasets.Unreadable as error:
            status = Status.CANNOT_UNDERSTAND
            await exchange.respond(request.response(status, error_comment=str(error)[:64]))
            return
        await self._answer(exchange, request, identifier)

    async def _answer(self, exchange: Exchange, request: CFindRQ, identifier: Dataset) -> None:
        rows = await self._source.rows()
        for sent, found in enumerate(self._matches(rows, identifier, exchange.caller)):
            if exchange.cancelled.is_set():
                await exchange.respond(request.response(Status.CANCEL))
                return
            if sent == self._most:
                comment = f"more than {sent} rows; ask for less"
                status = Status.OUT_OF_RESOURCES
                await exchange.respond(request.response(status, error_comment=comment))
                return
            content = datasets.write(found, exchange.context.transfer_syntax)
            await exchange.respond(request.response(Status.PENDING), content)
            await asyncio.sleep(0)
        await exchange.respond(request.response(Status.SUCCESS))

    def _matches(
        self, rows: Sequence[ScheduledStep], identifier: Dataset, caller: Caller
    ) -> Iterator[Dataset]:
        view = self._views.get(caller.device or "", View())
        unfit = 0
        for row in rows:
            if view.filtered and row.stations and caller.ae_title not in row.stations:
                continue
            here = row if row.stations else replace(row, stations=(caller.ae_title,))
            try:
                whole = data_set(here, view.character_set)
            except Unfit:
                unfit += 1
                continue
            if matching.matches(identifier, whole):
                found = matching.answer(identifier, whole)
                found.SpecificCharacterSet = view.character_set
                yield found
        if unfit:
            logs.get().warning(
                "worklist.unfit",
                device=caller.device,
                count=unfit,
                reason=f"identifiers with letters that {view.character_set} lacks",
            )
