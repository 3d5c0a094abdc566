"""What drives an association of PS3.8: bytes in, units through the state table, timers, the end.

``Association`` builds on it.  Units the state table refuses, bytes that are no unit and claims
beyond our caps all end the same way: one ``Aborted`` whose reply is the A-ABORT to write.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Final

from gateway.protocols.dicom.admission import STIMULI, admit
from gateway.protocols.dicom.associate import AssociateAC, AssociateRQ
from gateway.protocols.dicom.errors import AbortReason, AbortSource, Violation
from gateway.protocols.dicom.events import (
    Aborted,
    AssociationRejected,
    Cause,
    ConnectionLost,
    Event,
    Released,
    ReleaseRequested,
)
from gateway.protocols.dicom.fragments import Buffer
from gateway.protocols.dicom.framing import PDV_OVERHEAD, PduType
from gateway.protocols.dicom.pdu import Abort, AssociateRJ, Pdu
from gateway.protocols.dicom.reader import Fragment, Reader, Unit
from gateway.protocols.dicom.receive_buffer import ReceiveBuffer
from gateway.protocols.dicom.settings import Settings
from gateway.protocols.dicom.states import (
    CLOSES_TRANSPORT,
    TABLE,
    Action,
    State,
    Stimulus,
    step,
)
from gateway.protocols.dicom.timers import Clockwork, Timer, TimerName

_DATA: Final = PduType.P_DATA_TF
_DEAF: Final = frozenset({State.STA1, State.STA4, State.STA13})
_WAITING: Final = {
    State.STA2: TimerName.ARTIM,
    State.STA5: TimerName.ASSOCIATE,
    State.STA7: TimerName.RELEASE,
    State.STA10: TimerName.RELEASE,
    State.STA11: TimerName.RELEASE,
    State.STA13: TimerName.CLOSING,
}


class Role(Enum):
    """Which end of the association, whatever services are spoken on it."""

    REQUESTOR = "requestor"
    ACCEPTOR = "acceptor"


class UpperLayer(ABC):
    """Make one when the transport is open.  ``decode`` reads a unit's body."""

    def __init__(
        self,
        role: Role,
        settings: Settings | None,
        decode: Callable[[PduType, bytes], Pdu],
    ) -> None:
        self.role = role
        self._decode = decode
        self.settings = settings or Settings()
        self.must_close = False
        self._state = State.STA1
        self._buffer = ReceiveBuffer(self.settings.receive_buffer)
        self._reader = Reader(self._buffer, self._admit)
        self._clock = Clockwork(self.settings.timers)
        if role is Role.ACCEPTOR:
            self._step(Stimulus.TRANSPORT_INDICATED)

    @property
    def state(self) -> State:
        """Where PS3.8 9.2 says we are."""
        return self._state

    @property
    def in_message(self) -> bool:
        """Whether some but not all of a unit or message of the peer is here."""
        return self._reader.in_unit or self._within_message()

    def get_buffer(self, sizehint: int = -1) -> memoryview:
        """Where the transport may write next.  Ends the life of every view given out."""
        return self._buffer.writable()

    def buffer_updated(self, count: int) -> None:
        """So many bytes were written there."""
        if self._state not in _DEAF:
            self._buffer.wrote(count)
            self._received(count)

    def receive_data(self, data: Buffer) -> None:
        """Bytes from elsewhere, read in place: keep them unchanged until all events are out."""
        if self._state not in _DEAF:
            self._buffer.feed(data)
            self._received(len(data))

    def renew_buffer(self, storage: bytearray | memoryview) -> None:
        """Receives into ``storage`` from now on, so that views given out stay valid.

        Swap two or three buffers, each time ``next_event`` has come to None, to hash and write
        one in a thread while the next one fills.
        """
        self._buffer.renew(storage)

    def next_event(self) -> Event | None:
        """The next thing that happened, or None: more bytes are needed."""
        try:
            while self._state not in _DEAF and (piece := self._reader.next()) is not None:
                event = self._fragment(piece) if isinstance(piece, Fragment) else self._unit(piece)
                if event is not None:
                    return event
        except Violation as violation:
            return self._violated(violation)
        return None

    def abort(self) -> bytes:
        """The A-ABORT; empty, with ``must_close``, where there is no association to abort."""
        if (self._state, Stimulus.ABORT_REQUEST) in TABLE:
            self._step(Stimulus.ABORT_REQUEST)
            return Abort().encode()
        if self._state is not State.STA1:
            self._step(Stimulus.ARTIM_EXPIRED)
        self.must_close = True
        return b""

    def connection_lost(self) -> ConnectionLost | None:
        """The transport is closed; None when the association had ended before."""
        state, in_message = self._state, self.in_message
        if state is State.STA1 or self._step(Stimulus.TRANSPORT_CLOSED) is Action.AR5:
            return None
        return ConnectionLost(state, in_message)

    @property
    def timer(self) -> Timer | None:
        """What is being waited for; None while it is the caller's turn."""
        return self._clock.running(self._timer_name())

    @property
    def timeout(self) -> float | None:
        """Seconds of ``timer``."""
        running = self.timer
        return running.seconds if running else None

    def expire(self, timer: Timer | None = None) -> Aborted | None:
        """The clock of ``timer`` (default: of the one running) ran out.

        Nothing happens if that timer was replaced meanwhile.
        """
        running = self.timer
        if running is None or timer not in (None, running):
            return None
        detail = f"{running.name} timer, {running.seconds:g} s, in {self._state.name.title()}"
        ended_before = self._state is State.STA13
        reply = self.abort()
        if ended_before:
            return None
        source, reason = AbortSource.SERVICE_USER, AbortReason.NOT_SPECIFIED
        return Aborted(Cause.TIMEOUT, source, reason, detail, reply)

    @abstractmethod
    def _within_message(self) -> bool:
        """Whether a DIMSE message of the peer has begun and not ended."""

    @abstractmethod
    def _fragment(self, piece: Fragment) -> Event | None:
        """A piece of a presentation data value came."""

    @abstractmethod
    def _requested(self, request: AssociateRQ) -> Event:
        """A-ASSOCIATE-RQ came."""

    @abstractmethod
    def _accepted(self, answer: AssociateAC) -> Event:
        """A-ASSOCIATE-AC came."""

    def _timer_name(self) -> TimerName | None:
        return _WAITING.get(self._state)

    def _received(self, count: int) -> None:
        if self._state is State.STA6:
            self._clock.received(count)

    def _admit(self, number: int, length: int) -> PduType:
        usual = number == _DATA and self._state is State.STA6
        if usual and PDV_OVERHEAD <= length <= self.settings.max_pdu_length:
            return _DATA  # they come by the thousand
        return admit(number, length, self._state, self.settings)

    def _step(self, stimulus: Stimulus) -> Action:
        before = self._state
        action, self._state = step(before, stimulus, requestor=self.role is Role.REQUESTOR)
        if self._state is not before:
            self._clock.sign_of_life()
        if action in CLOSES_TRANSPORT:
            self.must_close = True
        if self._state in _DEAF:
            self._buffer.clear()
        return action

    def _unit(self, unit: Unit) -> Event | None:
        pdu = self._decode(unit.kind, unit.body)
        match pdu:
            case AssociateRQ():
                return self._requested(pdu)
            case AssociateAC():
                return self._accepted(pdu)
            case AssociateRJ():
                self._step(Stimulus.ASSOCIATE_RJ)
                return AssociationRejected(pdu.rejection)
            case Abort():
                self._step(Stimulus.ABORT)
                return Aborted(Cause.PEER, pdu.source, pdu.reason, "A-ABORT from the peer")
            case _:
                return self._releasing(unit.kind)

    def _releasing(self, kind: PduType) -> Event | None:
        if self._within_message():
            raise Violation("a release within a message", AbortReason.UNEXPECTED_PDU)
        match self._step(STIMULI[kind]):
            case Action.AR8 if self._state is State.STA10:
                return None  # both asked: the acceptor hears of it when its own is confirmed
            case Action.AR3:
                return Released()
            case _:
                return ReleaseRequested()

    def _violated(self, violation: Violation) -> Aborted:
        """After a claim beyond a cap, or before an association, there is nothing to wait for."""
        at_once = violation.limit or self._state is State.STA2
        provider = self._step(Stimulus.INVALID_PDU) is Action.AA8
        abort = Abort(AbortSource.SERVICE_PROVIDER, violation.reason) if provider else Abort()
        if at_once:
            self._step(Stimulus.ARTIM_EXPIRED)
        cause = Cause.LIMIT if violation.limit else Cause.VIOLATION
        return Aborted(cause, abort.source, violation.reason, violation.detail, abort.encode())
