"""One connection of one device: bytes in, journal, and only then the answer.

``DeviceLink`` is what every wire language shares: the journal of the transmission at hand, one
timer, writing, and the rule that nothing is answered before ``committed`` was told that the bytes
are on disk.  A subclass turns the events of its protocol into these verbs.  It is an
``asyncio.Protocol``; ``gateway.transports`` gives it to a socket or a serial port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

from gateway.errors import StoreError, StoreFull
from gateway.intake import Arrival
from gateway.notices import FrameRefused, Heard, NoiseAlarm, Noticeboard
from gateway.transports.budget import SMALL, Budget
from gateway.transports.tape import Mark, Tape

_TELL = 1.0  # seconds between two signs of life that are told


class Journal(Protocol):
    """What a link needs of the store; no verb blocks."""

    @property
    def accepting(self) -> bool:
        """Whether a device may be told to go ahead."""

    def open_transmission(self, device: str, protocol: str, peer: str) -> int: ...

    def append(
        self,
        transmission: int,
        entry: bytes,
        done: Callable[[StoreError | None], None],
        *,
        evidence: bool = False,
    ) -> None: ...

    def evidence(self, transmission: int, entry: bytes) -> None: ...


class Recipient(Protocol):
    """Where closed transmissions go."""

    def complete(self, arrival: Arrival) -> None: ...

    def incomplete(self, arrival: Arrival, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Site:
    """What every link of one listener has in common.

    ``name`` is the device's id, or the listener's when several devices share it; ``candidates``
    are the devices that may be calling.
    """

    name: str
    candidates: tuple[str, ...]
    journal: Journal
    recipient: Recipient
    notices: Noticeboard
    noise: Noise
    tape: Tape = field(default_factory=Tape)
    budget: Budget = field(default_factory=Budget)


class Noise:
    """Counts frames and refusals of one line; alarms above ``limit`` refusals in 1,000 frames.

    One damaged frame in 256 passes its checksum: a line that refuses many has passed some.
    """

    def __init__(self, limit: int, window: float = 3600.0) -> None:
        self._limit = limit
        self._window = window
        self._since = 0.0
        self.frames = 0
        self.refused = 0

    def count(self, now: float, *, refused: bool) -> bool:
        """Whether this frame raises the alarm (once a window, from ten refusals on)."""
        if now - self._since > self._window:
            self._since, self.frames, self.refused = now, 0, 0
        self.frames += 1
        if not refused:
            return False
        self.refused += 1
        return self.refused == 10 and self.refused * 1000 > self._limit * self.frames


class DeviceLink(asyncio.Protocol):
    """The common half of a link; see the module."""

    protocol = "unknown"

    def __init__(self, site: Site, peer: str, loop: asyncio.AbstractEventLoop) -> None:
        self.site = site
        self.peer = peer
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._transmission: int | None = None
        self._waiting = False
        self._lost = False
        self._said_all = False
        self._held = 0
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self.last_heard = loop.time()
        self._told_at = float("-inf")

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.site.tape.mark(Mark.OPENED, self.peer)

    def data_received(self, data: bytes) -> None:
        self.site.tape.device(data)
        self.arrived(data)
        self._account()

    def eof_received(self) -> bool:
        """A device that closes only its own direction gets the answer to what it sent: while one
        waits for the disk the connection stays, and ends with it."""
        self._said_all = True
        return self._waiting

    def connection_lost(self, exc: Exception | None) -> None:
        self.site.tape.mark(Mark.CLOSED, self.peer)
        self._lost = True
        self._transport = None
        self._account()
        self._arm(None)
        if self._timer is not None:
            self._timer.cancel()  # it would keep what is buffered here until it rings
            self._timer = None
        if not self._waiting:
            self.peer_gone()

    # for subclasses

    @property
    def idle(self) -> bool:
        """Whether no transmission is under way, so that the line may be given to another caller."""
        return self._transmission is None

    @property
    def holding(self) -> int:
        """Bytes of what has begun and not ended."""
        return 0

    def cut_off(self) -> None:
        """It holds more than anybody, and there is no room left."""
        self._held = 0
        self.refused("no room for so much unfinished")
        self.close()

    def close(self) -> None:
        """Ends the connection at once; unanswered frames stay unanswered."""
        if self._transport is not None:
            self._transport.abort()

    def hang_up(self) -> None:
        """Ends the connection once everything written has gone out."""
        if self._transport is not None:
            self._transport.close()

    def arrived(self, data: bytes) -> None:
        """Takes what the device sent."""
        raise NotImplementedError

    def advance(self) -> None:
        """Handles the events that are ready.  Called again after each commit."""
        raise NotImplementedError

    def committed(self, error: StoreError | None) -> None:
        """The bytes of the event at hand are on disk, or ``error`` says why not."""
        raise NotImplementedError

    def peer_gone(self) -> None:
        """The connection ended and nothing waits for the disk."""
        raise NotImplementedError

    def expired(self) -> None:
        """The protocol's timer ran out."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        if data and self._transport is not None:
            self.site.tape.host(data)
            self._transport.write(data)

    def commit(self, entry: bytes, *, evidence: bool = False) -> None:
        """Journals ``entry`` as part of the transmission at hand; ``committed`` follows."""
        self._waiting = True
        number = self._transmission or self._current()
        self.site.journal.append(number, entry, self._on_commit, evidence=evidence)

    def begin_anew(self, error: StoreError) -> None:
        """Nothing of the transmission at hand was stored.  Where the disk failed, the store knows
        its number no more when it is well again; where it is only full, it still does."""
        if not isinstance(error, StoreFull):
            self._transmission = None

    def keep(self, entry: bytes) -> None:
        """Keeps ``entry`` as evidence; nobody waits for it."""
        if entry:
            self.site.journal.evidence(self._current(), entry)

    def heard(self) -> None:
        """Notes a sign of life; watchers are told once a second at most."""
        self.last_heard = now = self._loop.time()
        if now - self._told_at >= _TELL and len(self.site.candidates) == 1:
            self._told_at = now
            self.site.notices.post(Heard(self.site.name))

    def refused(self, reason: str) -> None:
        """Notes a refused frame; the noise alarm may follow."""
        noise = self.site.noise
        alarm = noise.count(self._loop.time(), refused=True)
        self.site.notices.post(FrameRefused(self.site.name, reason))
        if alarm:
            self.site.notices.post(NoiseAlarm(self.site.name, noise.refused, noise.frames))

    def arrival(self, payload: bytes, *, checked: bool) -> Arrival:
        """What goes to the intake; the next bytes begin a new transmission."""
        arrival = Arrival(
            self._current(), self.site.candidates, self.protocol, payload, checked, self.peer
        )
        self._transmission = None
        return arrival

    def set_timeout(self, seconds: float | None) -> None:
        self._arm(None if seconds is None else self._loop.time() + seconds)

    # inside

    def _current(self) -> int:
        if self._transmission is None:
            self._transmission = self.site.journal.open_transmission(
                self.site.name, self.protocol, self.peer
            )
        return self._transmission

    def _on_commit(self, error: StoreError | None) -> None:
        self._waiting = False
        self.committed(error)
        self.go_on()
        self._account()

    def go_on(self) -> None:
        """After something was waited for: the events that came meanwhile, or the line's end."""
        if not self._waiting:
            if self._lost:
                self.peer_gone()
                return
            self.advance()
            if self._said_all and not self._waiting:
                self.hang_up()

    def _account(self) -> None:
        held = 0 if self._lost else self.holding
        held = held if held > SMALL else 0
        if held != self._held:
            self._held = held
            self.site.budget.holds(self, held)

    def _arm(self, deadline: float | None) -> None:
        """One timer that is late rather than renewed: a busy line moves only the deadline."""
        self._deadline = deadline
        if deadline is None or self._lost:
            return
        if self._timer is not None:
            if self._rings_at <= deadline:
                return
            self._timer.cancel()
        self._ring_at(deadline)

    def _ring_at(self, moment: float) -> None:
        self._rings_at = moment
        self._timer = self._loop.call_at(moment, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._deadline is None or self._lost:
            return
        if self._waiting or self._loop.time() < self._deadline:
            self._ring_at(self._loop.time() + 1.0 if self._waiting else self._deadline)
            return
        self._deadline = None
        self.expired()
