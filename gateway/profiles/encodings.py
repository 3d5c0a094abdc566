"""In which encoding a device wrote, where its messages do not say: the profile knows it, or the
site, for a device that is set up otherwise."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from gateway.profiles.schema import AnalyzerProfile, Quirk

ENCODINGS: Final = (
    *("utf-8", "latin-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "iso8859-15"),
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp437", "cp850", "cp852", "cp866"),
    *("koi8-r", "gbk", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"),
)
"""What a site may say of a device.  ASCII means itself in each of them."""

_EITHER: Final = Quirk.EITHER_ENCODING


@lru_cache(maxsize=256)
def written_in(profile: AnalyzerProfile, encoding: str | None) -> AnalyzerProfile:
    """The profile of a device whose text is in ``encoding``; None: as the profile has it."""
    if encoding is None:
        return profile
    files = None if profile.hl7_files is None else written_in(profile.hl7_files, encoding)
    quirks = profile.quirks - {_EITHER}
    return replace(profile, encoding=encoding, quirks=quirks, hl7_files=files)


def is_utf8(data: bytes) -> bool:
    """Whether it is UTF-8 and would be something else in another encoding."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not data.isascii()


def encoding_of(payload: bytes, profile: AnalyzerProfile) -> str:
    """Text of another encoding that happens to be UTF-8 as well does not come up in names."""
    if _EITHER in profile.quirks and is_utf8(payload):
        return "utf-8"
    return profile.encoding
