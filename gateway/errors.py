"""What can go wrong, sorted by who must act.

::

    GatewayError
    +-- ConfigurationError   the person who wrote the file; every mistake is a line of its own
    +-- StreamError          IT: the pipe
    |   +-- StreamUnavailable    it cannot be opened now; try again later
    |   +-- StreamClosed         it was open and is gone (unplugged, reset, peer dead)
    +-- StoreError           IT: the disk.  Nothing may be acknowledged until it is well again
    |   +-- StoreFull            no room
    |   +-- StoreInUse           another process has it open
    |   +-- StoreFailed          an I/O error; what was in flight is in doubt
    |   +-- StoreCorrupt         a row is not what was written
    +-- DeliveryError        the destination
    |   +-- Unreachable          nothing left us; try for ever
    |   +-- Ambiguous            it may have arrived; say the same bytes again
    |   +-- Refused              it said no; a person decides

Protocol errors live in ``gateway.protocols.errors``.  A message of an error never holds text from
a device or a destination's answer that could name a patient: it says position, kind and count.
"""

from __future__ import annotations

import os
from collections.abc import Sequence


class GatewayError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigurationError(GatewayError):
    """The configuration cannot be used.  ``mistakes`` holds one readable line for each."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class StreamError(GatewayError):
    """A byte stream failed."""


class StreamUnavailable(StreamError):
    """The stream cannot be opened now."""


class StreamClosed(StreamError):
    """The stream was open and is gone."""


class StoreError(GatewayError):
    """What must be on disk is not."""


class StoreFull(StoreError):
    """No room left."""


class StoreInUse(StoreError):
    """Another process has it: a gateway, or a command for a moment."""


class StoreFailed(StoreError):
    """The disk reported an error; the store must be reopened before it may promise anything."""


class StoreCorrupt(StoreError):
    """A stored row does not match its hash."""


class DeliveryError(GatewayError):
    """A destination did not take a message."""


class Unreachable(DeliveryError):
    """Nothing was sent: retry for ever."""


class Ambiguous(DeliveryError):
    """Something was sent and no usable answer came: resend the same bytes."""


class Refused(DeliveryError):
    """The destination answered no.

    ``again`` says whether a few more tries make sense; ``stop`` whether the whole lane must wait
    for a person because every message would be refused alike.
    """

    def __init__(self, reason: str, *, again: bool = False, stop: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.stop = stop


def said(error: OSError) -> str:
    """The system's words alone: some libraries put theirs around them."""
    known = error.errno is not None and error.errno > 0
    return (os.strerror(error.errno or 0) if known else error.strerror or "error").lower()
