"""What a peer can do wrong on a DICOM association, and the codes PS3.8 has for saying so.

``Violation`` is the peer's fault and ends the association; ``limit`` marks claims beyond our caps,
after which not one more byte is read.  Texts hold positions, kinds and counts only.
"""

from __future__ import annotations

from enum import IntEnum

from gateway.protocols.errors import RemoteProtocolError


class AbortSource(IntEnum):
    """Who initiated an A-ABORT (PS3.8 table 9-26)."""

    SERVICE_USER = 0
    RESERVED = 1
    SERVICE_PROVIDER = 2


class AbortReason(IntEnum):
    """Why, when the service provider initiated it (PS3.8 table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    RESERVED = 3
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER_VALUE = 6


class Violation(RemoteProtocolError):
    """The peer broke PS3.7 or PS3.8 beyond repair."""

    def __init__(
        self,
        detail: str,
        reason: AbortReason = AbortReason.INVALID_PARAMETER_VALUE,
        *,
        limit: bool = False,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason
        self.limit = limit
