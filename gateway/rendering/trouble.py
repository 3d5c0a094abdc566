"""What can be wrong with a request, as both processes call it: the child's exit status."""

from __future__ import annotations

from enum import IntEnum


class Trouble(IntEnum):
    UNDECODABLE = 3
    NO_SUCH_FRAME = 4
    TOO_LARGE = 5
    NO_PICTURE = 6


class Refused(Exception):
    """The child cannot do what it was asked."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble
