"""TLS for connections to destinations: the server's certificate is always checked.

TLS 1.2 at least; a CA file of the site instead of the system's, and a client certificate where the
other side asks for one (mutual TLS as in IHE ATNA).  There is no way to switch checking off.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; ``key`` may stand in the certificate's file."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Raises ConfigurationError with one line naming the file that cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.ca is not None:
        context = _trusting_only(files.ca)
    if files.certificate is not None:
        try:
            context.load_cert_chain(files.certificate, files.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError([f"{files.certificate}: {_why(error)}"]) from error
    return context


def _trusting_only(ca: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError([f"{ca}: {_why(error)}"]) from error
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "not a usable PEM file of certificate and key"
    return error.strerror or "cannot be read"
