"""The data manager's end (observation reviewer) of a POCT1-A conversation.

The device dials and says HEL, then DST, each acknowledged; then the manager takes its steps, one at
a time: requests (the device answers with messages and EOT), lists, directives, continuous mode,
END.  Whatever the device sends is raised and acknowledged only by ``accept()``, whether the table
of states expects it or not: a result that comes at an odd moment is still a result.

Not verified against the standard's text, and chosen so that the harmless side errs: an EOT is
acknowledged (switchable), an ESC and a patient request are not; an ESC ends the topic at hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.events import Cutoff, MessageIncomplete
from gateway.protocols.poct1a.build import Verdict, batches, group, leaf
from gateway.protocols.poct1a.events import Acknowledged, Ended, Ending, Silent
from gateway.protocols.poct1a.message import Identity, Kind, Message, identity, kind_of
from gateway.protocols.poct1a.plan import (
    KEEP_ALIVE,
    Close,
    Listing,
    Mode,
    Request,
    Send,
    Step,
    usual_steps,
)
from gateway.protocols.poct1a.session import Session, answer_of, patience
from gateway.protocols.poct1a.splitter import MAX_MESSAGE
from gateway.protocols.poct1a.stream import Wrapping
from gateway.protocols.poct1a.xml import Element

DEFAULT_MAX_MESSAGE: Final = 16_384


class State(Enum):
    """Where the conversation is."""

    HELLO = auto()  # waits for HEL
    STATUS = auto()  # waits for DST
    READY = auto()  # the next step is ours
    TOPIC = auto()  # a request is being answered
    CONTINUOUS = auto()  # the device sends when it likes
    ENDED = auto()


_ANY: Final = {Kind.END: State.ENDED}
_TABLE: Final[dict[State, dict[Kind, State]]] = {
    State.HELLO: {Kind.HELLO: State.STATUS} | _ANY,
    State.STATUS: {Kind.STATUS: State.READY} | _ANY,
    State.READY: {Kind.KEEP_ALIVE: State.READY, Kind.ESCAPE: State.READY} | _ANY,
    State.TOPIC: {
        Kind.OBSERVATION: State.TOPIC,
        Kind.EVENTS: State.TOPIC,
        Kind.VENDOR: State.TOPIC,
        Kind.KEEP_ALIVE: State.TOPIC,
        Kind.END_OF_TOPIC: State.READY,
        Kind.ESCAPE: State.READY,
    }
    | _ANY,
    State.CONTINUOUS: {
        kind: State.CONTINUOUS
        for kind in Kind
        if kind not in (Kind.HELLO, Kind.ACKNOWLEDGMENT, Kind.END)
    }
    | _ANY,
    State.ENDED: {},
}
_UNANSWERED: Final = (Kind.ESCAPE, Kind.REQUEST, Kind.PATIENT_CHECK)


@dataclass(frozen=True, slots=True)
class _Open:
    """What we sent and the device has not finished answering."""

    control_id: str
    step: Step


class DataManager(Session[Acknowledged | Silent]):
    """The host's end of one connection.

    ``mode`` chooses the steps after the status; ``step`` adds others.  After every event write what
    ``accept()``, ``refuse()`` or (for those that wait for nothing) ``advance()`` gives.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        mode: Mode = Mode.AUTO,
        acknowledge_end_of_topic: bool = True,
        wrapping: Wrapping = Wrapping.AUTO,
        limit: int = MAX_MESSAGE,
        first_id: int = 1,
    ) -> None:
        super().__init__(clock, wrapping=wrapping, limit=limit, first_id=first_id)
        self._mode = mode
        self._acknowledge_eot = acknowledge_end_of_topic
        self._steps: deque[Step] = deque()
        self._lists: tuple[Listing, ...] = ()
        self._open: _Open | None = None
        self.state = State.HELLO
        self.device = Identity()

    def give(self, lists: Iterable[Listing]) -> None:
        """Lists for the device, sent after its observations were asked for; before the status is
        accepted.  One with an entry that is larger than the device's messages is left out: its
        results matter more."""
        self._lists = tuple(one for one in lists if self.fits(one))

    @property
    def listing(self) -> bool:
        """Whether a part of a list waits for the device's acknowledgment."""
        match self._open:
            case _Open(step=Send(name=name)):
                return kind_of(name) in (Kind.OPERATORS, Kind.PATIENTS)
        return False

    def fits(self, listing: Listing) -> bool:
        """Whether every entry fits a message of this device."""
        try:
            self._parts(listing)
        except LocalProtocolError:
            return False
        return True

    def step(self, step: Step) -> bytes:
        """Adds a step; the bytes to write now, if the line is free."""
        self._steps.append(step)
        return self.advance()

    def answer(self, step: Send | Listing) -> bytes:
        """Like ``step``, before all others: what a device waits for (a patient, a list)."""
        self._steps.appendleft(step)
        return self.advance()

    def accept(self) -> bytes:
        """The acknowledgment of the message just given, and the next step if it is ours."""
        received = self._taken()
        kind = received.kind
        silent = kind in _UNANSWERED or (kind is Kind.END_OF_TOPIC and not self._acknowledge_eot)
        answer = b"" if silent else self._acknowledge(received.control_id or "", Verdict.ACCEPTED)
        self._follow(received)
        return answer + self.advance()

    def advance(self) -> bytes:
        """The bytes of the next step, if nothing is open and there is one."""
        if self._open is not None or self.state not in (State.READY, State.CONTINUOUS):
            return b""
        return self._begin(self._steps.popleft()) if self._steps else b""

    def expire(self) -> Silent | MessageIncomplete | Ended | None:
        """Nothing was heard for ``timeout`` seconds."""
        if self.timeout is None:
            return None
        if (rest := self._stream.give_up(Cutoff.TIMEOUT)) is not None:
            return rest
        if self.state is State.CONTINUOUS and self._open is None:
            self._steps.appendleft(KEEP_ALIVE)
            return Silent()
        return self._finish(Ending.TIMEOUT)

    def _expects(self, received: Message) -> bool:
        return received.kind in _TABLE[self.state]

    def _follow(self, received: Message) -> None:
        """Moves to the state the message leads to."""
        kind, before = received.kind, self.state
        self.state = State.STATUS if kind is Kind.HELLO else _TABLE[before].get(kind, before)
        match kind:
            case Kind.HELLO:
                self._greeted(received)
            case Kind.STATUS if before is State.STATUS:
                *asked, last = usual_steps(self.device, received, self._mode)
                self._steps.extend((*asked, *self._lists, last))
            case Kind.END_OF_TOPIC if before is State.TOPIC:
                self._open = None
            case Kind.ESCAPE:
                self._escaped()
            case Kind.END:
                self._pending.append(self._finish(Ending.PEER))

    def _greeted(self, hello: Message) -> None:
        """A HEL begins the conversation, also when one was under way."""
        self.device = identity(hello)
        self._patience = patience(self.device.timeout)
        self._open = None
        self._steps.clear()

    def _escaped(self) -> None:
        if self._open is None:
            self._pending.append(self._finish(Ending.ESCAPED))
        self._open = None

    def _begin(self, step: Step) -> bytes:
        match step:
            case Request(code):
                self.state = State.TOPIC
                return self._sent(step, "REQ.R01", group("REQ", leaf("REQ.request_cd", code)))
            case Send(name, body):
                return self._sent(step, name, *body)
            case Listing():
                self._steps.extendleft(reversed(self._parts(step)))
                return self.advance()
            case Close(reason, note):
                text = leaf("TRM.note_txt", note) if note else None
                trm = group("TRM", leaf("TRM.reason_cd", reason), text)
                return self._sent(step, "END.R01", trm)

    def _parts(self, listing: Listing) -> list[Step]:
        room = self.device.max_message or DEFAULT_MAX_MESSAGE
        cut = batches(listing.name, listing.entries, room, max_entries=listing.max_entries)
        eot = group("EOT", leaf("EOT.topic_cd", listing.topic.value))
        return [*(Send(listing.name, batch) for batch in cut), Send("EOT.R01", (eot,))]

    def _sent(self, step: Step, name: str, *body: Element) -> bytes:
        control_id, raw = self._write(name, *body)
        self._open = _Open(control_id, step)
        return raw

    def _acknowledged(self, received: Message) -> Acknowledged:
        event = answer_of(received, self._open.control_id if self._open else None)
        if self._open is not None and event.expected:
            self._settle(self._open.step, event.verdict)
        return event

    def _settle(self, step: Step, verdict: Verdict) -> None:
        refused = verdict is Verdict.ERROR
        match step:
            case Request():
                if not refused:
                    return  # some acknowledge the request before they answer it
                self.state = State.READY
            case Send(starts_continuous=True):
                self.state = State.READY if refused else State.CONTINUOUS
                if refused:
                    self._steps.append(Close())
            case Close():
                self._pending.append(self._finish(Ending.CLOSED))
        self._open = None

    def _finish(self, ending: Ending) -> Ended:
        self.state = State.ENDED
        return self._end(ending)
