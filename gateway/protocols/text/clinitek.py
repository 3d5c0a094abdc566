"""Siemens CLINITEK Status: comma-delimited text, or the printed report line by line.

The order of the fields differs by firmware and is not documented here, so nothing is read by
position: a word that names a test begins a row, what follows up to the next name is its value.
Words before the first test are ``head1``, ``head2`` and so on.  There is no end mark: silence ends
a report.  Not verified with a device; a test that comes twice is a problem at its name.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.text.fields import Fields, bytes_of, text_of
from gateway.protocols.text.framing import Silence

NAME: Final = "clinitek-status"
FRAMING: Final = Silence(patience=2.0, limit=16_384)

_SYNONYMS: Final = {
    "COLOR": "COL", "COLOUR": "COL", "CLARITY": "CLA", "BLD": "BLO", "P-C": "P:C", "A-C": "A:C",
}  # fmt: skip
TESTS: Final = frozenset(
    {
        *("GLU", "BIL", "KET", "SG", "BLO", "PH", "PRO", "URO", "NIT", "LEU"),
        *("ALB", "CRE", "A:C", "P:C", "COL", "CLA", "HCG"),
    }
)
_WORDS = re.compile(r"[,\r\n\x02\x03]+")


def decode(raw: bytes) -> Fields:
    """Fields ``head1`` ...; a row a test with ``value`` and, where more stands there, ``more``."""
    head: list[str] = []
    rows: list[tuple[str, list[str]]] = []
    for word in _words(text_of(raw)):
        name, _, glued = word.partition(" ")
        code = _SYNONYMS.get(name.upper().rstrip("*:"), name.upper().rstrip("*:"))
        if code in TESTS:
            rows.append((code, [glued.strip()] if glued.strip() else []))
        else:
            (rows[-1][1] if rows else head).append(word)
    values = {f"head{index}": word for index, word in enumerate(head, 1)}
    names = [name for name, _ in rows]
    problems = tuple(sorted({name for name in names if names.count(name) > 1}))
    tests = tuple(Fields(name, _value(words)) for name, words in rows)
    return Fields(NAME, values, tests, problems=problems if rows else ("layout",))


def _words(text: str) -> list[str]:
    return [word.strip() for word in _WORDS.split(text) if word.strip()]


def _value(words: list[str]) -> dict[str, str]:
    return {"value": words[0] if words else "", "more": ",".join(words[1:])}


def encode(fields: Fields) -> bytes:
    """A report as one comma-delimited line."""
    words = [text for name, text in fields.values.items() if name.startswith("head")]
    for row in fields.rows:
        words += [row.name, row.values.get("value", "")]
        words += [row.values["more"]] if row.at("more") else []
    return bytes_of(",".join(words) + "\r\n")
