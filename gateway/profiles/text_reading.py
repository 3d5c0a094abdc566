"""Messages of text-speaking devices as a ``Reading``: rows of a codec's ``Fields`` become lines.

What the codec could not take apart is a problem that holds: without a checksum the layout is all
that protects a result.  Curves are attachments.  These devices send no message ids, so the content
is all they say, but for fields the profile calls volatile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from gateway.profiles import text_views
from gateway.profiles.astm_reading import Payload
from gateway.profiles.reading import Group, Line, Reading
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.text_place import TextPlace
from gateway.protocols.astm.text import decode_text
from gateway.protocols.errors import ProtocolError
from gateway.protocols.text import Fields
from gateway.report import Attachment, Problem, ProblemCode


def read_text(payload: Payload, profile: AnalyzerProfile) -> Reading:
    """Never fails: what cannot be read becomes a problem with its position."""
    fields = _fields(payload, profile)
    if fields is None:
        problem = Problem(ProblemCode.MALFORMED_RECORD, "message")
        return Reading((), sha256(_octets(payload)).hexdigest(), (problem,))
    codec = profile.link.codec or ""
    parts = tuple(text_views.parts(fields, codec))
    flaws = (*_flaws(fields), *_doubts(fields, profile))
    groups = tuple(
        _group(part, profile, number, flaws) for number, part in enumerate(parts, start=1)
    )
    attachments = tuple(_attachments(fields))
    if groups and attachments:
        first, *others = groups
        groups = (_with(first, attachments), *others)
    content = "\n".join(_canon(one, profile.volatile) for one in (fields, *fields.rows))
    return Reading(groups, content, () if groups else flaws)


def text_header(payload: Payload, profile: AnalyzerProfile) -> TextPlace | None:
    """The head of the message; None where it cannot be read."""
    fields = _fields(payload, profile)
    return None if fields is None else TextPlace(fields, profile.encoding)


def _fields(payload: Payload, profile: AnalyzerProfile) -> Fields | None:
    try:
        return text_views.decode(_octets(payload), profile.link.codec or "")
    except ProtocolError:
        return None


def _octets(payload: Payload) -> bytes:
    if not isinstance(payload, bytes):
        raise TypeError("text is read from bytes")
    return payload


def _group(
    part: text_views.Part, profile: AnalyzerProfile, number: int, flaws: tuple[Problem, ...]
) -> Group:
    prefix = "" if number == 1 else f"specimen[{number}]/"
    place = TextPlace(part.head, profile.encoding, prefix=prefix)
    lines = tuple(
        Line(TextPlace(part.head, profile.encoding, row, count, prefix))
        for count, row in enumerate(part.rows, start=1)
    )
    content = "\n".join(_canon(one, profile.volatile) for one in (part.head, *part.rows))
    return Group(place, f"{prefix}message", lines, content, problems=flaws)


def _with(group: Group, attachments: tuple[Attachment, ...]) -> Group:
    return Group(
        group.place,
        group.position,
        group.lines,
        group.content,
        group.remarks,
        group.problems,
        attachments,
    )


def _flaws(fields: Fields) -> Iterator[Problem]:
    """What the codec found wrong; a row that is wrong names itself at the message too."""
    rows = (f"{row.name}.{name}" for row in fields.rows for name in row.problems)
    for name in dict.fromkeys((*fields.problems, *rows)):
        yield Problem(ProblemCode.MALFORMED_RECORD, name)


def _doubts(fields: Fields, profile: AnalyzerProfile) -> Iterator[Problem]:
    """Bytes that the profile's encoding has no characters for."""
    texts = (text for one in (fields, *fields.rows) for text in one.values.values())
    strange = (text for text in texts if not text.isascii())
    if any(decode_text(text.encode("latin-1"), profile.encoding).doubtful for text in strange):
        yield Problem(ProblemCode.ENCODING_DOUBTFUL, "message")


def _attachments(fields: Fields) -> Iterator[Attachment]:
    for one in (fields, *fields.rows):
        for name, curve in one.blobs.items():
            digest = sha256(curve).hexdigest()
            yield Attachment(name, "application/octet-stream", len(curve), digest)


def _canon(fields: Fields, volatile: Iterable[str]) -> str:
    """One head or row in one spelling; the bytes of curves by their digest."""
    left_out = {path.removeprefix("row.") for path in volatile}
    values = (f"{n}={t.strip()}" for n, t in fields.values.items() if n not in left_out)
    blobs = (f"{name}={sha256(curve).hexdigest()}" for name, curve in fields.blobs.items())
    return "\x1f".join((fields.name, *values, *blobs))
