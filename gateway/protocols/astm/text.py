"""Bytes of a transmission to text and back without loss, and whether the encoding is doubtful.

Nothing on the wire names the encoding; the profile does.  Bytes that do not fit become surrogate
escapes, so that encoding gives the same bytes again, and the text is marked doubtful.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

from gateway.protocols.errors import LocalProtocolError

_UTF8_PAIR: Final = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_C1: Final = re.compile("[\x80-\x9f]")
_SINGLE_BYTE: Final = frozenset({"iso8859-1", "cp437"})


@dataclass(frozen=True, slots=True, repr=False)
class Decoded:
    """``encoding`` gives the same bytes again; it is not the one asked for where that cannot."""

    text: str
    encoding: str
    doubtful: bool


def codec_name(encoding: str) -> str:
    """The canonical name; ``LocalProtocolError`` for one Python does not know."""
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise LocalProtocolError("unknown character encoding") from error


def decode_text(data: bytes, encoding: str) -> Decoded:
    """Doubtful: undecodable bytes, C1 controls, or a one-byte encoding that looks like UTF-8."""
    if data.isascii():
        return Decoded(data.decode("ascii"), encoding, doubtful=False)
    name = codec_name(encoding)
    text = data.decode(name, "surrogateescape")
    if name in _SINGLE_BYTE:
        doubtful = _UTF8_PAIR.search(data) is not None
        return Decoded(text, name, doubtful or (name != "cp437" and _C1.search(text) is not None))
    if text.encode(name, "surrogateescape") != data:  # a codec with several spellings
        return Decoded(data.decode("latin-1"), "latin-1", doubtful=True)
    return Decoded(text, name, any("\udc80" <= character <= "\udcff" for character in text))


def encode_text(text: str, encoding: str) -> bytes:
    """The inverse; ``LocalProtocolError`` for characters the encoding has not."""
    try:
        return text.encode(codec_name(encoding), "surrogateescape")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"a character does not exist in {encoding}") from error
