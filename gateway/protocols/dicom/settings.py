"""What one side of an association announces and puts up with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.protocols.dicom.timers import Timers
from gateway.protocols.errors import LocalProtocolError

IMPLEMENTATION_CLASS_UID: Final = "2.25.207596476805049573869486430508569089747"
IMPLEMENTATION_VERSION: Final = "BO_GATEWAY_0_1"
DEFAULT_PEER_LENGTH: Final = 16384  # when a peer does not say what it takes
MIN_PEER_LENGTH: Final = 32  # a peer that takes less cannot be spoken to


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes in bytes.  ``max_pdu_length`` is announced, and a P-DATA-TF beyond it ends everything.

    ``send_pdu_length`` bounds what we send to a peer that takes more, or any length.
    """

    max_pdu_length: int = 131072
    send_pdu_length: int = 131072
    max_associate_length: int = 262144
    max_command_length: int = 65536
    max_outstanding: int = 64  # requests of the peer that wait for our response
    receive_buffer: int = 262144
    implementation_class_uid: str = IMPLEMENTATION_CLASS_UID
    implementation_version: str = IMPLEMENTATION_VERSION
    timers: Timers = field(default_factory=Timers)

    def __post_init__(self) -> None:
        """Unlimited is nothing we ever announce."""
        if min(self.max_pdu_length, self.send_pdu_length) < MIN_PEER_LENGTH:
            raise LocalProtocolError(f"a maximum length below {MIN_PEER_LENGTH} bytes")
