"""How long to wait before trying again: growing, bounded, and spread by chance.

Yields seconds for ever; reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds from ``first`` to ``last``; ``jitter`` takes up to that share off each delay."""

    first: float
    last: float
    factor: float = 2.0
    jitter: float = 0.0

    def delays(self, randomness: Callable[[], float]) -> Iterator[float]:
        """``randomness`` gives numbers in [0, 1)."""
        delay = self.first
        while True:
            yield delay * (1.0 - self.jitter * randomness())
            delay = min(delay * self.factor, self.last)


SERIAL: Final = Backoff(0.5, 5.0)
NETWORK: Final = Backoff(1.0, 60.0, jitter=0.5)  # many gateways must not return in step
LISTENER: Final = Backoff(0.5, 5.0)
