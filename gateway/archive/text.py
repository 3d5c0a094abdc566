"""Text of a data set by its Specific Character Set (PS3.3 C.12.1.1.2), for the index only.

What cannot be decoded is shown with replacement characters; the bytes in the file stay the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

_CODECS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "latin-1",  # the default repertoire; devices that forget to say write Latin-1
        "ISO_IR 6": "latin-1",
        "ISO_IR 100": "latin-1",
        "ISO_IR 101": "iso8859-2",
        "ISO_IR 109": "iso8859-3",
        "ISO_IR 110": "iso8859-4",
        "ISO_IR 144": "iso8859-5",
        "ISO_IR 127": "iso8859-6",
        "ISO_IR 126": "iso8859-7",
        "ISO_IR 138": "iso8859-8",
        "ISO_IR 148": "iso8859-9",
        "ISO_IR 203": "iso8859-15",
        "ISO_IR 13": "shift_jis",
        "ISO_IR 166": "iso8859-11",
        "ISO_IR 192": "utf-8",
        "GB18030": "gb18030",
        "GBK": "gbk",
    }
)


def decode(value: bytes, character_sets: Sequence[str]) -> str:
    """The text without its padding."""
    bare = value.strip(b" \0")
    if bare.isascii() and b"\x1b" not in bare:
        return bare.decode("ascii")
    first = character_sets[0] if character_sets else ""
    if len(character_sets) > 1 or first.startswith("ISO 2022"):
        return _with_extensions(bare, character_sets)
    return bare.decode(_CODECS.get(first, "latin-1"), "replace").replace("\0", "")


def _with_extensions(value: bytes, character_sets: Sequence[str]) -> str:
    """Code extensions are rare and pydicom's; it is large, so it comes only when one is seen."""
    from pydicom.charset import convert_encodings, decode_bytes

    try:
        encodings = convert_encodings(list(character_sets))
        return decode_bytes(value, encodings, {0x5C, 0x3D, 0x5E})
    except (LookupError, UnicodeError, ValueError):
        return value.decode("latin-1").replace("\x1b", "?")
