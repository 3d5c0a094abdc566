"""Takes a telnet stream apart (RFC 854, 855): data, option verbs, subnegotiations.

Any slicing of the bytes gives the same data and commands.  A subnegotiation longer than any of
RFC 2217's is a RemoteProtocolError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.protocols.errors import RemoteProtocolError

IAC: Final = 255
DONT: Final = 254
DO: Final = 253
WONT: Final = 252
WILL: Final = 251
SB: Final = 250
SE: Final = 240
_LONGEST: Final = 512  # bytes; room for a server's signature


@dataclass(frozen=True, slots=True)
class Verb:
    """DO, DONT, WILL or WONT with an option."""

    verb: int
    option: int


@dataclass(frozen=True, slots=True)
class Subnegotiation:
    option: int
    payload: bytes


Command = Verb | Subnegotiation


def encode(command: Command) -> bytes:
    """The command as it goes on the wire."""
    match command:
        case Verb(verb, option):
            return bytes((IAC, verb, option))
        case Subnegotiation(option, payload):
            return bytes((IAC, SB, option)) + escape(payload) + bytes((IAC, SE))


def escape(data: bytes) -> bytes:
    """Data as it goes on the wire: each 0xFF doubled."""
    return data.replace(b"\xff", b"\xff\xff")


class TelnetReader:
    """Keeps the beginning of a command until the rest is there."""

    def __init__(self) -> None:
        self._held = b""

    def read(self, received: bytes) -> Iterator[bytes | Command]:
        """Data and commands in order; commands without an option are dropped."""
        stream, self._held = self._held + received, b""
        start = 0
        while (mark := stream.find(IAC, start)) >= 0:
            if mark > start:
                yield stream[start:mark]
            end = _end_of_command(stream, mark)
            if end is None:
                self._hold(stream[mark:])
                return
            yield from _command(stream[mark:end])
            start = end
        if start < len(stream):
            yield stream[start:]

    def _hold(self, beginning: bytes) -> None:
        if len(beginning) > _LONGEST:
            raise RemoteProtocolError(f"telnet subnegotiation longer than {_LONGEST} bytes")
        self._held = beginning


def _end_of_command(stream: bytes, mark: int) -> int | None:
    """Index behind the command that begins at ``mark``; None when it is not all there."""
    if len(stream) < mark + 2:
        return None
    if stream[mark + 1] in (DO, DONT, WILL, WONT):
        return mark + 3 if len(stream) >= mark + 3 else None
    if stream[mark + 1] != SB:
        return mark + 2
    at = mark + 2
    while (at := stream.find(IAC, at)) >= 0 and at + 1 < len(stream):
        if stream[at + 1] != IAC:
            return at + 2
        at += 2
    return None


def _command(raw: bytes) -> Iterator[bytes | Command]:
    match raw[1]:
        case 255:
            yield raw[1:]
        case 250 if len(raw) > 4 and raw[-1] == SE:
            yield Subnegotiation(raw[2], raw[3:-2].replace(b"\xff\xff", b"\xff"))
        case 251 | 252 | 253 | 254:
            yield Verb(raw[1], raw[2])
        case _:  # NOP, GA, an unterminated subnegotiation
            pass
