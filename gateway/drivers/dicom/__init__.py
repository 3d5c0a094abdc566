"""The DICOM node: associations in and out, and the services that answer on them."""

from gateway.drivers.dicom.service import (
    Answer,
    AssociationOver,
    AssociationRefused,
    Caller,
    Dialogue,
    Exchange,
    Payload,
    Provider,
)

__all__ = [
    "Answer",
    "AssociationOver",
    "AssociationRefused",
    "Caller",
    "Dialogue",
    "Exchange",
    "Payload",
    "Provider",
]
