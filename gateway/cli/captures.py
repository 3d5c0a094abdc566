"""Capture files for the tools that look at them: bytes, transcripts, and the profile to read by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from gateway.config.mistakes import unknown
from gateway.errors import ConfigurationError, GatewayError
from gateway.profiles import AnalyzerProfile, Protocol, catalogue
from gateway.protocols.astm import Comment, Direction, Spoken, read_wire
from gateway.protocols.errors import ProtocolError

LARGEST: Final = 256 * 1024 * 1024

Entry = Spoken | Comment

_TRANSCRIPT: Final = re.compile(rb"(?:\+\d+(?:\.\d+)? )?[<>](?: |\r?\n)|#[ !]")
_NETWORK: Final = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",
)
_SPELLED: Final = re.compile(
    rb"[<\[{](?:ENQ|STX|SOH|VT|EOT)[>\]}]|\\x0[12B5]|0x0[12B5][ ,;\r\n]", re.IGNORECASE
)
_HEX: Final = re.compile(rb"\s*(?:(?:[0-9A-Fa-f]{4,16}:?[ \t]+)?(?:[0-9A-Fa-f]{2}[ \t]+){7})")


def is_transcript(data: bytes) -> bool:
    """Whether these bytes are the text of a ``.wire`` file."""
    return _TRANSCRIPT.match(data) is not None


def not_bytes_of_a_line(data: bytes) -> str | None:
    """What these bytes are instead, in words; None where they may be what a device sent."""
    if data.startswith(_NETWORK):
        return "a recording of a network: save the bytes of the device's TCP stream from it first"
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", data[:65_536]):
        return None
    if _HEX.match(data):
        return "a hex dump: turn it back into bytes first (xxd -r)"
    if _SPELLED.search(data[:65_536]):
        return (
            "control characters are spelled out: put '> ' before each line of the device and "
            "name the file .wire"
        )
    return None


def known_profile(name: str) -> AnalyzerProfile:
    """ConfigurationError names the known ones."""
    known = catalogue()
    if name not in known:
        raise ConfigurationError([f"--profile: {unknown('profile', name, known)}"])
    return known[name]


def astm_profile(name: str) -> AnalyzerProfile:
    """ConfigurationError names the known ones."""
    known = {n: p for n, p in catalogue().items() if p.link.protocol is Protocol.ASTM}
    if name not in known:
        raise ConfigurationError([f"--profile: '{name}' is no ASTM profile: {', '.join(known)}"])
    return known[name]


def read_entries(file: Path) -> tuple[tuple[Entry, ...], bool]:
    """What was said, in order; whether the file is a transcript (bytes are one piece otherwise)."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise ConfigurationError([f"{file}: {why}"]) from None
    if len(data) > LARGEST:
        raise GatewayError(f"{file}: larger than {LARGEST >> 20} MiB")
    if file.suffix != ".wire" and not is_transcript(data):
        return (Spoken(Direction.DEVICE, data),), False
    try:
        return read_wire(data.decode("utf-8")), True
    except (ProtocolError, UnicodeDecodeError) as error:
        raise GatewayError(f"{file}: not a transcript: {error}") from None
