"""Text for a peer's Specific Character Set (PS3.3 C.12.1.1.2): what does not fit is spelled out.

``fit`` never gives ``?``: a letter outside the repertoire becomes its usual spelling (``ü`` to
``ue``, Cyrillic and Greek by sound), then its base letter, then its name's last word, at last its
code point in brackets.  ``SUPPORTED`` are the sets a device may be configured with.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

DEFAULT: Final = "ISO_IR 100"
SUPPORTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ISO_IR 6": "ascii",
        "ISO_IR 100": "latin-1",
        "ISO_IR 101": "iso8859-2",
        "ISO_IR 109": "iso8859-3",
        "ISO_IR 110": "iso8859-4",
        "ISO_IR 126": "iso8859-7",
        "ISO_IR 127": "iso8859-6",
        "ISO_IR 138": "iso8859-8",
        "ISO_IR 144": "iso8859-5",
        "ISO_IR 148": "iso8859-9",
        "ISO_IR 166": "iso8859-11",
        "ISO_IR 192": "utf-8",
        "GB18030": "gb18030",
    }
)


def _spellings(letters: str, sounds: str) -> Mapping[str, str]:
    return dict(zip(letters, sounds.split(), strict=True))


_SPELLED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **_spellings("äöüßæœøåþðđłıħŋ", "ae oe ue ss ae oe o aa th d d l i h ng"),
        **_spellings("абвгдежзийклмнопр", "a b v g d e zh z i y k l m n o p r"),
        **_spellings("стуфхцчшщыэюяёіїєґ", "s t u f kh ts ch sh shch y e yu ya e i yi ye g"),
        **_spellings("αβγδεζηθικλμν", "a v g d e z i th i k l m n"),
        **_spellings("ξοπρσςτυφχψω", "x o p r s s t y f ch ps o"),
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{EURO SIGN}": "EUR",
        "\N{HORIZONTAL ELLIPSIS}": "...",
    }
)
_SILENT: Final = frozenset("ъьЪЬ")


def codec_of(character_set: str) -> str:
    """The codec of a supported set; LookupError for any other."""
    return SUPPORTED[character_set]


def fit(value: str, character_set: str, limit: int | None = None) -> str:
    """The text as that set can write it.  Spellings that would pass ``limit`` characters (per
    component group of a name, or in all) are made with base letters only."""
    composed = unicodedata.normalize("NFC", value)
    codec = codec_of(character_set)
    if _encodes(composed, codec):
        return composed
    spelled = "".join(_spelling(c, codec, short=False) for c in composed)
    if limit is not None and any(len(part) > limit for part in spelled.split("=")):
        return "".join(_spelling(c, codec, short=True) for c in composed)
    return spelled


def changes(value: str, character_set: str) -> bool:
    """Whether ``fit`` would give another text."""
    return not _encodes(unicodedata.normalize("NFC", value), codec_of(character_set))


def folded(value: str) -> str:
    """For comparing names: case and accents gone."""
    decomposed = unicodedata.normalize("NFKD", value.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def spelled(value: str) -> str:
    """A name in plain letters, as a device with few letters may show and ask for it."""
    return fit(value, "ISO_IR 6")


def _encodes(value: str, codec: str) -> bool:
    try:
        value.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=4096)
def _spelling(character: str, codec: str, *, short: bool) -> str:
    if _encodes(character, codec):
        return character
    if character in _SILENT:
        return ""
    base = folded_keeping_case(character)
    usual = _usual(character) or _usual(base)
    choices = (base, usual[:1], usual) if short else (usual, base)
    for choice in choices:
        if choice and choice.isascii():
            return choice
    return _named(character)


def _usual(character: str) -> str:
    spelling = _SPELLED.get(character.lower(), "")
    return spelling.capitalize() if character.isupper() else spelling


def folded_keeping_case(character: str) -> str:
    """The letter without its marks."""
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _named(character: str) -> str:
    """``HIRAGANA LETTER KA`` is KA; an ideograph has no reading of its own."""
    words = unicodedata.name(character, "").split()
    if len(words) > 2 and words[-2] in ("LETTER", "SYLLABLE"):
        return words[-1].capitalize()
    if unicodedata.category(character).startswith("M"):
        return ""
    return f"[{ord(character):04X}]"
