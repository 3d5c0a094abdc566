"""What a failed delivery means for its message and for the whole destination.

Pure bookkeeping: it turns (entry, error) into ``Again``, ``Park`` or ``Stop`` and says how long
the destination must be left alone.  Nothing here reads a clock, a socket or a disk.

A message nobody answers is sent again for ever as long as nothing else is answered either: then
the destination is at fault.  It is parked only when others were answered between its failures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.delivery.base import Patience, Unreadable
from gateway.errors import Ambiguous, DeliveryError, Refused


@dataclass(frozen=True, slots=True)
class Again:
    """Send it once more, after ``after`` seconds (0: first thing when the destination is tried)."""

    reason: str
    after: float
    doubtful: bool


@dataclass(frozen=True, slots=True)
class Park:
    """A person must look at this message; only its lane waits."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Every message would fare alike: nothing is sent until a person resumes."""

    reason: str


Verdict = Again | Park | Stop


@dataclass(slots=True)
class _History:
    refused: int = 0
    unreadable: int = 0
    silent: int = 0
    strikes: int = 0
    answers_seen: int = 0


@dataclass(slots=True)
class Judge:
    """``random`` gives numbers in [0, 1).  ``pause`` is how long to leave the destination alone."""

    patience: Patience
    random: Callable[[], float]
    pause: float = 0.0
    failures: int = 0
    epoch: int = 0
    _answers: int = 0
    _undelivered: bool = False
    _unreadable_in_a_row: int = 0
    _histories: dict[int, _History] = field(default_factory=dict)

    def delivered(self, entry: int) -> None:
        self._answered()
        self._unreadable_in_a_row = 0
        self._histories.pop(entry, None)

    def resumed(self) -> None:
        """A person says it is well again: everything is tried at once, as if for the first time."""
        self.failures, self.pause, self._unreadable_in_a_row = 0, 0.0, 0
        self._undelivered = False
        self._histories.clear()

    def unreachable(self) -> None:
        """An attempt to open the destination failed, or it went away by itself."""
        self._failed(self.epoch)

    def opened(self) -> bool:
        """It could be opened; True when that is reason enough to call it well."""
        return not self._undelivered

    def steady(self) -> None:
        """It was open for long: what failed before is another story."""
        self.failures, self.pause = 0, 0.0

    def verdict(self, entry: int, error: DeliveryError, epoch: int) -> Verdict:
        """``epoch`` is what ``self.epoch`` was when the attempt began."""
        if isinstance(error, Refused):
            return self._refused(entry, error)
        self._undelivered = True
        match error:
            case Unreadable():
                self._failed(epoch)
                return self._unreadable(entry, str(error))
            case Ambiguous():
                self._failed(epoch)
                return self._silent(entry, str(error))
            case _:
                self._failed(epoch)
                return Again(str(error), 0.0, doubtful=False)

    def _answered(self) -> None:
        self._answers += 1
        self._undelivered = False
        self.failures, self.pause = 0, 0.0

    def _failed(self, epoch: int) -> None:
        """Several messages lost with one connection are one failure of the destination."""
        if epoch != self.epoch:
            return
        self.epoch += 1
        self.failures += 1
        self.pause = self.patience.backoff.delay(self.failures, self.random)

    def _history(self, entry: int) -> _History:
        return self._histories.setdefault(entry, _History())

    def _park(self, entry: int, reason: str) -> Park:
        self._histories.pop(entry, None)
        return Park(reason)

    def _refused(self, entry: int, error: Refused) -> Verdict:
        self._answered()
        if error.stop:
            return Stop(error.reason)
        history = self._history(entry)
        if not error.again or history.refused >= len(self.patience.refused):
            return self._park(entry, error.reason)
        after = self.patience.refused[history.refused]
        history.refused += 1
        return Again(error.reason, after * (1 - 0.1 * self.random()), doubtful=False)

    def _unreadable(self, entry: int, reason: str) -> Verdict:
        history = self._history(entry)
        history.unreadable += 1
        if history.unreadable < self.patience.unreadable_tries:
            return Again(reason, 0.0, doubtful=True)
        self._unreadable_in_a_row += 1
        if self._unreadable_in_a_row >= self.patience.unreadable_in_a_row:
            return Stop(f"{reason}, to {self._unreadable_in_a_row} messages in a row")
        return self._park(entry, f"{reason}, {history.unreadable} times")

    def _silent(self, entry: int, reason: str) -> Verdict:
        if self.patience.hold_when_doubtful:
            return self._park(entry, f"{reason}; it may have arrived, so it is not sent again")
        history = self._history(entry)
        if history.silent and self._answers > history.answers_seen:
            history.strikes += 1
        history.silent += 1
        history.answers_seen = self._answers
        if history.strikes >= self.patience.silent_strikes:
            times = f"{history.silent} times, while others were answered"
            return self._park(entry, f"{reason}, {times}")
        suspect = history.strikes or history.silent % self.patience.silent_tries == 0
        return Again(reason, self._aside(history) if suspect else 0.0, doubtful=True)

    def _aside(self, history: _History) -> float:
        """Long enough that another message is tried first when the pause is over."""
        return self.pause + self.patience.backoff.delay(max(1, history.strikes), self.random)
