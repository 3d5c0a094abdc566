"""A Study Instance UID for an order the EHR gave none, below 2.25 (PS3.5 B.2)."""

from __future__ import annotations

import uuid
from typing import Final

_SPACE: Final = uuid.UUID("8d3a6f54-4d0e-5c0f-9c55-3b6ed5a7e3f1")


def minted(placer: str, procedure: str) -> str:
    """It follows from the order's number and the requested procedure's."""
    return f"2.25.{uuid.uuid5(_SPACE, f'{placer}/{procedure}').int}"
