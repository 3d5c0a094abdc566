"""The four delimiters of a message and its escape sequences (LIS02-A2 section 5.4).

They always come from the H record: ``H|\\^&`` gives field, repeat, component, escape.  Delimiters
that are equal, blank, control characters or alphanumeric are refused.  An escape sequence that the
standard does not define stays as it was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from gateway.protocols.errors import RemoteProtocolError


@dataclass(frozen=True, slots=True)
class Delimiters:
    field: str = "|"
    repeat: str = "\\"
    component: str = "^"
    escape: str = "&"

    def __post_init__(self) -> None:
        found = (self.field, self.repeat, self.component, self.escape)
        if len(set(found)) != 4 or not all(map(_may_delimit, found)):
            raise RemoteProtocolError("delimiters of the header record cannot be used")

    @classmethod
    def of_header(cls, record: bytes | str) -> Delimiters:
        """From an H record; ``RemoteProtocolError`` when it declares none that can be used."""
        text = record.decode("latin-1") if isinstance(record, bytes) else record
        if len(text) < 5 or text[0] not in "Hh":
            raise RemoteProtocolError("no header record to take delimiters from")
        return _declared(text[1:5])

    def __str__(self) -> str:
        return f"{self.field}{self.repeat}{self.component}{self.escape}"

    def unescape(self, text: str, encoding: str = "latin-1") -> str:
        """What an escaped text means.  ``&X..&`` holds bytes in the message's encoding."""
        if self.escape not in text:
            return text

        def meaning(match: re.Match[str]) -> str:
            kind, digits = match[1], match[2]
            if digits:
                return bytes.fromhex(digits).decode(encoding, "surrogateescape")
            return self._letters[kind]

        return _sequences(self.escape).sub(meaning, text)

    @property
    def _letters(self) -> dict[str, str]:
        return {
            "F": self.field,
            "S": self.component,
            "R": self.repeat,
            "E": self.escape,
            "H": "",  # start of highlighting
            "N": "",  # its end
        }

    def quote(self, text: str) -> str:
        """A text with every delimiter and control character escaped."""
        return _specials(str(self)).sub(self._quoted, text)

    def _quoted(self, match: re.Match[str]) -> str:
        found = match[0]
        for letter in "FSRE":
            if self._letters[letter] == found:
                return f"{self.escape}{letter}{self.escape}"
        return f"{self.escape}X{ord(found):02X}{self.escape}"


def _may_delimit(character: str) -> bool:
    return len(character) == 1 and "!" <= character <= "~" and not character.isalnum()


@lru_cache(maxsize=64)
def _declared(four: str) -> Delimiters:
    return Delimiters(*four)


@lru_cache(maxsize=64)
def _sequences(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(f"{mark}(?:([FSREHN])|X((?:[0-9A-Fa-f]{{2}})+)){mark}")


@lru_cache(maxsize=64)
def _specials(delimiters: str) -> re.Pattern[str]:
    return re.compile(f"[{re.escape(delimiters)}\x00-\x1f\x7f]")
