"""A performed procedure step as its modality tells it (PS3.4 annex F): what a message changes.

``created`` and ``changed`` are pure: the step as known and a message in, a ``Verdict`` out.  A
repetition with the same content is answered as done and changes nothing.  A step that has ended
changes no more, except that a unit may open its exam again: IN PROGRESS after the end.
``Manifest`` is what the step says was made, and so what should arrive.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from gateway.protocols.dicom import Status, is_valid_uid

if TYPE_CHECKING:
    from pydicom import Dataset

Content = Mapping[str, Any]
"""DICOM JSON (PS3.18 annex F)."""

_STATUS: Final = "00400252"
_CHARACTER_SET: Final = "00080005"
_SCHEDULED: Final = "00400270"  # Scheduled Step Attributes Sequence
_STUDY: Final = "0020000D"
_ACCESSION: Final = "00080050"
_PATIENT_ID: Final = "00100020"
_STEP: Final = "00400009"
_SERIES: Final = "00400340"  # Performed Series Sequence
_SERIES_UID: Final = "0020000E"
_REFERENCED: Final = ("00081140", "00400220")  # images, and other composite instances
_CLASS_UID: Final = "00081150"
_INSTANCE_UID: Final = "00081155"
MAY_NOT_BE_UPDATED: Final = 0xA710
REFUSALS: Final = (
    Status.MISSING_ATTRIBUTE,
    Status.MISSING_ATTRIBUTE_VALUE,
    Status.DUPLICATE_SOP_INSTANCE,
    Status.NO_SUCH_SOP_INSTANCE,
    Status.PROCESSING_FAILURE,
)
"""What a refused message is answered with, besides a value that is none of its kind."""


class StepStatus(StrEnum):
    """Performed Procedure Step Status (0040,0252)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"

    @property
    def ended(self) -> bool:
        return self is not StepStatus.IN_PROGRESS


class Effect(StrEnum):
    """What a message did."""

    CREATED = "created"
    CHANGED = "changed"
    ENDED = "ended"
    REOPENED = "reopened"
    REPEATED = "repeated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``status`` answers the message; ``content`` is the step from now on, when it changed."""

    effect: Effect
    status: int = Status.SUCCESS
    content: Content = field(default_factory=dict, repr=False)
    comment: str = ""
    error_id: int | None = None


@dataclass(frozen=True, slots=True)
class PerformedSeries:
    """A series and its instances as (SOP class, SOP instance)."""

    uid: str
    instances: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a step says it made.  ``status`` None: it says nothing a standard knows."""

    status: StepStatus | None
    study_uids: tuple[str, ...]
    series: tuple[PerformedSeries, ...]

    @property
    def instances(self) -> frozenset[str]:
        """Every instance it names."""
        return frozenset(uid for series in self.series for _, uid in series.instances)


def content_of(data_set: Dataset) -> Content:
    """A data set as DICOM JSON; the same elements give the same JSON, however they were encoded."""
    content: Content = data_set.to_json_dict()
    return {key: content[key] for key in sorted(content) if not key.endswith("0000")}


def encoded(content: Content) -> str:
    """As text, for the store and for comparison."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def decoded(text: str) -> Content:
    found: Content = json.loads(text)
    return found


def created(known: Content | None, first: Content | None, message: Content) -> Verdict:
    """N-CREATE.  ``first``: the content of the N-CREATE that made the step."""
    status = status_of(message)
    if status is None:
        return _refused_status(message)
    if known is None or first is None:
        return _made(status, message)
    if encoded(first) == encoded(message):
        return Verdict(Effect.REPEATED)
    before = status_of(known)
    if before is not None and before.ended and not status.ended and _same_exam(known, message):
        return Verdict(Effect.REOPENED, content={**known, **message})
    comment = "another step has this UID"
    return Verdict(Effect.REFUSED, Status.DUPLICATE_SOP_INSTANCE, comment=comment)


