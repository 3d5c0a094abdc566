"""What the two ends of a POCT1-A conversation tell their caller.

``MessageReceived`` waits for ``accept()`` or ``refuse()``, ``MessageDamaged`` for ``refuse()``; the
others wait for nothing.  After an ``Acknowledged`` the caller writes what ``advance()`` gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.protocols.events import MessageDamaged, MessageIncomplete
from gateway.protocols.poct1a.build import Verdict
from gateway.protocols.poct1a.message import Kind, Message


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """*Answer.*  ``expected``: whether the conversation was at the point for it."""

    message: Message
    expected: bool = True

    @property
    def kind(self) -> Kind:
        return self.message.kind

    @property
    def raw(self) -> bytes:
        return self.message.raw


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The peer answered our message ``control_id``.

    ``warning``: it was accepted, and yet an error code stands in the answer.
    """

    control_id: str
    verdict: Verdict
    error: str | None = None
    expected: bool = True
    note: str = field(default="", repr=False)

    @property
    def warning(self) -> bool:
        return self.verdict is Verdict.ACCEPTED and self.error not in (None, "0")


class Ending(StrEnum):
    """Why a conversation is over."""

    CLOSED = "closed"  # END, acknowledged
    PEER = "peer"  # the peer sent END
    ESCAPED = "escaped"  # the peer sent ESC outside any topic
    TIMEOUT = "timeout"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Ended:
    """The conversation is over; hang up."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Silent:
    """Continuous mode: nothing was heard for a while.  ``advance()`` now gives a keep-alive."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Device role: the manager acknowledged the observation or event offered as ``key``."""

    key: str


ManagerEvent = MessageReceived | MessageDamaged | MessageIncomplete | Acknowledged | Silent | Ended
DeviceEvent = (
    MessageReceived | MessageDamaged | MessageIncomplete | Acknowledged | Delivered | Ended
)
