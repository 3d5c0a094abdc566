"""The delimiters of one message, always taken from its own MSH-1 and MSH-2."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.protocols.hl7.errors import Unreadable


@dataclass(frozen=True, slots=True)
class Separators:
    """Escape and subcomponent are empty strings where MSH-2 leaves them out."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @classmethod
    def of_header(cls, header: str) -> Separators:
        r"""From the first segment, ``MSH|^~\&|...``; a fifth character (truncation) is ignored."""
        field = header[3:4]
        encoding = header[4:].split(field, 1)[0] if field else ""
        if not 2 <= len(encoding) <= 5:
            raise Unreadable("no encoding characters in MSH-2")
        used = field + encoding
        if len(set(used)) != len(used) or any(map(_forbidden, used)):
            raise Unreadable("MSH-1 and MSH-2 are not distinct delimiters")
        return cls(field, *encoding[:4], *("",) * (4 - len(encoding)))

    def named(self, code: str) -> str:
        r"""The delimiter an escape names: ``F S T R E``."""
        match code:
            case "F":
                return self.field
            case "S":
                return self.component
            case "R":
                return self.repetition
            case "E":
                return self.escape
        return self.subcomponent


STANDARD = Separators()


def _forbidden(character: str) -> bool:
    return character.isalnum() or character.isspace() or ord(character) < 0x20
