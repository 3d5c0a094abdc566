"""The access token: 256 random bits in a file of the owner's, made at the first start.

The file is refused when others may read it.  Only the token's hash is kept in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from gateway.errors import ConfigurationError

_SHORTEST = 16
_LONGEST = 4096


class Token:
    """What a caller must know."""

    def __init__(self, secret: str) -> None:
        self._digest = _digest(secret)

    def __repr__(self) -> str:
        return "Token()"

    def derived(self, purpose: str) -> bytes:
        """A key of its own for a purpose; it changes with the token."""
        return hmac.digest(self._digest, purpose.encode("ascii"), "sha256")

    def matches(self, offered: str) -> bool:
        """In the same time however much of it is right."""
        return hmac.compare_digest(self._digest, _digest(offered))


def load_token(path: Path, *, randomness: Callable[[int], str] = secrets.token_urlsafe) -> Token:
    """Reads the token, after making it when there is none.  ConfigurationError: cannot be used."""
    try:
        if not path.exists():
            _create(path, randomness(32))
        mode = path.stat().st_mode
        with path.open(encoding="ascii") as file:
            secret = file.read(_LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = type(error).__name__
        raise ConfigurationError([f"http.token_file: {path} cannot be used ({why})"]) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError([f"http.token_file: {path} may be read by others; chmod 600 it"])
    if len(secret) < _SHORTEST:
        told = f"{path} holds fewer than {_SHORTEST} characters; delete it and a new one is made"
        raise ConfigurationError([f"http.token_file: {told}"])
    return Token(secret)


def _create(path: Path, secret: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
