"""The normalized (N-) DIMSE messages (PS3.7 10.3) that worklist, commitment and reports need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gateway.protocols.dicom.message import CommandField, DataSet, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class NEventReportRSP(Response):
    """N-EVENT-REPORT-RSP."""

    command_field: ClassVar[CommandField] = CommandField.N_EVENT_REPORT_RSP
    data_set: ClassVar[DataSet] = DataSet.MAY
    affected_sop_instance_uid: str | None = None
    event_type_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NEventReportRQ(Request):
    """N-EVENT-REPORT-RQ."""

    command_field: ClassVar[CommandField] = CommandField.N_EVENT_REPORT_RQ
    data_set: ClassVar[DataSet] = DataSet.MAY
    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    event_type_id: int

    def response(self, status: int, *, error_comment: str | None = None) -> NEventReportRSP:
        """The answer to this request."""
        return NEventReportRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.affected_sop_class_uid,
            affected_sop_instance_uid=self.affected_sop_instance_uid,
            event_type_id=self.event_type_id,
            error_comment=error_comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NGetRSP(Response):
    """N-GET-RSP."""

    command_field: ClassVar[CommandField] = CommandField.N_GET_RSP
    data_set: ClassVar[DataSet] = DataSet.MAY
    affected_sop_instance_uid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NGetRQ(Request):
    """N-GET-RQ; no attribute list means all."""

    command_field: ClassVar[CommandField] = CommandField.N_GET_RQ
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    attribute_identifier_list: tuple[int, ...] | None = None

    def response(self, status: int, *, error_comment: str | None = None) -> NGetRSP:
        """The answer to this request."""
        return NGetRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.requested_sop_class_uid,
            affected_sop_instance_uid=self.requested_sop_instance_uid,
            error_comment=error_comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NSetRSP(Response):
    """N-SET-RSP."""

    command_field: ClassVar[CommandField] = CommandField.N_SET_RSP
    data_set: ClassVar[DataSet] = DataSet.MAY
    affected_sop_instance_uid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NSetRQ(Request):
    """N-SET-RQ."""

    command_field: ClassVar[CommandField] = CommandField.N_SET_RQ
    data_set: ClassVar[DataSet] = DataSet.ALWAYS
    requested_sop_class_uid: str
    requested_sop_instance_uid: str

    def response(self, status: int, *, error_comment: str | None = None) -> NSetRSP:
        """The answer to this request."""
        return NSetRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.requested_sop_class_uid,
            affected_sop_instance_uid=self.requested_sop_instance_uid,
            error_comment=error_comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NActionRSP(Response):
    """N-ACTION-RSP."""

    command_field: ClassVar[CommandField] = CommandField.N_ACTION_RSP
    data_set: ClassVar[DataSet] = DataSet.MAY
    affected_sop_instance_uid: str | None = None
    action_type_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NActionRQ(Request):
    """N-ACTION-RQ."""

    command_field: ClassVar[CommandField] = CommandField.N_ACTION_RQ
    data_set: ClassVar[DataSet] = DataSet.MAY
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    action_type_id: int

    def response(self, status: int, *, error_comment: str | None = None) -> NActionRSP:
        """The answer to this request."""
        return NActionRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.requested_sop_class_uid,
            affected_sop_instance_uid=self.requested_sop_instance_uid,
            action_type_id=self.action_type_id,
            error_comment=error_comment,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NCreateRSP(Response):
    """N-CREATE-RSP."""

    command_field: ClassVar[CommandField] = CommandField.N_CREATE_RSP
    data_set: ClassVar[DataSet] = DataSet.MAY
    affected_sop_instance_uid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NCreateRQ(Request):
    """N-CREATE-RQ; without an instance UID the performer makes one and says so."""

    command_field: ClassVar[CommandField] = CommandField.N_CREATE_RQ
    data_set: ClassVar[DataSet] = DataSet.MAY
    affected_sop_class_uid: str
    affected_sop_instance_uid: str | None = None

    def response(
        self, status: int, *, instance_uid: str | None = None, error_comment: str | None = None
    ) -> NCreateRSP:
        """The answer to this request; ``instance_uid`` when the request had none."""
        return NCreateRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.affected_sop_class_uid,
            affected_sop_instance_uid=self.affected_sop_instance_uid or instance_uid,
            error_comment=error_comment,
        )
