"""What the two ends of a LIS3 line tell their caller, beside the events of every language."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.protocols.events import MessageDamaged, MessageIncomplete, MessageReceived


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The peer has taken our last message."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What was asked for has not come.  ``accept()`` asks again, ``refuse()`` gives it up."""

    sequence: str
    tries: int


@dataclass(frozen=True, slots=True)
class Requested:
    """Device role: the host wants a sample; ``accept()`` gives the bytes that send it."""

    sequence: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """Device role: the host acknowledged the data of a sample."""

    sequence: str


HostEvent = MessageReceived | MessageDamaged | MessageIncomplete | Acknowledged | Unanswered
DeviceEvent = MessageReceived | MessageDamaged | MessageIncomplete | Requested | Delivered