def changed(known: Content | None, last: Content | None, message: Content) -> Verdict:
    """N-SET.  ``last``: the content of the latest message about the step."""
    if known is None:
        return Verdict(Effect.REFUSED, Status.NO_SUCH_SOP_INSTANCE, comment="no such step")
    status = status_of(message) if _STATUS in message else status_of(known)
    if status is None:
        return _refused_status(message)
    if last is not None and encoded(last) == encoded(message):
        return Verdict(Effect.REPEATED)
    merged = {**known, **message}
    before = status_of(known)
    if before is None or not before.ended:
        return Verdict(Effect.ENDED if status.ended else Effect.CHANGED, content=merged)
    if _STATUS in message and not status.ended:
        return Verdict(Effect.REOPENED, content=merged)
    if encoded(merged) == encoded(known):
        return Verdict(Effect.REPEATED)
    comment = "Performed Procedure Step Object may no longer be updated"
    return Verdict(
        Effect.REFUSED, Status.PROCESSING_FAILURE, comment=comment, error_id=MAY_NOT_BE_UPDATED
    )


def manifest(content: Content) -> Manifest:
    """What the step names, as far as its items are readable."""
    series = tuple(
        PerformedSeries(_text(item, _SERIES_UID), tuple(_instances(item)))
        for item in _items(content, _SERIES)
    )
    return Manifest(status_of(content), study_uids(content), series)


def study_uids(content: Content) -> tuple[str, ...]:
    """Of the scheduled step attributes, in order, each once."""
    found = (_text(item, _STUDY) for item in _items(content, _SCHEDULED))
    return tuple(dict.fromkeys(uid for uid in found if uid))


def accession(content: Content) -> str:
    """The first one named."""
    found = (_text(item, _ACCESSION) for item in _items(content, _SCHEDULED))
    return next((number for number in found if number), "")


def step_ids(content: Content) -> tuple[str, ...]:
    """Scheduled Procedure Step IDs, in order."""
    found = (_text(item, _STEP) for item in _items(content, _SCHEDULED))
    return tuple(step for step in found if step)


def patient_id(content: Content) -> str:
    return _text(content, _PATIENT_ID)


def status_of(content: Content) -> StepStatus | None:
    try:
        return StepStatus(_text(content, _STATUS))
    except ValueError:
        return None


def _same_exam(known: Content, message: Content) -> bool:
    """Units copied from one another make the same UIDs."""
    return all(find(known) == find(message) for find in (study_uids, patient_id))


def _made(status: StepStatus, message: Content) -> Verdict:
    if status.ended:
        comment = "a step begins IN PROGRESS"
        return Verdict(Effect.REFUSED, Status.INVALID_ATTRIBUTE_VALUE, comment=comment)
    if not _items(message, _SCHEDULED):
        comment = "no Scheduled Step Attributes Sequence"
        return Verdict(Effect.REFUSED, Status.MISSING_ATTRIBUTE, comment=comment)
    uids = study_uids(message)
    if not uids or not all(is_valid_uid(uid) for uid in uids):
        comment = "no Study Instance UID"
        return Verdict(Effect.REFUSED, Status.MISSING_ATTRIBUTE_VALUE, comment=comment)
    return Verdict(Effect.CREATED, content=message)


def _refused_status(message: Content) -> Verdict:
    if not _text(message, _STATUS):
        return Verdict(Effect.REFUSED, Status.MISSING_ATTRIBUTE, comment="no status of the step")
    comment = "not a status of a step"
    return Verdict(Effect.REFUSED, Status.INVALID_ATTRIBUTE_VALUE, comment=comment)


def _instances(series: Content) -> Iterator[tuple[str, str]]:
    for sequence in _REFERENCED:
        for item in _items(series, sequence):
            uid = _text(item, _INSTANCE_UID)
            if uid:
                yield _text(item, _CLASS_UID), uid


def _items(content: Content, tag: str) -> tuple[Content, ...]:
    found = content.get(tag, {}).get("Value", ())
    return tuple(item for item in found if isinstance(item, Mapping))


def _text(content: Content, tag: str) -> str:
    found = content.get(tag, {}).get("Value", ())
    return str(found[0]).strip() if found and isinstance(found[0], str | int | float) else ""
