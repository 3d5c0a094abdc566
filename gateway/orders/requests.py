"""ORC, OBR and what hangs on them, to placed and cancelled orders.

The order number is OBR-2, else ORC-2; the test OBR-4.  Barcodes are SPM-2 and SAC-3/SAC-4; where
a message names no specimen, the label is the order's own number (filler and placer).  An imaging
order has IPC segments, or in ORM a ZDS segment or an imaging section in OBR-24.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from gateway.orders.errors import missing, wrong
from gateway.orders.fields import entity, moment, number_at, value
from gateway.orders.fitting import ORDER_NUMBER, Spot, fitting, step_id
from gateway.orders.model import (
    Change,
    ImagingStep,
    OrderData,
    OrderStatus,
    Person,
    Place,
    SpecimenData,
    StatusChange,
)
from gateway.protocols.hl7 import ErrorCode, Segment

_PLACE = frozenset(("NW", "RO", "XO", "XX", "PA", "CH", "SN", "RL", "RF", "UX"))
_CANCEL = frozenset(("CA", "DC", "OC", "OD", "CR", "RP", "RU"))
_STATUSES = {
    "CM": OrderStatus.DONE,
    "CA": OrderStatus.CANCELLED,
    "DC": OrderStatus.CANCELLED,
    "RP": OrderStatus.CANCELLED,
    "IP": OrderStatus.IN_PROGRESS,
    "SC": OrderStatus.ACTIVE,
    "HD": OrderStatus.HELD,
    "A": OrderStatus.IN_PROGRESS,
}
_MODALITIES = frozenset(
    ("CR", "CT", "DX", "ES", "IVUS", "MG", "MR", "NM", "OT", "PT", "RF", "US", "XA", "RUS", "RAD")
)


@dataclass(slots=True)
class _Request:
    """One order group while its segments arrive."""

    orc: Segment | None
    number: int
    obr: Segment | None = None
    timing: Segment | None = None
    specimens: list[Segment] = field(default_factory=list)
    images: list[Segment] = field(default_factory=list)
    study: Segment | None = None


class Requests:
    """Takes a message's segments in order; ``changes`` is what they ask for."""

    def __init__(
        self, who: Person, visit: Segment | None, zone: tzinfo, *, specimen_first: bool
    ) -> None:
        self._who = who
        self._visit = visit
        self._zone = zone
        self._specimen_first = specimen_first
        self._specimens: list[Segment] = []
        self._requests: list[_Request] = []
        self._ordering = False

    @property
    def count(self) -> int:
        return len(self._requests)

    def take(self, segment: Segment) -> None:
        match segment.name:
            case "ORC":
                self._begin(_Request(segment, self.count + 1))
            case "OBR":
                self._observe(segment)
            case "SPM" | "SAC" if self._specimen_first:
                self._specimen_ahead(segment)
            case "TQ1" | "SPM" | "SAC" | "IPC" | "ZDS" if self._requests:
                self._attach(self._requests[-1], segment)
            case _:
                pass

    def _begin(self, request: _Request) -> None:
        if self._specimen_first:
            request.specimens = list(self._specimens)
        self._requests.append(request)
        self._ordering = True

    def _observe(self, obr: Segment) -> None:
        """An OBR of its own belongs to the ORC before it, as do further ones."""
        if not self._requests:
            raise missing("ORC")
        if self._requests[-1].obr is not None:
            self._begin(_Request(self._requests[-1].orc, self.count + 1))
        self._requests[-1].obr = obr

    def _specimen_ahead(self, segment: Segment) -> None:
        if segment.name == "SPM" and self._ordering:
            self._specimens = []
            self._ordering = False
        self._specimens.append(segment)

    def _attach(self, request: _Request, segment: Segment) -> None:
        match segment.name:
            case "TQ1":
                request.timing = segment
            case "IPC":
                request.images.append(segment)
            case "ZDS":
                request.study = segment
            case _:
                request.specimens.append(segment)

    def changes(self) -> Iterator[Change]:
        for request in self._requests:
            yield self._change(request)

    def _change(self, request: _Request) -> Change:
        orc = request.orc
        control = (value(orc, 1) or "").upper() if orc else ""
        if orc is None or not control:
            raise missing("ORC", 1, request.number)
        placer = (request.obr and entity(request.obr, 2)) or entity(orc, 2)
        if placer is None:
            raise missing("ORC", 2, request.number)
        if control in _CANCEL:
            return StatusChange(*placer, _code(request))
        if control == "HD":
            return StatusChange(*placer, _code(request), OrderStatus.HELD)
        if control == "SC":
            return self._status_change(orc, placer, request)
        if control not in _PLACE:
            raise wrong(ErrorCode.TABLE_VALUE, "ORC", 1, request.number)
        return Place(self._who, self._order(request, orc, placer))

    def _status_change(self, orc: Segment, placer: tuple[str, str], request: _Request) -> Change:
        status = _STATUSES.get((value(orc, 5) or "").upper())
        if status is None:
            raise wrong(ErrorCode.TABLE_VALUE, "ORC", 5, request.number)
        return StatusChange(*placer, _code(request), status)

    def _order(self, request: _Request, orc: Segment, placer: tuple[str, str]) -> OrderData:
        obr, code = _required(request)
        filler = entity(obr, 3) or entity(orc, 3)
        group = entity(orc, 4)
        return OrderData(
            *placer,
            code=code,
            text=value(obr, 4, 2) or None,
            system=value(obr, 4, 3) or None,
            filler=filler[0] if filler else None,
            group=group[0] if group else None,
            priority=self._priority(request, orc, obr),
            status=_STATUSES.get((value(orc, 5) or "").upper(), OrderStatus.ACTIVE),
            ordered_at=moment(orc, 9, self._zone),
            visit=self._visited(19),
            patient_class=self._visited(2),
            provider=_provider(obr, 16) or _provider(orc, 12),
            specimens=tuple(self._labels(request, obr, placer, filler)),
            imaging=tuple(self._imaging(request, obr, placer)),
        )

    def _visited(self, number: int) -> str | None:
        return value(self._visit, number) or None if self._visit else None

    def _priority(self, request: _Request, orc: Segment, obr: Segment) -> str | None:
        found = (value(request.timing, 9) if request.timing else None) or value(obr, 27, 6)
        return found or value(orc, 7, 6) or value(obr, 5) or None

    def _labels(
        self,
        request: _Request,
        obr: Segment,
        placer: tuple[str, str],
        filler: tuple[str, str] | None,
    ) -> Iterator[SpecimenData]:
        found = False
        kind: str | None = None
        collected: datetime | None = None
        for segment in request.specimens:
            if segment.name == "SPM":
                kind = value(segment, 4) or value(segment, 4, 2)
                collected = moment(segment, 17, self._zone)
                numbers = [number_at(segment, 2, component) for component in (1, 2)]
            else:
                numbers = [number_at(segment, 3), number_at(segment, 4)]
            for number in dict.fromkeys(n for n in numbers if n):
                found = True
                yield SpecimenData(number, kind or None, collected)
        if not found:
            kind, collected = value(obr, 15) or None, moment(obr, 7, self._zone)
            for number in dict.fromkeys((filler[0] if filler else placer[0], placer[0])):
                yield SpecimenData(number, kind, collected)

    def _imaging(
        self, request: _Request, obr: Segment, placer: tuple[str, str]
    ) -> Iterator[ImagingStep]:
        begins = self._begins(request, obr)
        for number, ipc in enumerate(request.images, start=1):
            step = ImagingStep(
                step=value(ipc, 4) or step_id(placer[0], number, len(request.images)),
                accession=value(ipc, 1) or placer[0],
                requested_procedure=value(ipc, 2) or placer[0],
                study_uid=value(ipc, 3) or None,
                modality=value(ipc, 5) or None,
                station=value(ipc, 7) or None,
                location=value(ipc, 8) or None,
                ae_title=value(ipc, 9) or None,
                scheduled_at=begins,
            )
            yield fitting(
                step,
                number,
                accession=_place(ipc, 1),
                procedure=_place(ipc, 2),
                step_at=_place(ipc, 4),
                study=("IPC", 3),
            )
        modality = (value(obr, 24) or "").upper()
        if not request.images and (request.study is not None or modality in _MODALITIES):
            step = ImagingStep(
                step=value(obr, 20) or placer[0],
                accession=value(obr, 18) or placer[0],
                requested_procedure=value(obr, 19) or placer[0],
                study_uid=value(request.study, 1) or None if request.study else None,
                modality={"RUS": "US", "RAD": None}.get(modality, modality or None),
                scheduled_at=begins,
            )
            yield fitting(
                step,
                request.number,
                accession=_place(obr, 18),
                procedure=_place(obr, 19),
                step_at=_place(obr, 20),
                study=("ZDS", 1),
            )

    def _begins(self, request: _Request, obr: Segment) -> datetime | None:
        timing = request.timing
        return (
            (moment(timing, 7, self._zone) if timing else None)
            or moment(obr, 36, self._zone)
            or moment(obr, 27, self._zone, 4)
            or (moment(request.orc, 7, self._zone, 4) if request.orc else None)
        )


def _code(request: _Request) -> str | None:
    """The test asked for: the code of OBR-4, or its name where there is no code."""
    obr = request.obr
    return (value(obr, 4) or value(obr, 4, 2) or None) if obr else None


def _required(request: _Request) -> tuple[Segment, str]:
    code = _code(request)
    if request.obr is None:
        raise missing("OBR", None, request.number)
    if code is None:
        raise missing("OBR", 4, request.number)
    return request.obr, code


def _provider(segment: Segment, number: int) -> tuple[str, ...]:
    """XCN: its first components, as far as there are any."""
    parts = [part.strip()[:100] for part in segment.components(number)[:9]]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _place(segment: Segment, field: int) -> Spot:
    """Where a number of a procedure stands: in its field, else it is the order's."""
    return (segment.name, field) if value(segment, field) else ORDER_NUMBER
