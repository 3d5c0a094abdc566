"""Identities that follow from content: the same report always gets the same ones.

Keyed with the site's secret, so that nobody outside can forge a control id (an ACK must repeat it)
or turn a pseudonym back into an id by trying them all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

CONTROL_ID_LENGTH = 20
FILLER_NUMBER_LENGTH = 22

_HASH = re.compile("[0-9a-f]{32,}")


def control_id(key: bytes, report_id: str, revision: int) -> str:
    """MSH-10: 20 characters of base32, the same for every retry, another for a revision."""
    text = f"{report_id}\x00{revision}"
    return _base32(_keyed(key, "MSH-10", text))[:CONTROL_ID_LENGTH]


def filler_number(report_id: str) -> str:
    """OBR-3 of a report, short enough for old receivers (22 characters).

    Its id where that fits; the first 20 digits of one that is a hash; the hash of any other.
    """
    if len(report_id) <= FILLER_NUMBER_LENGTH:
        return report_id
    if _HASH.fullmatch(report_id):
        return report_id[:20]
    return _base32(hashlib.sha256(report_id.encode()).digest())[:CONTROL_ID_LENGTH]


def pseudonym(key: bytes, value: str) -> str:
    """An id nobody can turn back; 26 characters of base32, equal for equal ids of one site."""
    return _base32(_keyed(key, "pseudonym", value))[:26]


def _keyed(key: bytes, purpose: str, text: str) -> bytes:
    return hmac.digest(key, f"{purpose}\x00{text}".encode(), "sha256")


def _base32(digest: bytes) -> str:
    return base64.b32encode(digest).decode("ascii")
