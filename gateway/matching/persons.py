"""Whether what a device says of a person contradicts the EHR's record.

What a device says never identifies anybody; it can only raise a doubt.  Names are compared without
case, accents and punctuation, part by part; a single letter stands for a name that begins so.
"""

from __future__ import annotations

import unicodedata

from gateway.names import name_parts
from gateway.orders.patients import KnownPatient
from gateway.report import Patient

_SAID = frozenset("MF")


def contradicts(sent: Patient, known: KnownPatient) -> bool:
    """Another birth date, another sex, or another name."""
    if sent.birth_date and known.birth_date and not _same_date(sent.birth_date, known.birth_date):
        return True
    sexes = {sent.sex, known.sex}
    if len(sexes) == 2 and sexes <= _SAID:
        return True
    return bool(sent.name and known.name) and not _same_name(sent.name or "", known.name or "")


def _same_date(one: str, other: str) -> bool:
    """A date that is less exact agrees as far as it goes."""
    return one.startswith(other) or other.startswith(one)


def _same_name(sent: str, known: str) -> bool:
    """Every part the device sent is a part of the known name; family and given may be turned
    round only where the device wrote one cell."""
    if "^" in sent and "^" in known:
        pairs = zip(name_parts(sent), name_parts(known), strict=False)
        return all(_parts_agree(words(a), words(b)) for a, b in list(pairs)[:2])
    return _parts_agree(*(words(" ".join(name_parts(name))) for name in (sent, known)))


def _parts_agree(sent: list[str], known: list[str]) -> bool:
    if not sent or not known:
        return True
    return all(any(_word_agrees(word, other) for other in known) for word in sent)


def _word_agrees(word: str, other: str) -> bool:
    return word == other or (len(word) == 1 and other.startswith(word))


def words(text: str) -> list[str]:
    """The parts of a name, without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(" " if not c.isalnum() else c for c in plain if not unicodedata.combining(c))
    return kept.split()
