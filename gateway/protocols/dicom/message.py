"""What all DIMSE messages share (PS3.7 9.3 and 10.3).

A message is the typed form of a command set; its field names are the standard's element names.  Its
data set, if any, travels beside it and is never part of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import ClassVar

from gateway.protocols.dicom.command_set import CommandSet
from gateway.protocols.dicom.status import Status


class CommandField(IntEnum):
    """Which message it is (PS3.7 table E.1-1)."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_GET_RQ = 0x0110
    N_GET_RSP = 0x8110
    N_SET_RQ = 0x0120
    N_SET_RSP = 0x8120
    N_ACTION_RQ = 0x0130
    N_ACTION_RSP = 0x8130
    N_CREATE_RQ = 0x0140
    N_CREATE_RSP = 0x8140
    C_CANCEL_RQ = 0x0FFF


RESPONSE_BIT = 0x8000


class Priority(IntEnum):
    """Priority of a composite request."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


class DataSet(Enum):
    """Whether a message has a data set."""

    NEVER = "never"
    MAY = "may"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A message that wants a response."""

    command_field: ClassVar[CommandField]
    data_set: ClassVar[DataSet] = DataSet.NEVER
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A message that answers one.  ``error_comment``: 64 characters, no patient data."""

    command_field: ClassVar[CommandField]
    data_set: ClassVar[DataSet] = DataSet.NEVER
    message_id_being_responded_to: int
    status: int
    affected_sop_class_uid: str | None = None
    offending_element: tuple[int, ...] | None = None
    error_comment: str | None = field(default=None, repr=False)
    error_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A failure response to a request we could not read, whatever it was."""

    data_set: ClassVar[DataSet] = DataSet.NEVER
    command_field: int
    message_id_being_responded_to: int
    status: int
    affected_sop_class_uid: str | None = None
    error_comment: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecognized:
    """A request that is none we know, or lacks what it must have.  It still wants a response."""

    command_field: int
    message_id: int
    status: Status  # the one to answer with
    reason: str
    command: CommandSet

    def response(self, *, error_comment: str | None = None) -> Refusal:
        """The answer the standard asks for."""
        return Refusal(
            command_field=self.command_field | RESPONSE_BIT,
            message_id_being_responded_to=self.message_id,
            status=self.status,
            error_comment=error_comment,
        )
