"""Association requests that were read and decided before: a unit asks the same for every image.

A request proposes up to 128 contexts with a dozen transfer syntaxes each; reading, deciding and
answering them all again for each still takes longer than receiving it.  Nothing is kept of a
request that carries credentials, and no more than ``KEPT`` requests of ``LONGEST`` bytes.
"""

from __future__ import annotations

from typing import Final

from gateway.protocols.dicom.associate import AssociateRQ
from gateway.protocols.dicom.establishing import Agreement, agree
from gateway.protocols.dicom.framing import PduType
from gateway.protocols.dicom.negotiation import negotiate
from gateway.protocols.dicom.pdu import Pdu, decode_body
from gateway.protocols.dicom.policy import Policy
from gateway.protocols.dicom.settings import Settings

KEPT: Final = 64
LONGEST: Final = 16 * 1024  # bytes


class Familiar:
    """Shared by the associations of one node, whose ``settings`` they have."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._requests: dict[bytes, AssociateRQ] = {}
        self._agreements: dict[int, tuple[AssociateRQ, Policy, Agreement]] = {}

    def read(self, kind: PduType, body: bytes) -> Pdu:
        """``decode_body``; the same bytes give the same value."""
        if kind is not PduType.ASSOCIATE_RQ:
            return decode_body(kind, body)
        known = self._requests.get(body)
        if known is not None:
            return known
        request = AssociateRQ.decode(body)
        if len(body) <= LONGEST and request.user.identity is None:
            self._make_room()
            self._requests[body] = request
        return request

    def agreement(self, request: AssociateRQ, policy: Policy) -> Agreement:
        """What the policy makes of a request, ready to be sent."""
        known = self._agreements.get(id(request))
        if known is not None and known[0] is request and known[1] is policy:
            return known[2]
        agreement = agree(request, negotiate(request, policy), self._settings)
        if any(request is one for one in self._requests.values()):
            self._agreements[id(request)] = (request, policy, agreement)
        return agreement

    def _make_room(self) -> None:
        if len(self._requests) >= KEPT:
            self._requests.clear()
            self._agreements.clear()
