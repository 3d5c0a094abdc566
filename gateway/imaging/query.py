"""Queries of the archive in the Study Root model (PS3.4 C.6.2): what matches, level by level.

Every level above the one asked for must be named by its UID.  What a query may ask for beyond the
index (``SUPPORTED``) is answered empty.  ``Impossible`` for an identifier that names no level or
lacks a UID.  Studies are found and shown under the identity they go out with.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from gateway.archive import Index, Instance, Series, Study
from gateway.archive.sweep import GONE
from gateway.errors import GatewayError
from gateway.imaging import matching
from gateway.imaging.datasets import element, element_of, new, plain, text, unchecked, values
from gateway.imaging.text import fit

if TYPE_CHECKING:
    from pydicom import Dataset

_PAGE: Final = 500

Row = TypeVar("Row")


class Impossible(GatewayError):
    """Not a query of this model; says what is missing."""


class Level(StrEnum):
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


_STUDY: Final[Mapping[str, Callable[[Study], str]]] = MappingProxyType(
    {
        "StudyInstanceUID": lambda study: study.uid,
        "StudyDate": lambda study: study.study_date,
        "StudyTime": lambda study: study.study_time,
        "AccessionNumber": lambda study: study.accession,
        "PatientName": lambda study: study.patient_name,
        "PatientID": lambda study: study.patient_id,
        "IssuerOfPatientID": lambda study: study.issuer,
        "PatientBirthDate": lambda study: study.birth_date,
        "PatientSex": lambda study: study.sex,
        "StudyID": lambda study: study.study_id,
        "StudyDescription": lambda study: study.description,
        "ReferringPhysicianName": lambda study: study.referring,
        "NumberOfStudyRelatedInstances": lambda study: str(study.instances),
    }
)
_SERIES: Final[Mapping[str, Callable[[Series], str]]] = MappingProxyType(
    {
        "SeriesInstanceUID": lambda series: series.uid,
        "Modality": lambda series: series.modality,
        "SeriesNumber": lambda series: series.number,
        "SeriesDescription": lambda series: series.description,
        "NumberOfSeriesRelatedInstances": lambda series: str(series.instances),
    }
)
_IMAGE: Final[Mapping[str, Callable[[Instance], str]]] = MappingProxyType(
    {
        "SOPInstanceUID": lambda instance: instance.uid,
        "SOPClassUID": lambda instance: instance.sop_class,
        "InstanceNumber": lambda instance: instance.number,
        "NumberOfFrames": lambda instance: instance.frames,
        "Rows": lambda instance: instance.rows,
        "Columns": lambda instance: instance.columns,
        "ContentDate": lambda instance: instance.content_date,
        "ContentTime": lambda instance: instance.content_time,
        "AvailableTransferSyntaxUID": lambda instance: instance.transfer_syntax,
        "InstanceAvailability": lambda instance: _availability(instance),
    }
)


def _availability(instance: Instance) -> str:
    """Whether it can be retrieved from us."""
    return "UNAVAILABLE" if instance.state in GONE else "ONLINE"


SUPPORTED: Final = (*_STUDY, *_SERIES, *_IMAGE, "ModalitiesInStudy", "NumberOfStudyRelatedSeries")
_OF_SERIES: Final = ("ModalitiesInStudy", "NumberOfStudyRelatedSeries")


def level_name(keyword: str) -> str:
    """The level a supported attribute belongs to."""
    if keyword in _SERIES:
        return Level.SERIES.value
    return Level.IMAGE.value if keyword in _IMAGE else Level.STUDY.value


def level_of(identifier: Dataset) -> Level:
    """``Impossible`` when it names none, or not what lies above."""
    try:
        level = Level(text(identifier, "QueryRetrieveLevel"))
    except ValueError:
        raise Impossible("no level of the study root") from None
    if level is not Level.STUDY and not values(identifier, "StudyInstanceUID"):
        raise Impossible("no Study Instance UID")
    if level is Level.IMAGE and not values(identifier, "SeriesInstanceUID"):
        raise Impossible("no Series Instance UID")
    return level


async def find(
    index: Index, identifier: Dataset, character_set: str
) -> AsyncGenerator[Dataset | None, None]:
    """The answers as they are found; None now and then while none are."""
    level = level_of(identifier)
    async for study in _studies(index, identifier):
        if study is None:
            yield None
            continue
        async for found in _within(index, study, level, identifier):
            if found is not None:
                yield _answer(identifier, found, level, character_set)
            else:
                yield None


async def select(index: Index, identifier: Dataset) -> Sequence[Instance]:
    """What a C-MOVE or C-GET is about: instances by UIDs alone."""
    level = level_of(identifier)
    studies = values(identifier, "StudyInstanceUID")
    if not studies:
        raise Impossible("no Study Instance UID")
    found: list[Instance] = []
    for study_uid in dict.fromkeys(studies):
        if level is Level.STUDY:
            found.extend(await index.instances(study_uid))
            continue
        for series_uid in dict.fromkeys(values(identifier, "SeriesInstanceUID")):
            found.extend(await index.instances(study_uid, series_uid))
    wanted = frozenset(values(identifier, "SOPInstanceUID"))
    if level is Level.IMAGE and not wanted:
        raise Impossible("no SOP Instance UID")
    return [one for one in found if level is not Level.IMAGE or one.uid in wanted]


async def _studies(index: Index, identifier: Dataset) -> AsyncIterator[Study | None]:
    """Those whose own keys match; by UID directly, else all of them, the newest first."""
    uids = values(identifier, "StudyInstanceUID")
    if uids:
        for uid in dict.fromkeys(uids):
            study = await index.study(uid, corrected=True)
            if study is not None and _matches(identifier, study, _STUDY):
                yield study
        return
    before: int | None = None
    while page := await index.studies(before=before, limit=_PAGE, corrected=True):
        for study in page:
            if _matches(identifier, study, _STUDY):
                yield study
        before = page[-1].id
        yield None


async def _within(
    index: Index, study: Study, level: Level, identifier: Dataset
) -> AsyncGenerator[Dataset | None, None]:
    above = _written(study, _STUDY)
    if level is Level.STUDY:
        found = await _with_series(index, study, identifier, above)
        if found is not None:
            yield await _with_availability(index, identifier, found, study.uid)
        return
    for series in await index.series(study.uid):
        if not _matches(identifier, series, _SERIES):
            continue
        here = {**above, **_written(series, _SERIES)}
        if level is Level.SERIES:
            found = _data_set(here)
            yield await _with_availability(index, identifier, found, study.uid, series.uid)
            continue
        for instance in await index.instances(study.uid, series.uid):
            if _matches(identifier, instance, _IMAGE):
                yield _data_set({**here, **_written(instance, _IMAGE)})


async def _with_series(
    index: Index, study: Study, identifier: Dataset, above: Mapping[str, str]
) -> Dataset | None:
    """A study with what only its series know, when that is asked for."""
    if not any(keyword in identifier for keyword in _OF_SERIES):
        return _data_set(above)
    series = await index.series(study.uid)
    modalities = tuple(sorted({one.modality for one in series if one.modality}))
    wanted = values(identifier, "ModalitiesInStudy")
    if wanted and not matching.matcher("CS", wanted)(modalities):
        return None
    extra = {
        "ModalitiesInStudy": "\\".join(modalities),
        "NumberOfStudyRelatedSeries": str(len(series)),
    }
    return _data_set({**above, **extra})


async def _with_availability(
    index: Index, identifier: Dataset, found: Dataset, *uids: str
) -> Dataset:
    """Of a study or series, when that is asked for: the worst of its images'."""
    if "InstanceAvailability" in identifier:
        each = {_availability(one) for one in await index.instances(*uids)}
        found.InstanceAvailability = "UNAVAILABLE" if "UNAVAILABLE" in each else "ONLINE"
    return found


