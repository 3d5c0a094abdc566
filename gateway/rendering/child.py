"""The child: one request on stdin, its parts on stdout, an exit status for what is wrong.

Run by its path, apart from the gateway's packages.  Requests are ``metadata`` (DICOM JSON of the
named files, PS3.18 F), ``frames`` (as stored) and ``picture`` (JPEG or PNG of one frame: modality
and VOI look-up, palette, YBR, MONOCHROME1, any depth).  3: cannot be decoded, 4: no such frame,
5: too large, 6: no picture.
"""

from __future__ import annotations

import copy
import io
import json
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PIXELS = 64 * 1024 * 1024
_INLINE = 64 * 1024
_PIXEL_DATA = 0x7FE00010


class Trouble(Exception):
    """``status`` is the exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def main() -> int:
    request = json.load(sys.stdin.buffer)
    _confine(request["limits"])
    try:
        parts = _VERBS[request["verb"]](request)
        room = int(request["limits"]["output"])
        if sum(map(len, parts)) > room:
            return 5
    except Trouble as trouble:
        return trouble.status
    except MemoryError:
        return 5
    except Exception:  # noqa: BLE001 - whatever a decoder raises, the parent hears a number
        return 3
    for part in parts:
        sys.stdout.buffer.write(len(part).to_bytes(8, "big"))
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    return 0


def _confine(limits: Mapping[str, int]) -> None:
    for what, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_CPU, limits["seconds"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(10)


def metadata(request: Mapping[str, Any]) -> list[bytes]:
    """One DICOM JSON object for each file; ``bases`` are the addresses of their bulk data."""
    from pydicom import config, dcmread

    found = []
    with config.disable_value_validation():
        for path, base in zip(request["paths"], request["bases"], strict=True):
            instance = dcmread(path, defer_size=_INLINE)
            pixels = _PIXEL_DATA in instance
            _correct(instance, request["correction"])
            if pixels:
                del instance[_PIXEL_DATA]
            shown = instance.to_json_dict(_INLINE, _Bulk(base), True)
            if pixels:
                shown["7FE00010"] = {"vr": "OW", "BulkDataURI": f"{base}/bulk/7FE00010"}
            found.append(json.dumps(shown).encode())
    return found


def corrected(request: Mapping[str, Any]) -> list[bytes]:
    """The whole file with a correction applied; everything else as it was."""
    from pydicom import config, dcmread

    if Path(request["path"]).stat().st_size > int(request["limits"]["output"]) // 2:
        raise Trouble(5)
    out = io.BytesIO()
    with config.disable_value_validation():
        instance = dcmread(request["path"])
        _correct(instance, request["correction"])
        instance.save_as(out, enforce_file_format=True)
    return [out.getvalue()]


def _correct(instance: Any, correction: Mapping[str, Any] | None) -> None:
    """New identity, with what was there before in Original Attributes (PS3.3 C.12.1.1.9)."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    if not correction:
        return
    before = Dataset()
    for name in correction["names"]:
        if name in instance:
            before.add(copy.deepcopy(instance[name]))
        elif name != "IssuerOfPatientID":
            setattr(before, name, "")
    for name, value in zip(correction["names"], correction["values"], strict=True):
        if value or name != "IssuerOfPatientID":
            setattr(instance, name, value)
        elif name in instance:
            del instance[name]
    if any(not value.isascii() for value in correction["values"]):
        instance.SpecificCharacterSet = "ISO_IR 192"
    entry = Dataset()
    entry.SourceOfPreviousValues = ""
    entry.AttributeModificationDateTime = correction["at"]
    entry.ModifyingSystem = correction["system"]
    entry.ReasonForTheAttributeModification = "CORRECT"
    entry.ModifiedAttributesSequence = Sequence([before])
    entries = list(instance.get("OriginalAttributesSequence") or ())
    instance.OriginalAttributesSequence = Sequence([*entries, entry])


class _Bulk:
    """Names the address of a value that is too long to be shown."""

    def __init__(self, base: str) -> None:
        self._base = base

    def __call__(self, element: Any) -> str:
        return f"{self._base}/bulk/{int(element.tag):08X}"


def frames(request: Mapping[str, Any]) -> list[bytes]:
    """Frames as stored, by number from 1; none named: all."""
    from pydicom import dcmread
    from pydicom.encaps import generate_frames

    instance = dcmread(request["path"])
    if "PixelData" not in instance:
        raise Trouble(6)
    count = int(instance.get("NumberOfFrames") or 1)
    wanted = request["numbers"] or range(1, count + 1)
    if any(not 1 <= number <= count for number in wanted):
        raise Trouble(4)
    data = instance.PixelData
    if instance.file_meta.TransferSyntaxUID.is_encapsulated:
        each = list(generate_frames(data, number_of_frames=count))
        return [each[number - 1] for number in wanted]
    bits = int(instance.Rows) * int(instance.Columns) * int(instance.get("SamplesPerPixel") or 1)
    length = bits * int(instance.BitsAllocated) // 8
    return [data[length * (number - 1) : length * number] for number in wanted]


def picture(request: Mapping[str, Any]) -> list[bytes]:
    """A frame (number from 1, or ``middle``), no larger than ``size`` where that is given."""
    from PIL import Image

    pixels = _pixels(request["path"], request["frame"])
    image = Image.fromarray(pixels)
    if request["size"]:
        image.thumbnail(tuple(request["size"]))
    out = io.BytesIO()
    if request["format"] == "png":
        image.save(out, "PNG")
    else:
        image.save(out, "JPEG", quality=request["quality"])
    return [out.getvalue()]


def _pixels(path: str, frame: Any) -> Any:
    """Eight bits, grey or RGB."""
    from pydicom import dcmread
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    head = dcmread(path, stop_before_pixels=True)
    if "Rows" not in head:
        raise Trouble(6)
    if int(head.Rows) * int(head.Columns) > _PIXELS:
        raise Trouble(5)
    index = _index(frame, int(head.get("NumberOfFrames") or 1))
    pixels = pixel_array(path, index=index)
    interpretation = str(head.PhotometricInterpretation)
    if interpretation == "PALETTE COLOR":
        return _eight_bits(apply_color_lut(pixels, head))
    if interpretation.startswith("MONOCHROME"):
        return _grey(pixels, head, inverted=interpretation == "MONOCHROME1")
    return _eight_bits(pixels)


def _index(frame: Any, count: int) -> int:
    if frame == "middle":
        return (count - 1) // 2
    if not 1 <= int(frame) <= count:
        raise Trouble(4)
    return int(frame) - 1


def _grey(pixels: Any, head: Any, *, inverted: bool) -> Any:
    import numpy as np
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    values = apply_voi_lut(apply_modality_lut(pixels, head), head).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if "WindowCenter" not in head and values.dtype != np.uint8 and int(head.BitsStored) == 8:
        low, high = 0.0, 255.0
    scaled = (values - low) * (255.0 / (high - low)) if high > low else values * 0
    grey = np.clip(scaled, 0, 255).astype(np.uint8)
    return 255 - grey if inverted else grey


def _eight_bits(pixels: Any) -> Any:
    import numpy as np

    if pixels.dtype == np.uint8:
        return pixels
    most = max(int(pixels.max()), 255)
    return (pixels.astype(np.float64) * (255.0 / (65535 if most > 4095 else most))).astype(np.uint8)


_VERBS = {"metadata": metadata, "corrected": corrected, "frames": frames, "picture": picture}


if __name__ == "__main__":
    sys.exit(main())
