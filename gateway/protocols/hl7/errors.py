"""What a reader of HL7 v2 refuses: bytes in which no message can be recognised at all."""

from __future__ import annotations

from gateway.protocols.errors import RemoteProtocolError


class Unreadable(RemoteProtocolError):
    """Not an HL7 v2 message; ``reason`` is a kind, never text of the peer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
