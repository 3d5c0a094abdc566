"""What an EHR's message asks for, as values: the closed set ``Change``.

A message is read completely before anything is changed; what it asks for is then done in one
transaction (``gateway.orders.registry``).  ``None`` means that the message did not say; an empty
string that it wants the value erased (HL7 ``""``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class OrderStatus(StrEnum):
    """The life of an order.  ``DONE`` takes a rerun, ``CANCELLED`` and ``EXPIRED`` nothing."""

    ACTIVE = "active"
    IN_PROGRESS = "in-progress"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    HELD = "held"

    @property
    def open(self) -> bool:
        """Whether a result may be filed under it."""
        return self in (OrderStatus.ACTIVE, OrderStatus.IN_PROGRESS, OrderStatus.DONE)

    @property
    def wanted(self) -> bool:
        """Whether a device should be told to do it."""
        return self is OrderStatus.ACTIVE


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """A number of a patient and who assigned it (``""`` where the message does not say)."""

    value: str
    authority: str = ""
    type: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as a message describes them.  ``name`` is family^given^..., ``birth_date`` ISO."""

    identifiers: tuple[Identifier, ...]
    name: str | None = None
    birth_date: str | None = None
    sex: str | None = None

    def __repr__(self) -> str:
        return f"Person({len(self.identifiers)} identifiers)"


@dataclass(frozen=True, slots=True)
class SpecimenData:
    barcode: str
    type: str | None = None
    collected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImagingStep:
    """A scheduled procedure step, as a worklist row needs it."""

    step: str
    accession: str
    requested_procedure: str
    study_uid: str | None = None
    modality: str | None = None
    station: str | None = None
    location: str | None = None
    ae_title: str | None = None
    scheduled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderData:
    """One ordered test or procedure (an OBR); ``placer`` and ``placer_namespace`` are ORC-2."""

    placer: str
    placer_namespace: str
    code: str
    text: str | None = None
    system: str | None = None
    filler: str | None = None
    group: str | None = None
    priority: str | None = None
    status: OrderStatus = OrderStatus.ACTIVE
    ordered_at: datetime | None = None
    visit: str | None = None
    patient_class: str | None = None
    provider: tuple[str, ...] = ()
    specimens: tuple[SpecimenData, ...] = ()
    imaging: tuple[ImagingStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Register:
    """ADT A01, A04, A08, A31: this is what is known of the patient now."""

    person: Person


@dataclass(frozen=True, slots=True)
class Discharge:
    """ADT A03.  Orders stay: results of a patient who went home are still theirs."""

    person: Person


@dataclass(frozen=True, slots=True)
class Merge:
    """ADT A40: ``prior`` numbers are dead from now on and lead to the patient of ``person``."""

    person: Person
    prior: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A new order, or the present state of one (ORC-1 NW, XO, RO, PA, CH)."""

    person: Person
    order: OrderData


@dataclass(frozen=True, slots=True)
class StatusChange:
    """ORC-1 CA, DC, OC, RP, RU, HD, SC: of the order, or without ``code`` of all of that number."""

    placer: str
    placer_namespace: str
    code: str | None
    status: OrderStatus = OrderStatus.CANCELLED


Change = Register | Discharge | Merge | Place | StatusChange
