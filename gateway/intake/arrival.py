"""A transmission as a link hands it on: all of it is in the journal already."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Arrival:
    """``payload`` is the joined text without its framing; ``checked`` whether checksums vouch."""

    transmission: int
    candidates: tuple[str, ...]
    protocol: str
    payload: bytes = field(repr=False)
    checked: bool
    peer: str