def _matches(identifier: Dataset, row: Row, table: Mapping[str, Callable[[Row], str]]) -> bool:
    """Compares the columns before anything is made of them; a date and time are joined later."""
    from pydicom.datadict import tag_for_keyword

    for keyword, column in table.items():
        tag = tag_for_keyword(keyword)
        key = None if tag is None else element_of(identifier, tag)
        wanted = () if key is None else tuple(v for v in plain(key.value) if v)
        if wanted and key is not None:
            have = column(row)
            if not matching.matcher(str(key.VR), wanted)((have,) if have else ()):
                return False
    return True


def _written(row: Row, table: Mapping[str, Callable[[Row], str]]) -> dict[str, str]:
    return {keyword: column(row) for keyword, column in table.items()}


def _data_set(content: Mapping[str, str]) -> Dataset:
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    found = new()
    with unchecked():
        for keyword, value in content.items():
            tag = tag_for_keyword(keyword)
            if tag is not None:
                found.add(element(tag, dictionary_VR(tag), _typed(keyword, value)))
    return found


def _typed(keyword: str, value: str) -> str | int | None:
    if keyword in ("Rows", "Columns"):
        return int(value) if value.isdigit() else None
    if keyword in _NUMBERS and not value.strip("+-").isdigit():
        return None
    return value or None


_NUMBERS: Final = frozenset(
    keyword for keyword in SUPPORTED if keyword.startswith("NumberOf") or keyword.endswith("Number")
) - {"AccessionNumber"}


def _answer(identifier: Dataset, found: Dataset, level: Level, character_set: str) -> Dataset:
    with unchecked():
        answer = matching.answer(identifier, found)
        for one in answer:
            if one.VR in ("PN", "LO", "SH", "ST", "LT") and one.value:
                one.value = fit(str(one.value), character_set)
        answer.SpecificCharacterSet = character_set
        answer.QueryRetrieveLevel = level.value
    return answer
