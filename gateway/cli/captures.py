"""Capture files for the tools that look at them: bytes, transcripts, and the profile to read by."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.errors import ConfigurationError, GatewayError
from gateway.profiles import AnalyzerProfile, Protocol, catalogue
from gateway.protocols.astm import Comment, Direction, Spoken, read_wire
from gateway.protocols.errors import ProtocolError

LARGEST: Final = 256 * 1024 * 1024

Entry = Spoken | Comment


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
    if file.suffix != ".wire" and data[:2] not in {b"> ", b"< ", b"# "}:
        return (Spoken(Direction.DEVICE, data),), False
    try:
        return read_wire(data.decode("utf-8")), True
    except (ProtocolError, UnicodeDecodeError) as error:
        raise GatewayError(f"{file}: not a transcript: {error}") from None
