"""How far a device's clock is off, from what its messages say of the time.

A message may have waited in the device, so one alone tells only that the clock is at least so far
ahead.  Of the last few the one with the least delay counts: a clock that is ahead shows at once,
one that is behind when all of them say so.
"""

from __future__ import annotations

from collections import deque
from typing import Final

ENOUGH: Final = 5


class Offset:
    """Seconds ahead of ours (behind where negative)."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=ENOUGH)

    def note(self, ahead: float) -> float | None:
        """The offset as it is known now; None while it may be mere delay."""
        self._seen.append(ahead)
        latest = max(self._seen)
        return latest if latest >= 0 or len(self._seen) == ENOUGH else None
