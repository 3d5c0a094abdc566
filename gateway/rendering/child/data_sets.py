"""Data sets without their pixels: as DICOM JSON, or as the beginning of a file to be sent."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import DataElement, Dataset, config, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence as Items

from gateway.rendering.child.identity import correct
from gateway.rendering.trouble import Refused, Trouble

_INLINE = 64 * 1024
_PIXEL_DATA = 0x7FE00010


def metadata(request: Mapping[str, Any]) -> list[bytes]:
    """One DICOM JSON object for each file; ``bases`` are the addresses of their bulk data."""
    found = []
    with config.disable_value_validation():
        for path, base in zip(request["paths"], request["bases"], strict=True):
            instance = dcmread(path, defer_size=_INLINE)
            pixels = _PIXEL_DATA in instance
            correct(instance, request["correction"])
            if pixels:
                kind = str(instance[_PIXEL_DATA].VR)
                del instance[_PIXEL_DATA]
            shown = instance.to_json_dict(_INLINE, _Bulk(base, instance), True)
            if pixels:
                shown["7FE00010"] = {"vr": kind, "BulkDataURI": f"{base}/bulk/7FE00010"}
            found.append(json.dumps(shown).encode())
    return found


class _Bulk:
    """Names the address of a value that is too long to be shown."""

    def __init__(self, base: str, instance: Dataset) -> None:
        self._base = base
        self._paths = {id(element): path for path, element in _long(instance, "")}

    def __call__(self, element: DataElement) -> str:
        return f"{self._base}/bulk/{self._paths[id(element)]}"


def _long(data_set: Dataset, above: str) -> Iterator[tuple[str, DataElement]]:
    """Binary values that may be too long, by tags and numbers of items joined by dots."""
    for element in data_set:
        path = f"{above}{int(element.tag):08X}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _long(item, f"{path}.{number}.")
        elif isinstance(element.value, bytes) and len(element.value) > _INLINE // 2:
            yield path, element


def bulk(request: Mapping[str, Any]) -> list[bytes]:
    """The value that such a path names."""
    with config.disable_value_validation():
        data_set: Dataset = dcmread(request["path"], defer_size=_INLINE)
        *above, last = request["element"].split(".")
        for tag, number in zip(above[::2], above[1::2], strict=True):
            items = data_set[int(tag, 16)].value if int(tag, 16) in data_set else ()
            if not isinstance(items, Items) or int(number) >= len(items):
                raise Refused(Trouble.NO_SUCH_FRAME)
            data_set = items[int(number)]
        value = data_set[int(last, 16)].value if int(last, 16) in data_set else None
    if not isinstance(value, bytes):
        raise Refused(Trouble.NO_SUCH_FRAME)
    return [value]


def corrected(request: Mapping[str, Any]) -> list[bytes]:
    """The beginning of a Part 10 file up to its pixels, with a correction applied: everything else
    as it was, in the encoding it had."""
    room = int(request["limits"]["output"]) // 4
    if request["length"] > room:
        raise Refused(Trouble.TOO_LARGE)
    with Path(request["path"]).open("rb") as file:
        before, data = file.read(request["start"]), file.read(request["length"])
    if request["deflated"]:
        data = _inflated(data, room)
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = request["implicit"], not request["big"]
    with config.disable_value_validation():
        instance = read_dataset(BytesIO(data), request["implicit"], not request["big"])
        correct(instance, request["correction"])
        write_dataset(out, instance)
    written = out.getvalue()
    return [before + (_deflated(written) if request["deflated"] else written)]


def _inflated(data: bytes, room: int) -> bytes:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    found = engine.decompress(data, room)
    if engine.unconsumed_tail:
        raise Refused(Trouble.TOO_LARGE)
    return found


def _deflated(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    found = engine.compress(data) + engine.flush()
    return found + b"\0" * (len(found) % 2)
