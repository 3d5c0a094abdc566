"""What an HL7 conversation with an analyzer tells its caller.

*Answer*: the next event comes only after ``accept()``, ``refuse()`` or (queries) ``reply()``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.protocols.events import MessageDamaged, MessageIncomplete
from gateway.protocols.hl7 import AcknowledgmentCode, ErrorCode
from gateway.protocols.hl7device.header import Header
from gateway.protocols.hl7device.queries import Query


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """*Answer.*  Results, or anything else that is neither question nor answer."""

    header: Header = field(repr=False)
    raw: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """``ORU^R01``."""
        return f"{self.header.type}^{self.header.trigger}"


@dataclass(frozen=True, slots=True)
class QueryReceived:
    """*Answer*, by ``reply(...)`` with messages built for it, or ``refuse()``: no order."""

    query: Query = field(repr=False)
    raw: bytes = field(repr=False)

    @property
    def ids(self) -> tuple[str, ...]:
        return self.query.ids


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The peer answered our message ``control_id``.

    ``final``: nothing more will come for it.  ``expected``: we had sent it and waited.  ``raw`` is
    the whole answer, which may carry more (RSP, ORR, ORL).
    """

    control_id: str
    code: AcknowledgmentCode
    error: ErrorCode | None = None
    final: bool = True
    expected: bool = True
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """*Answer.*  Our message got no answer: ``accept()`` sends it again, ``refuse()`` gives up."""

    control_id: str
    tries: int


Event = (
    MessageReceived | QueryReceived | MessageDamaged | MessageIncomplete | Acknowledged | Unanswered
)
