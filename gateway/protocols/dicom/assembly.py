"""Fragments to DIMSE messages (PS3.7 6.3, PS3.8 annex E): commands whole, data sets in passing.

One message at a time: a command's fragments, then its data set's, all of one context; anything else
is a ``Violation``.  Nothing of a data set is kept unless ``collect`` asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.protocols.dicom.command_set import CommandSet
from gateway.protocols.dicom.dimse import has_data_set, message_id_of, read_message
from gateway.protocols.dicom.errors import AbortReason, Violation
from gateway.protocols.dicom.events import (
    CommandReceived,
    Context,
    DataReceived,
    MessageReceived,
)
from gateway.protocols.dicom.message import Request, Unrecognized
from gateway.protocols.dicom.reader import Fragment
from gateway.protocols.errors import LocalProtocolError


class Assembler:
    """Feed it fragments; it gives an event, or None when there is nothing to say yet."""

    def __init__(self, contexts: Mapping[int, Context], max_command_length: int) -> None:
        self._contexts = contexts
        self._max_command = max_command_length
        self._command = bytearray()
        self._context_id: int | None = None  # of the message under way
        self._awaited: CommandReceived | None = None  # whose data set is under way
        self._message_id = 0
        self._touched = False  # some of the data set was given out
        self._collected: bytearray | None = None
        self._limit = 0

    @property
    def in_message(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._context_id is not None

    @property
    def incomplete_request(self) -> int | None:
        """Message id of the request whose data set is still coming."""
        if self._awaited and isinstance(self._awaited.message, Request | Unrecognized):
            return self._message_id
        return None

    def collect(self, limit: int) -> None:
        """Gives the data set of the command just received in one piece, at most ``limit`` bytes."""
        if self._awaited is None or self._touched:
            raise LocalProtocolError("no data set is about to come")
        self._collected, self._limit = bytearray(), limit

    @property
    def passing(self) -> int | None:
        """The context of the data set under way that is given out in pieces."""
        return self._context_id if self._awaited and self._collected is None else None

    def touch(self) -> None:
        """Some of the data set was given out past ``add``."""
        self._touched = True

    def add(self, piece: Fragment) -> CommandReceived | DataReceived | MessageReceived | None:
        """The next fragment, or a piece of it."""
        if piece.context_id != self._context_id:
            self._begin(piece)
        if self._awaited is not None:
            if piece.command:
                raise Violation("a command within a data set", AbortReason.UNEXPECTED_PARAMETER)
            return self._add_data(self._awaited, piece)
        if not piece.command:
            raise Violation("a data set without a command", AbortReason.UNEXPECTED_PARAMETER)
        return self._add_command(piece)

    def _begin(self, piece: Fragment) -> None:
        if self._context_id is not None:
            raise Violation("a message changes its context", AbortReason.UNEXPECTED_PARAMETER)
        if piece.context_id not in self._contexts:
            raise Violation(f"context {piece.context_id} was not accepted")
        self._context_id = piece.context_id

    def _add_command(self, piece: Fragment) -> CommandReceived | None:
        if len(self._command) + len(piece.data) > self._max_command:
            raise Violation(f"a command of more than {self._max_command} bytes", limit=True)
        self._command += piece.data
        if not piece.last:
            return None
        command = CommandSet.decode(bytes(self._command))
        self._command.clear()
        event = CommandReceived(
            self._contexts[piece.context_id], read_message(command), has_data_set(command)
        )
        self._expect(event)
        return event

    def _expect(self, event: CommandReceived) -> None:
        if not event.has_data:
            self._context_id = None
            return
        self._awaited, self._touched = event, False
        self._message_id = message_id_of(event.message)

    def _add_data(
        self, awaited: CommandReceived, piece: Fragment
    ) -> DataReceived | MessageReceived | None:
        last, data = piece.last, piece.data
        self._touched = True
        if last:
            self._awaited = self._context_id = None
        if self._collected is not None:
            return self._add_collected(self._collected, awaited, piece)
        if not (data or last):
            return None
        return DataReceived(piece.context_id, self._message_id, data, last)

    def _add_collected(
        self, collected: bytearray, awaited: CommandReceived, piece: Fragment
    ) -> MessageReceived | None:
        if len(collected) + len(piece.data) > self._limit:
            raise Violation(f"a data set of more than {self._limit} bytes", limit=True)
        collected += piece.data
        if not piece.last:
            return None
        self._collected = None
        return MessageReceived(awaited.context, awaited.message, bytes(collected))
