"""Files of HL7 messages: one after the other, perhaps in a batch (FHS, BHS ... BTS, FTS).

Each message is its bytes as they stand, from MSH to the line before the next one; the segments of a
batch are left out, as is MLLP framing.  The end of the file ends the last message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_BOM: Final = b"\xef\xbb\xbf"
_BEGINNING: Final = re.compile(
    rb"(?:(?<=[\r\n\x0b\x1c])|\A)(MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9\s])"
)
_AROUND: Final = b"\x0b\x1c\r\n\x1a\x00"


def messages_of(data: bytes) -> Iterator[tuple[bool, bytes]]:
    """Whether it is a message (else text that belongs to none), and its bytes."""
    text = data.removeprefix(_BOM)
    marks = list(_BEGINNING.finditer(text))
    starts = [mark.start() for mark in marks]
    before = text[: starts[0]] if starts else text
    if before.strip(_AROUND + b" \t"):
        yield False, before
    ends = [*starts[1:], len(text)][: len(marks)]
    for mark, end in zip(marks, ends, strict=True):
        if mark[1] == b"MSH":
            yield True, text[mark.start() : end].strip(_AROUND) + b"\r"
