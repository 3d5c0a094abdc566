"""The composite (C-) DIMSE messages (PS3.7 9.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gateway.protocols.dicom.message import CommandField, DataSet, Priority, Request, Response
from gateway.protocols.dicom.sop_classes import VERIFICATION


@dataclass(frozen=True, slots=True, kw_only=True)
class CEchoRSP(Response):
    """C-ECHO-RSP."""

    command_field: ClassVar[CommandField] = CommandField.C_ECHO_RSP


@dataclass(frozen=True, slots=True, kw_only=True)
class CEchoRQ(Request):
    """C-ECHO-RQ."""

    command_field: ClassVar[CommandField] = CommandField.C_ECHO_RQ
    affected_sop_class_uid: str = VERIFICATION

    def response(self, status: int) -> CEchoRSP:
        """The answer to this request."""
        return CEchoRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.affected_sop_class_uid,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CStoreRSP(Response):
    """C-STORE-RSP."""

    command_field: ClassVar[CommandField] = CommandField.C_STORE_RSP
    affected_sop_instance_uid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CStoreRQ(Request):
    """C-STORE-RQ.  The move originator is set when a C-MOVE caused it."""

    command_field: ClassVar[CommandField] = CommandField.C_STORE_RQ
    data_set: ClassVar[DataSet] = DataSet.ALWAYS
    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    priority: Priority = Priority.MEDIUM
    move_originator_ae_title: str | None = None
    move_originator_message_id: int | None = None

    def response(self, status: int, *, error_comment: str | None = None) -> CStoreRSP:
        """The answer to this request."""
        return CStoreRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.affected_sop_class_uid,
            affected_sop_instance_uid=self.affected_sop_instance_uid,
            error_comment=error_comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CFindRSP(Response):
    """C-FIND-RSP; a pending one carries a match."""

    command_field: ClassVar[CommandField] = CommandField.C_FIND_RSP
    data_set: ClassVar[DataSet] = DataSet.MAY


@dataclass(frozen=True, slots=True, kw_only=True)
class CFindRQ(Request):
    """C-FIND-RQ."""

    command_field: ClassVar[CommandField] = CommandField.C_FIND_RQ
    data_set: ClassVar[DataSet] = DataSet.ALWAYS
    affected_sop_class_uid: str
    priority: Priority = Priority.MEDIUM

    def response(self, status: int, *, error_comment: str | None = None) -> CFindRSP:
        """One answer to this request."""
        return CFindRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.affected_sop_class_uid,
            error_comment=error_comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Suboperations(Response):
    """What C-MOVE-RSP and C-GET-RSP share: how many C-STOREs are done and to do."""

    data_set: ClassVar[DataSet] = DataSet.MAY  # the failed SOP instance UID list
    number_of_remaining_suboperations: int | None = None
    number_of_completed_suboperations: int | None = None
    number_of_failed_suboperations: int | None = None
    number_of_warning_suboperations: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CMoveRSP(Suboperations):
    """C-MOVE-RSP."""

    command_field: ClassVar[CommandField] = CommandField.C_MOVE_RSP


@dataclass(frozen=True, slots=True, kw_only=True)
class CMoveRQ(Request):
    """C-MOVE-RQ."""

    command_field: ClassVar[CommandField] = CommandField.C_MOVE_RQ
    data_set: ClassVar[DataSet] = DataSet.ALWAYS
    affected_sop_class_uid: str
    move_destination: str
    priority: Priority = Priority.MEDIUM

    def response(
        self,
        status: int,
        *,
        remaining: int | None = None,
        completed: int | None = None,
        failed: int | None = None,
        warning: int | None = None,
        error_comment: str | None = None,
    ) -> CMoveRSP:
        """One answer to this request, with the sub-operations so far."""
        return CMoveRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.affected_sop_class_uid,
            number_of_remaining_suboperations=remaining,
            number_of_completed_suboperations=completed,
            number_of_failed_suboperations=failed,
            number_of_warning_suboperations=warning,
            error_comment=error_comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CGetRSP(Suboperations):
    """C-GET-RSP."""

    command_field: ClassVar[CommandField] = CommandField.C_GET_RSP


@dataclass(frozen=True, slots=True, kw_only=True)
class CGetRQ(Request):
    """C-GET-RQ."""

    command_field: ClassVar[CommandField] = CommandField.C_GET_RQ
    data_set: ClassVar[DataSet] = DataSet.ALWAYS
    affected_sop_class_uid: str
    priority: Priority = Priority.MEDIUM

    def response(
        self,
        status: int,
        *,
        remaining: int | None = None,
        completed: int | None = None,
        failed: int | None = None,
        warning: int | None = None,
        error_comment: str | None = None,
    ) -> CGetRSP:
        """One answer to this request, with the sub-operations so far."""
        return CGetRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.affected_sop_class_uid,
            number_of_remaining_suboperations=remaining,
            number_of_completed_suboperations=completed,
            number_of_failed_suboperations=failed,
            number_of_warning_suboperations=warning,
            error_comment=error_comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CCancelRQ:
    """C-CANCEL-RQ: stop a C-FIND, C-MOVE or C-GET.  It has no response of its own."""

    command_field: ClassVar[CommandField] = CommandField.C_CANCEL_RQ
    data_set: ClassVar[DataSet] = DataSet.NEVER
    message_id_being_responded_to: int
