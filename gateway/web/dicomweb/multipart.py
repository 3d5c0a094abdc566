"""multipart/related (RFC 2387) in and out, as DICOMweb uses it; the incoming side is sans-I/O.

Any slicing of the bytes gives the same events.  ``BadMultipart`` for what is no multipart body;
header blocks are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.errors import GatewayError

_HEAD: Final = 8 * 1024
# RFC 2046 has at most 70 characters; Orthanc's plug-in makes longer ones.
_BOUNDARY: Final = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{0,199}[A-Za-z0-9'()+_,./:=?-]")


class BadMultipart(GatewayError):
    """The body is not what its Content-Type says."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A part begins; ``content_type`` in lower case, without parameters."""

    content_type: str


@dataclass(frozen=True, slots=True)
class Data:
    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The part is whole."""


Event = Begin | Data | End


class _State(Enum):
    PREAMBLE = auto()
    AFTER = auto()
    HEAD = auto()
    BODY = auto()
    OVER = auto()


class Reader:
    """``feed`` bytes, iterate over what they make; ``over`` when the closing boundary was seen."""

    def __init__(self, boundary: str) -> None:
        self._mark = b"\r\n--" + boundary.encode("ascii")
        self._rest = b"\r\n"
        self._state = _State.PREAMBLE

    @property
    def over(self) -> bool:
        return self._state is _State.OVER

    def feed(self, data: bytes) -> Iterator[Event]:
        self._rest += data
        step = True
        while step:
            before = self._state, len(self._rest)
            match self._state:
                case _State.PREAMBLE:
                    self._skip()
                case _State.AFTER:
                    self._after()
                case _State.HEAD:
                    yield from self._head()
                case _State.BODY:
                    yield from self._body()
                case _State.OVER:
                    self._rest = b""
            step = (self._state, len(self._rest)) != before

    def _skip(self) -> None:
        at = self._rest.find(self._mark)
        if at >= 0:
            self._rest, self._state = self._rest[at + len(self._mark) :], _State.AFTER
        elif len(self._rest) > _HEAD:
            raise BadMultipart("no boundary at the beginning")

    def _after(self) -> None:
        if self._rest.startswith(b"--"):
            self._state = _State.OVER
        elif self._rest.lstrip(b" \t").startswith(b"\r\n"):
            self._rest, self._state = self._rest.lstrip(b" \t"), _State.HEAD
        elif len(self._rest) > 64:
            raise BadMultipart("a boundary is followed by something else")

    def _head(self) -> Iterator[Event]:
        end = self._rest.find(b"\r\n\r\n")
        if end < 0:
            if len(self._rest) > _HEAD:
                raise BadMultipart("the head of a part is too long")
            return
        lines = self._rest[:end].decode("latin-1").split("\r\n")
        head = {name.strip().lower(): value for name, _, value in (x.partition(":") for x in lines)}
        self._rest = self._rest[end + 4 :]
        self._state = _State.BODY
        yield Begin(head.get("content-type", "").partition(";")[0].strip().lower())

    def _body(self) -> Iterator[Event]:
        at = self._rest.find(self._mark)
        if at >= 0:
            if at:
                yield Data(self._rest[:at])
            self._rest, self._state = self._rest[at + len(self._mark) :], _State.AFTER
            yield End()
            return
        sure = len(self._rest) - len(self._mark) + 1
        if sure > 0:
            yield Data(self._rest[:sure])
            self._rest = self._rest[sure:]


def boundary_of(content_type: str) -> str | None:
    """The boundary of a multipart/related type with DICOM files; None when it is something else."""
    kind, *rest = content_type.split(";")
    if kind.strip().lower() != "multipart/related":
        return None
    pairs = (parameter.strip().partition("=") for parameter in rest)
    parameters = {name.lower(): value.strip().strip('"') for name, _, value in pairs}
    if parameters.get("type", "application/dicom").lower() != "application/dicom":
        return None
    boundary = parameters.get("boundary", "")
    return boundary if _BOUNDARY.fullmatch(boundary) else None


def opening(boundary: str, content_type: str) -> bytes:
    """What stands before a part."""
    return f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode("ascii")


def closing(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode("ascii")
