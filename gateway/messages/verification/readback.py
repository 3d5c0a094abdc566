r"""A message as a receiver reads it: strict, plain, sharing nothing with the code that wrote it.

Only what this gateway may send is readable here: the standard delimiters, CR ends, the escapes
``\F\ \S\ \T\ \R\ \E\ \.br\``, no control character at all.  ``seen_in_line`` and ``seen_in_text``
say what a reader must find of a text after the documented substitutions.
"""

from __future__ import annotations

import re

from gateway.messages.errors import NotEncodable, Obstacle

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MEANINGS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", ".br": "\n"}


def read_segments(message: bytes, codec: str) -> list[list[str]]:
    """The fields of every segment, the name first; MSH counted from MSH-1."""
    try:
        text = message.decode(codec)
    except UnicodeDecodeError:
        raise NotEncodable(Obstacle.UNREADABLE, "message") from None
    if not text.startswith("MSH|^~\\&|") or not text.endswith("\r"):
        raise NotEncodable(Obstacle.UNREADABLE, "MSH-1")
    lines = text[:-1].split("\r")
    if not is_plain("".join(lines)) or min(map(len, lines)) < 3:
        raise NotEncodable(Obstacle.CONTROL_CHARACTER, "message")
    segments = [line.split("|") for line in lines]
    segments[0].insert(1, "|")
    return segments


def is_plain(text: str) -> bool:
    """Whether it holds no line break and no control character: what Unicode calls printable never
    does, and for that the library has a faster answer."""
    return text.isprintable() or _UNWANTED.search(text) is None


def unescaped(text: str) -> str:
    """A leaf's text; NotEncodable for a delimiter in it or an escape nobody agreed on."""
    if "\\" not in text:
        return text
    parts = text.split("\\")
    if len(parts) % 2 == 0:
        raise NotEncodable(Obstacle.UNREADABLE, "escape")
    for index in range(1, len(parts), 2):
        if parts[index] not in _MEANINGS:
            raise NotEncodable(Obstacle.UNREADABLE, "escape")
        parts[index] = _MEANINGS[parts[index]]
    return "".join(parts)


def iso_of(text: str) -> str:
    """``20260105101130+0100`` as ``2026-01-05T10:11:30+01:00``; with no offset, without one."""
    day = f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}"
    return f"{day}{text[14:17]}:{text[17:]}" if len(text) > 14 else day


def seen_in_line(text: str) -> str:
    """Line breaks and tabs are spaces, other control characters are gone."""
    if is_plain(text):
        return text
    return _UNWANTED.sub("", _BREAK.sub(" ", text).replace("\t", " "))


def seen_in_text(text: str) -> str:
    """As in a line, but lines stay lines (LF)."""
    if is_plain(text):
        return text
    return "\n".join(_UNWANTED.sub("", line.replace("\t", " ")) for line in _BREAK.split(text))


def lost(*texts: str | None) -> int:
    """How many characters a reader does not see, not even as a space."""
    text = " ".join([text for text in texts if text])
    if is_plain(text):
        return 0
    return sum(len(_UNWANTED.findall(line.replace("\t", ""))) for line in _BREAK.split(text))


def wire_length(text: str) -> int:
    """Characters a line of text takes on the wire: a delimiter takes three."""
    return len(text) + 2 * sum(text.count(delimiter) for delimiter in "|^~\\&")
