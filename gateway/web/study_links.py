"""Links to the page of one study: for whoever holds one, until it expires, without an account.

An address names the study's row and an end, signed (HMAC-SHA256) with a key made of the access
token: nobody can make one up or lengthen it, nothing in it is of a patient, and a new token ends
all of them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.errors import GatewayError

PATH: Final = "/s/"
_FIELDS: Final = struct.Struct(">QQ")
_MAC: Final = 26  # bytes of the signature; with the fields no padding in base 64


class BadLink(GatewayError):
    """No link of ours."""


class Expired(GatewayError):
    """It was one."""


@dataclass(frozen=True, slots=True, repr=False)
class StudyLinks:
    """``address``: what people call this gateway by, http://HOST:PORT or a proxy's."""

    address: str
    key: bytes
    days: int
    clock: Callable[[], datetime]

    def of(self, study: int) -> str:
        """A link to the study of that row, from now on."""
        end = self.clock() + timedelta(days=self.days)
        fields = _FIELDS.pack(study, int(end.timestamp()))
        text = base64.urlsafe_b64encode(fields + self._signature(fields)).decode("ascii")
        return f"{self.address.rstrip('/')}{PATH}{text}"

    def read(self, text: str) -> int:
        """Which study it leads to."""
        try:
            content = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error, ValueError):
            raise BadLink("there is no such page") from None
        fields, signature = content[: _FIELDS.size], content[_FIELDS.size :]
        if not hmac.compare_digest(signature, self._signature(fields)):
            raise BadLink("there is no such page")
        study, end = _FIELDS.unpack(fields)
        if datetime.fromtimestamp(end, UTC) <= self.clock():
            raise Expired("this link has expired; ask for a new one")
        return int(study)

    def _signature(self, fields: bytes) -> bytes:
        return hmac.digest(self.key, fields, "sha256")[:_MAC]
