"""A transmission cut into specimens and result lines, whatever wire language it came in.

Profiles address what stands there by the numbers of the device's manual (``R.3.4``, ``OBX.5.1``,
an attribute's name, a column's name).  ``Place`` resolves such an address from where it stands: a
line sees its own record, its comments, and the specimen, patient and header above it.  Everything
behind this module is the same for every wire language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.report import Attachment, Problem


class Place(Protocol):
    """A point in a transmission from which addresses are read."""

    def at(self, path: str) -> str | None:
        """What stands there, escapes resolved, blanks kept; None when absent, empty or blank."""

    def whole(self, path: str) -> str | None:
        """What stands at an address that should hold one text: trimmed, all of it.

        Where it repeats and the repeats differ, they come joined (``joined``): no table has such
        a text, so what cannot be both is unknown, and never just the first of them.
        """

    def every(self, path: str) -> tuple[str, ...]:
        """All that stands there where it may repeat (flags, comments), trimmed, none empty."""

    def cells(self, path: str) -> tuple[tuple[str, ...], ...]:
        """The repeats of a cell, each with its components (or the one that is asked for), blanks
        kept; none when it is empty."""

    def locate(self, path: str) -> str:
        """The address with positions, for a person to find it: ``R[7].3.4``."""


def joined(texts: Sequence[str]) -> str | None:
    """The one text of an address; differing repeats with a backslash between them."""
    if len(texts) == 1:
        return texts[0]
    return "\\".join(dict.fromkeys(texts)) or None


@dataclass(frozen=True, slots=True)
class Line:
    """One result line.  ``remarks`` are the comments that hang on it, in order."""

    place: Place
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs to one specimen, found at ``position``.  ``content`` is all it says but for what
    changes when the same is sent again (times of sending, message ids, sequence numbers)."""

    place: Place
    position: str
    lines: tuple[Line, ...]
    content: str
    remarks: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole transmission; ``problems`` are those of no specimen in particular."""

    groups: tuple[Group, ...]
    content: str
    problems: tuple[Problem, ...] = ()
