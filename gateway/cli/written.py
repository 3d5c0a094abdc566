"""Whether a device writes in the encoding that is expected of it, told from recorded bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gateway.cli.symptoms import Finding, Symptom
from gateway.profiles import AnalyzerProfile, Protocol, Quirk
from gateway.profiles.encodings import is_utf8

_FRAME: Final = re.compile(rb"\x02[0-7]([^\x02\x03\x17]*)[\x03\x17]")
_SAYS_ITSELF: Final = re.compile(rb"<\?xml|<[A-Z]{3}\.R\d\d|\x0bMSH(?:\|[^|\r]*){16}\|[^|\r]")
"""XML, and HL7 with MSH-18."""


def text_findings(device: bytes, profile: AnalyzerProfile | None) -> Iterator[Finding]:
    """Nothing where there is only ASCII, or where the messages name their encoding."""
    text = b"".join(_FRAME.findall(device)) or device
    if text.isascii() or _SAYS_ITSELF.search(device):
        return
    if profile is None:
        if is_utf8(text):
            advice = 'in the device\'s section, unless its profile says so: encoding = "utf-8"'
            yield Finding(Symptom.OTHER_ENCODING, "the device writes UTF-8", advice, fault=False)
        return
    if profile.link.protocol is Protocol.POCT1A or Quirk.EITHER_ENCODING in profile.quirks:
        return
    if is_utf8(text) and profile.encoding != "utf-8":
        said = f"the device writes UTF-8, the profile expects {profile.encoding}"
        yield Finding(
            Symptom.OTHER_ENCODING, said, 'here: encoding = "utf-8" in the device\'s section'
        )
    elif profile.encoding == "utf-8" and not is_utf8(text):
        yield Finding(
            Symptom.OTHER_ENCODING,
            "the profile expects UTF-8, and the device writes something else",
            "here: encoding = ... in the device's section, as the device is set up: latin-1, "
            "cp1252, ...; on the device: UTF-8",
        )
