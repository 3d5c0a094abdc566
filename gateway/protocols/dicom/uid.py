"""Unique identifiers and application entity titles as they come off a wire (PS3.5 6.2 and 9.1).

Padding (NUL or blank, either side) is never part of the value.  What is left is kept as it came,
valid or not: a device's odd identifier is data, and only what we propose ourselves must be valid.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.errors import LocalProtocolError

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
STORAGE_COMMITMENT_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
"""Well-known SOP instance of the Storage Commitment Push Model (PS3.4 J.3.5)."""

MAX_UID: Final = 64  # characters
MAX_AE_TITLE: Final = 16  # characters
_PADDING: Final = b"\0 "
_SHAPE: Final = re.compile(r"[0-9]+(\.[0-9]+)*")


def is_valid_uid(uid: str) -> bool:
    """Digits and single points, at most 64; leading zeros pass, because devices send them."""
    return len(uid) <= MAX_UID and _SHAPE.fullmatch(uid) is not None


def read_uid(value: bytes) -> str:
    """The identifier without its padding."""
    return value.strip(_PADDING).decode("latin-1")


def shown_uid(uid: str) -> str:
    """The identifier where it is one, else only its length: safe in a log line."""
    return uid if is_valid_uid(uid) else f"an invalid UID of {len(uid)} characters"


def read_ae_title(value: bytes) -> str:
    """The title without its padding; control characters become ``?``."""
    title = value.strip(_PADDING).decode("latin-1")
    return "".join(c if c.isprintable() else "?" for c in title)


def write_ae_title(title: str) -> bytes:
    """Sixteen bytes, blank padded.  Refuses what is no AE title."""
    bare = title.strip(" ")
    if not 1 <= len(bare) <= MAX_AE_TITLE or not bare.isascii() or not bare.isprintable():
        raise LocalProtocolError("an AE title has 1 to 16 printable ASCII characters")
    if "\\" in bare:
        raise LocalProtocolError("an AE title has no backslash")
    return bare.encode("ascii").ljust(MAX_AE_TITLE)
