"""The DICOM node: associations in and out, and the services that answer on them."""

from gateway.drivers.dicom.blocks import Blocks
from gateway.drivers.dicom.callers import Address, Callers, Stranger, Unit, address_of
from gateway.drivers.dicom.client import Called, Remote, associate, echo
from gateway.drivers.dicom.node import Node
from gateway.drivers.dicom.routing import Routing
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
from gateway.drivers.dicom.storage import Storage

__all__ = [
    "Address",
    "Answer",
    "AssociationOver",
    "AssociationRefused",
    "Blocks",
    "Called",
    "Caller",
    "Callers",
    "Dialogue",
    "Exchange",
    "Node",
    "Payload",
    "Provider",
    "Remote",
    "Routing",
    "Storage",
    "Stranger",
    "Unit",
    "address_of",
    "associate",
    "echo",
]
