"""Messages to P-DATA-TF units: small ones in one piece, large data sets unit by unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gateway.protocols.dicom.dimse import Sendable, write_message
from gateway.protocols.dicom.fragments import Buffer, fragments, stream_fragments
from gateway.protocols.dicom.message import DataSet
from gateway.protocols.errors import LocalProtocolError


class Sender:
    """``max_length``: the largest unit the peer takes, without its header."""

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length
        self.streaming = False

    def command(self, context_id: int, message: Sendable, *, has_data: bool) -> list[Buffer]:
        """The units of a command.  Refuses a data set too many or too few."""
        self.check_idle()
        if has_data and message.data_set is DataSet.NEVER:
            raise LocalProtocolError("this message has no data set")
        if not has_data and message.data_set is DataSet.ALWAYS:
            raise LocalProtocolError("this message needs a data set")
        data = write_message(message, has_data=has_data).encode()
        return fragments(context_id, data, self.max_length, command=True)

    def data_set(self, context_id: int, data_set: Buffer) -> list[Buffer]:
        """The units of a small data set."""
        return fragments(context_id, data_set, self.max_length)

    def stream(
        self,
        context_id: int,
        command: list[Buffer],
        buffers: Iterable[Buffer],
        length: int,
        alive: Callable[[], None],
    ) -> Iterator[list[Buffer]]:
        """A command, then a data set unit by unit; before each, ``alive`` may raise."""
        units = stream_fragments(context_id, buffers, length, self.max_length)
        self.streaming = True
        return self._units(command, units, alive)

    def check_idle(self) -> None:
        """Refuses while a data set is under way: nothing may come between its fragments."""
        if self.streaming:
            raise LocalProtocolError("a data set is still being sent")

    def _units(
        self, command: list[Buffer], units: Iterator[list[Buffer]], alive: Callable[[], None]
    ) -> Iterator[list[Buffer]]:
        alive()
        yield command
        for unit in units:
            alive()
            yield unit
        self.streaming = False
