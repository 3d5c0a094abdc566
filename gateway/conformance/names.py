"""SOP classes, transfer syntaxes and statuses as the standard calls them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pydicom.uid import UID

from gateway.protocols.dicom import Status, category, meaning
from gateway.protocols.dicom.sop_classes import STORAGE_CLASSES, class_name
from gateway.protocols.dicom.transfer_syntaxes import (
    LITTLE_ENDIAN,
    STORABLE,
    TRANSFER_SYNTAXES,
    UNCOMPRESSED,
    WITHOUT_PIXELS,
    syntax_name,
)

_SETS: Sequence[tuple[frozenset[str], str]] = (
    (STORABLE, "all of the list below"),
    (WITHOUT_PIXELS, "uncompressed and deflated"),
    (UNCOMPRESSED, "uncompressed"),
    (LITTLE_ENDIAN, "Implicit and Explicit VR Little Endian"),
)
_ORDER = [sop.uid for sop in STORAGE_CLASSES]


def sop_class(uid: str) -> str:
    """The dictionary's name, or the short one where it has none."""
    known = UID(uid)
    name = class_name(uid) if known.name == uid else known.name
    return f"{name} (retired)" if known.is_retired else name


def transfer_syntax(uid: str) -> str:
    name = UID(uid).name
    return syntax_name(uid) if name == uid else name


def syntaxes(taken: Collection[str]) -> str:
    """A set by its name where it has one, else each of them."""
    for known, name in _SETS:
        if frozenset(taken) == known:
            return name
    return ", ".join(syntax_name(uid) for uid in TRANSFER_SYNTAXES if uid in taken)


def in_order(uids: Iterable[str]) -> list[str]:
    """Storage classes as their table has them, then the others by UID."""
    return sorted(uids, key=lambda uid: (_ORDER.index(uid) if uid in _ORDER else len(_ORDER), uid))


def status_row(status: Status) -> tuple[str, str, str]:
    """Code, kind and words."""
    code, _, words = meaning(status).partition(": ")
    return code, category(status).value, words
