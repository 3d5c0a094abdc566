"""Which DIMSE operations are open in either direction.

Every request gets exactly one final response: a second one, or one to nothing, is our own mistake
when we send it and a ``Violation`` when the peer does.
"""

from __future__ import annotations

from gateway.protocols.dicom.dimse import Received, Sendable, is_response, message_id_of
from gateway.protocols.dicom.errors import Violation
from gateway.protocols.dicom.message import Refusal, Request, Response, Unrecognized
from gateway.protocols.dicom.status import is_final
from gateway.protocols.errors import LocalProtocolError


class Ledger:
    """Open requests, theirs (``owed``) and ours (``awaited``), by message id."""

    def __init__(self, max_outstanding: int) -> None:
        self.owed: list[int] = []
        self.awaited: list[int] = []
        self._max = max_outstanding
        self._last_id = 0

    def next_id(self) -> int:
        """A message id that none of our open requests uses: 1 to 65535."""
        self._last_id = self._last_id % 0xFFFF + 1
        while self._last_id in self.awaited:
            self._last_id = self._last_id % 0xFFFF + 1
        return self._last_id

    def received(self, message: Received) -> None:
        """Books a message of the peer."""
        if isinstance(message, Request | Unrecognized):
            if len(self.owed) >= self._max:
                raise Violation(f"{self._max} requests wait for a response already", limit=True)
            self.owed.append(message.message_id)
        elif isinstance(message, Response):
            self._close(self.awaited, message, Violation("a response to no open request"))

    def sent(self, message: Sendable) -> None:
        """Books a message of ours, before it goes out."""
        if is_response(message):
            mistake = LocalProtocolError(f"no request {message_id_of(message)} is open")
            self._close(self.owed, message, mistake)
        elif isinstance(message, Request):
            self._open(message.message_id)

    def _open(self, message_id: int) -> None:
        if message_id in self.awaited:
            raise LocalProtocolError(f"message id {message_id} is in use")
        self.awaited.append(message_id)

    @staticmethod
    def _close(
        open_ids: list[int], message: Sendable | Received, mistake: Violation | LocalProtocolError
    ) -> None:
        message_id = message_id_of(message)
        if message_id not in open_ids:
            raise mistake
        if isinstance(message, Response | Refusal) and is_final(message.status):
            open_ids.remove(message_id)
