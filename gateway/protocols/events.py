"""What a wire language that carries whole messages tells its driver, whatever the language.

``MessageReceived`` and ``Enquiry`` wait for ``accept()`` or ``refuse()``: the driver commits the
raw bytes first.  ``MessageDamaged`` waits for ``refuse()`` only, ``MessageIncomplete`` for nothing.
Their ``repr`` shows reasons, never bytes: those may name a patient.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Integrity(StrEnum):
    """Whether a check value of the device vouches for the bytes."""

    CHECKED = "checked"
    UNCHECKED = "unchecked"


class Damage(StrEnum):
    """Why bytes that look like a whole message are not one."""

    CHECKSUM = "checksum"
    LENGTH = "length"
    FORMAT = "format"
    OVERSIZE = "oversize"
    DOCTYPE = "doctype"
    DEPTH = "depth"


class Cutoff(StrEnum):
    """Why a message that began never ended."""

    TIMEOUT = "timeout"
    LOST = "connection-lost"
    RESTARTED = "restarted"


@dataclass(frozen=True, slots=True)
class Enquiry:
    """The peer asks whether it may go on; nothing of value in it."""

    raw: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A whole message, exactly as it came."""

    raw: bytes = field(repr=False)
    integrity: Integrity = Integrity.UNCHECKED

    @property
    def size(self) -> int:
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class MessageDamaged:
    """A message that must not be used; kept as evidence."""

    reason: Damage
    raw: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class MessageIncomplete:
    """The beginning of a message whose end never came; kept, never delivered."""

    reason: Cutoff
    raw: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.raw)


Event = Enquiry | MessageReceived | MessageDamaged | MessageIncomplete
