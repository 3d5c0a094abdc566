"""In which encoding a device wrote, where its messages do not say."""

from __future__ import annotations

from gateway.profiles.schema import AnalyzerProfile, Quirk


def encoding_of(payload: bytes, profile: AnalyzerProfile) -> str:
    """Text of another encoding that happens to be UTF-8 as well does not come up in names."""
    if Quirk.EITHER_ENCODING in profile.quirks and not payload.isascii():
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError:
            return profile.encoding
        return "utf-8"
    return profile.encoding
