r"""Text to ER7 and back: the one place where escapes are written, and the one where they are read.

Following HL7 v2.5.1 chapter 2.7.  Out: the five delimiters become ``\F\ \S\ \R\ \E\ \T\``; a line
break (CR, LF, CRLF, NEL, LS, PS) becomes ``\.br\`` in formatted text and a space elsewhere; a tab
becomes a space; every other control character (C0, DEL, C1) is removed.  So no text can end a
field, a segment or an MLLP block.  In: each escape is read once, in one pass; an escape nobody
knows stays as it was sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.protocols.hl7.separators import Separators

_SPECIAL = re.compile("[|^~\\\\&\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_REMOVED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")

_DELIMITERS = {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\"}
_BREAKS = "\n\r\x85\u2028\u2029"


def _table(line_break: str) -> dict[int, str | None]:
    table: dict[int, str | None] = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))
    table |= {ord(character): sequence for character, sequence in _DELIMITERS.items()}
    table |= {ord(character): line_break for character in _BREAKS}
    return table | {ord("\t"): " "}


_PLAIN = _table(" ")
_FORMATTED = _table("\\.br\\")


def escape(text: str) -> str:
    """``text`` as it may stand in any ER7 field."""
    if _SPECIAL.search(text) is None:
        return text
    return text.replace("\r\n", "\n").translate(_PLAIN)


def escape_formatted(text: str) -> str:
    r"""``text`` for a field of type FT or TX, where a line break is ``\.br\``."""
    if _SPECIAL.search(text) is None:
        return text
    return text.replace("\r\n", "\n").translate(_FORMATTED)


def has_line_break(text: str) -> bool:
    return any(character in text for character in _BREAKS)


def has_control(text: str) -> bool:
    """Whether ``text`` holds a line break, a tab or another control character."""
    return _CONTROL.search(text) is not None


def removed(text: str) -> int:
    """How many characters of ``text`` escaping drops (white space is kept as such)."""
    return len(_REMOVED.findall(text))


def segment(name: str, *fields: str) -> str:
    """A segment of fields that are ER7 already, without the separators of empty last ones."""
    return "|".join((name, *fields)).rstrip("|")


def components(*parts: str, separator: str = "^") -> str:
    """Escaped components joined, without the separators of empty last ones."""
    return separator.join(parts).rstrip(separator)


def unescape(text: str, separators: Separators) -> str:
    """What the sender meant by ``text``; unknown escapes and a lone escape character stay."""
    sign = separators.escape
    if not sign or sign not in text:
        return text
    return _pattern(sign).sub(lambda match: _meaning(match, separators), text)


def _pattern(sign: str) -> re.Pattern[str]:
    quoted = re.escape(sign)
    return re.compile(f"{quoted}([^{quoted}\r\n]*){quoted}")


def _meaning(match: re.Match[str], separators: Separators) -> str:
    code = match[1]
    match code[:1]:
        case "F" | "S" | "T" | "R" | "E" if len(code) == 1:
            return separators.named(code)
        case "H" | "N" if len(code) == 1:
            return ""
        case "X":
            return _hexadecimal(code[1:]) or match[0]
        case "." if code in (".br", ".sp", ".sp1"):
            return "\n"
    return match[0]


def _hexadecimal(digits: str) -> str | None:
    r"""``\X0D\`` and its kin name bytes of the message; only ASCII ones are safe to read."""
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        return None
    return value.decode("ascii") if value.isascii() else None
