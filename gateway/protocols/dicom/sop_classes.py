"""SOP classes the gateway knows by name: what ultrasound units store, and the other services.

``content`` decides which transfer syntaxes a class may use; ``priority`` 0 is a must, 1 should,
2 may.  A class that is not here is refused for its context, or stored opaque where the device's
policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.protocols.dicom.transfer_syntaxes import (
    LITTLE_ENDIAN,
    STORABLE,
    UNCOMPRESSED,
    WITHOUT_PIXELS,
)
from gateway.protocols.dicom.uid import is_valid_uid, shown_uid

VERIFICATION: Final = "1.2.840.10008.1.1"
STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
MODALITY_WORKLIST_FIND: Final = "1.2.840.10008.5.1.4.31"
PERFORMED_PROCEDURE_STEP: Final = "1.2.840.10008.3.1.2.3.3"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
INSTANCE_AVAILABILITY: Final = "1.2.840.10008.5.1.4.33"

ULTRASOUND_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.6.1"
ULTRASOUND_MULTIFRAME: Final = "1.2.840.10008.5.1.4.1.1.3.1"
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
COMPREHENSIVE_SR: Final = "1.2.840.10008.5.1.4.1.1.88.33"
KEY_OBJECT_SELECTION: Final = "1.2.840.10008.5.1.4.1.1.88.59"


class Content(StrEnum):
    """What a class's data sets are."""

    IMAGE = "image"
    DOCUMENT = "document"  # reports, key objects, PDF, presentation states: no pixels
    RAW = "raw"
    DIALOGUE = "dialogue"  # worklist, procedure step, commitment, query
    NOTHING = "nothing"


SYNTAXES: Final[Mapping[Content, frozenset[str]]] = MappingProxyType(
    {
        Content.IMAGE: STORABLE,
        Content.DOCUMENT: WITHOUT_PIXELS,
        Content.RAW: STORABLE,
        Content.DIALOGUE: LITTLE_ENDIAN,
        Content.NOTHING: UNCOMPRESSED,
    }
)


@dataclass(frozen=True, slots=True)
class SopClass:
    """One class; ``name`` is short, for log lines."""

    uid: str
    name: str
    content: Content
    priority: int = 0

    @property
    def transfer_syntaxes(self) -> frozenset[str]:
        """What its data sets may travel in."""
        return SYNTAXES[self.content]


def _storage(suffix: str, name: str, content: Content, priority: int = 0) -> SopClass:
    return SopClass(f"1.2.840.10008.5.1.4.1.1.{suffix}", name, content, priority)


STORAGE_CLASSES: Final = (
    _storage("6.1", "US", Content.IMAGE),
    _storage("3.1", "US Multi-frame", Content.IMAGE),
    _storage("6", "US (retired)", Content.IMAGE),
    _storage("3", "US Multi-frame (retired)", Content.IMAGE),
    _storage("7", "Secondary Capture", Content.IMAGE),
    _storage("7.1", "Multi-frame Single Bit SC", Content.IMAGE),
    _storage("7.2", "Multi-frame Grayscale Byte SC", Content.IMAGE),
    _storage("7.3", "Multi-frame Grayscale Word SC", Content.IMAGE),
    _storage("7.4", "Multi-frame True Color SC", Content.IMAGE),
    _storage("88.11", "Basic Text SR", Content.DOCUMENT),
    _storage("88.22", "Enhanced SR", Content.DOCUMENT),
    _storage("88.33", "Comprehensive SR", Content.DOCUMENT),
    _storage("88.34", "Comprehensive 3D SR", Content.DOCUMENT),
    _storage("88.35", "Extensible SR", Content.DOCUMENT),
    _storage("88.59", "Key Object Selection", Content.DOCUMENT),
    _storage("6.2", "Enhanced US Volume", Content.IMAGE, 1),
    _storage("6.3", "Photoacoustic", Content.IMAGE, 1),
    _storage("104.1", "Encapsulated PDF", Content.DOCUMENT, 1),
    _storage("11.1", "Grayscale Presentation State", Content.DOCUMENT, 1),
    _storage("11.2", "Color Presentation State", Content.DOCUMENT, 1),
    _storage("77.1.4", "VL Photographic", Content.IMAGE, 1),
    _storage("77.1.4.1", "Video Photographic", Content.IMAGE, 1),
    _storage("77.1.2", "VL Microscopic", Content.IMAGE, 1),
    _storage("66", "Raw Data", Content.RAW, 2),
)

OTHER_CLASSES: Final = (
    SopClass(VERIFICATION, "Verification", Content.NOTHING),
    SopClass(MODALITY_WORKLIST_FIND, "Modality Worklist", Content.DIALOGUE),
    SopClass(PERFORMED_PROCEDURE_STEP, "MPPS", Content.DIALOGUE),
    SopClass(STORAGE_COMMITMENT, "Storage Commitment", Content.DIALOGUE),
    SopClass(STUDY_ROOT_FIND, "Study Root FIND", Content.DIALOGUE, 1),
    SopClass(STUDY_ROOT_MOVE, "Study Root MOVE", Content.DIALOGUE, 1),
    SopClass(STUDY_ROOT_GET, "Study Root GET", Content.DIALOGUE, 1),
    SopClass(INSTANCE_AVAILABILITY, "Instance Availability", Content.DIALOGUE, 2),
)

SOP_CLASSES: Final[Mapping[str, SopClass]] = MappingProxyType(
    {sop.uid: sop for sop in (*STORAGE_CLASSES, *OTHER_CLASSES)}
)
_STANDARD_ROOT: Final = "1.2.840.10008."
_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1."
STORAGE_UIDS: Final = frozenset(sop.uid for sop in STORAGE_CLASSES)


def may_be_storage(uid: str) -> bool:
    """Whether a class we do not know could be one that stores: private, or under that root."""
    if not is_valid_uid(uid) or uid in SOP_CLASSES:
        return False
    return uid.startswith(_STORAGE_ROOT) or not uid.startswith(_STANDARD_ROOT)


def class_name(uid: str) -> str:
    """The short name, or the UID where there is none."""
    known = SOP_CLASSES.get(uid)
    return known.name if known else shown_uid(uid)
