"""The head of a data set: who, which study, which procedure.  Never the pixels.

``scan`` reads only the elements named here, from a file or from memory, in any storable transfer
syntax; of a deflated one no more than ``INFLATED`` bytes.  ``Unreadable`` when the encoding breaks
or one of the four identifiers is missing or no UID.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.archive.elements import Encoding, Place, Source, Unreadable, Walker
from gateway.archive.text import decode
from gateway.protocols.dicom import is_valid_uid
from gateway.protocols.dicom.transfer_syntaxes import DEFLATED_LE, EXPLICIT_BE

INFLATED: Final = 1024 * 1024
_VALUE: Final = 1024  # bytes of one value; longer ones are cut, for the index only
_LAST: Final = 0x00400275
_CHARACTER_SET: Final = 0x00080005
_PROCEDURE_STEPS: Final = 0x00081111  # Referenced Performed Procedure Step Sequence
_REQUESTS: Final = 0x00400275  # Request Attributes Sequence
_REFERENCED_INSTANCE: Final = 0x00081155
_STEP_ID: Final = 0x00400009
_PROCEDURE_ID: Final = 0x00401001

_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x00080016: "sop_class_uid",
        0x00080018: "sop_instance_uid",
        0x00080020: "study_date",
        0x00080023: "content_date",
        0x00080030: "study_time",
        0x00080033: "content_time",
        0x00080050: "accession_number",
        0x00080060: "modality",
        0x00080090: "referring_physician",
        0x00081010: "station_name",
        0x00081030: "study_description",
        0x0008103E: "series_description",
        0x00100010: "patient_name",
        0x00100020: "patient_id",
        0x00100021: "issuer_of_patient_id",
        0x00100030: "birth_date",
        0x00100040: "sex",
        0x0020000D: "study_uid",
        0x0020000E: "series_uid",
        0x00200010: "study_id",
        0x00200011: "series_number",
        0x00200013: "instance_number",
        0x00280008: "frames",
        0x00280010: "rows",
        0x00280011: "columns",
    }
)
_UIDS: Final = ("sop_class_uid", "sop_instance_uid", "study_uid", "series_uid")
_SHORTS: Final = frozenset({"rows", "columns"})


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """Text as sent, padding removed; empty when absent.  Its ``repr`` shows no patient data."""

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    accession_number: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    referring_physician: str = ""
    modality: str = ""
    series_number: str = ""
    series_description: str = ""
    station_name: str = ""
    instance_number: str = ""
    content_date: str = ""
    content_time: str = ""
    frames: str = ""
    rows: str = ""
    columns: str = ""
    character_set: str = ""
    step_id: str = ""  # Scheduled Procedure Step ID of the first request
    procedure_id: str = ""
    mpps_uid: str = ""

    def __repr__(self) -> str:
        return f"Header(sop_instance_uid={self.sop_instance_uid!r})"


class Bytes:
    """A source in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, at: int, count: int) -> bytes:
        return self._data[at : at + count]


def scan(source: Source, length: int, transfer_syntax: str) -> Header:
    """The header of the ``length`` bytes of a data set."""
    if transfer_syntax == DEFLATED_LE:
        data = _inflated(source, length)
        source, length = Bytes(data), len(data)
    order = "big" if transfer_syntax == EXPLICIT_BE else "little"
    # Some writers say one and write the other; the first element shows it.
    vr = source.read(4, 2)
    encoding = Encoding(order, explicit=len(vr) == 2 and vr.isalpha() and vr.isupper())
    return _header(_Reading(Walker(source, length, encoding)).values())


def _inflated(source: Source, length: int) -> bytes:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return engine.decompress(source.read(0, min(length, INFLATED)), INFLATED)
    except zlib.error:
        raise Unreadable("the deflated data set cannot be inflated") from None


def _header(values: Mapping[str, str]) -> Header:
    for name in _UIDS:
        if not is_valid_uid(values.get(name, "")):
            raise Unreadable(f"{name} is missing or no UID")
    return Header(**values)


class _Reading:
    """One pass over the elements in question."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._character_sets: list[str] = []
        self._values: dict[str, str] = {}

    def values(self) -> dict[str, str]:
        for place in self._walker.elements(last=_LAST):
            self._take(place)
        return self._values

    def _take(self, place: Place) -> None:
        name = _NAMES.get(place.tag)
        if name is not None:
            self._values[name] = self._text(place, short=name in _SHORTS)
        elif place.tag == _CHARACTER_SET:
            text = self._walker.value(place, _VALUE).decode("latin-1")
            self._character_sets = [part.strip(" \0") for part in text.split("\\")]
            self._values["character_set"] = "\\".join(self._character_sets)
        elif place.tag == _PROCEDURE_STEPS:
            self._values.update(self._item(place, {_REFERENCED_INSTANCE: "mpps_uid"}))
        elif place.tag == _REQUESTS:
            names = {_STEP_ID: "step_id", _PROCEDURE_ID: "procedure_id"}
            self._values.update(self._item(place, names))

    def _item(self, sequence: Place, names: Mapping[int, str]) -> Iterator[tuple[str, str]]:
        for place in self._walker.first_item(sequence):
            name = names.get(place.tag)
            if name is not None:
                yield name, self._text(place)

    def _text(self, place: Place, *, short: bool = False) -> str:
        value = self._walker.value(place, _VALUE)
        if short:
            big = self._walker.encoding.order == "big"
            return str(int.from_bytes(value[:2], "big" if big else "little"))
        return decode(value, self._character_sets)
