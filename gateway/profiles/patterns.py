"""Regular expressions of profiles: data, compiled once, always matched against a whole text.

Texts longer than any code, id or mark are not tried at all, so that no pattern can be made slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

LONGEST: Final = 256


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """``.`` also matches line breaks."""
    return re.compile(pattern, re.DOTALL)


def matches(pattern: str, texts: Iterable[str]) -> bool:
    """Whether the pattern matches all of any of them."""
    whole = compiled(pattern).fullmatch
    return any(len(text) <= LONGEST and whole(text) is not None for text in texts)
