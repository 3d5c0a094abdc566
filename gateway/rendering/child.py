"""The child: one request on stdin, its parts on stdout, an exit status for what is wrong.

Run by its path, apart from the gateway's packages.  Requests are ``metadata`` (DICOM JSON of the
named files, PS3.18 F), ``frames`` (as stored), ``picture`` (JPEG or PNG of one frame: modality
and VOI look-up, palette, YBR, MONOCHROME1, any depth), ``corrected`` (a file's beginning with
another identity) and ``directory`` (a DICOMDIR).  3: cannot be decoded, 4: no such frame,
5: too large, 6: no picture.
"""

from __future__ import annotations

import copy
import io
import json
import os
import resource
import sys
import tempfile
import zlib
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
        (resource.RLIMIT_FSIZE, limits["file"]),
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
    """The beginning of a Part 10 file up to its pixels, with a correction applied: everything else
    as it was, in the encoding it had."""
    from io import BytesIO

    from pydicom import config
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset
    from pydicom.filewriter import write_dataset

    room = int(request["limits"]["output"]) // 4
    if request["length"] > room:
        raise Trouble(5)
    with Path(request["path"]).open("rb") as file:
        before, data = file.read(request["start"]), file.read(request["length"])
    if request["deflated"]:
        data = _inflated(data, room)
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = request["implicit"], not request["big"]
    with config.disable_value_validation():
        instance = read_dataset(BytesIO(data), request["implicit"], not request["big"])
        _correct(instance, request["correction"])
        write_dataset(out, instance)
    written = out.getvalue()
    return [before + (_deflated(written) if request["deflated"] else written)]


def directory(request: Mapping[str, Any]) -> list[bytes]:
    """DICOMDIR of the named files (PS3.10 8.6), and which File ID each got, as JSON: null for a
    class no directory record is defined for.  Only what records need is read of the files."""
    from pydicom import config, dcmread
    from pydicom.fileset import FileSet

    scratch = Path(request["scratch"])
    tempfile.tempdir = str(scratch)
    made, names = FileSet(), []
    with config.disable_value_validation():
        for number, path in enumerate(request["paths"], 1):
            head = dcmread(path, stop_before_pixels=True, specific_tags=_RECORDED)
            _correct_identity(head, request["correction"])
            _report(head)
            _complete(head, number, request["day"])
            try:
                names.append(str(made.add(head).SOPInstanceUID))
            except (ValueError, NotImplementedError):
                names.append("")
        if not len(made):
            raise Trouble(6)
        made.write(scratch / "set")
    ids = {str(one.SOPInstanceUID): one.FileID for one in made}
    found = [ids.get(uid) for uid in names]
    return [(scratch / "set" / "DICOMDIR").read_bytes(), json.dumps(found).encode()]


_RECORDED = [
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "PatientID", "PatientName"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"),
    *("AccessionNumber", "Modality", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber"),
    *(
        "CompletionFlag",
        "VerificationFlag",
        "ContentDate",
        "ContentTime",
        "VerifyingObserverSequence",
    ),
    *("ConceptNameCodeSequence", "ContentSequence", "PresentationCreationDate"),
    *("PresentationCreationTime", "ReferencedSeriesSequence", "ContentLabel"),
    *("ContentDescription", "ContentCreatorName", "DocumentTitle", "HL7InstanceIdentifier"),
    *("MIMETypeOfEncapsulatedDocument", "BlendingSequence"),
]


def _correct_identity(head: Any, correction: Mapping[str, Any] | None) -> None:
    """As in the files, without the note of what was there before."""
    _correct(head, correction)
    if "OriginalAttributesSequence" in head:
        del head.OriginalAttributesSequence


def _report(head: Any) -> None:
    """Of its content only what modifies the title, and when it was verified (PS3.3 F.5.29)."""
    from pydicom.sequence import Sequence

    items = head.get("ContentSequence") or ()
    kept = [item for item in items if item.get("RelationshipType") == "HAS CONCEPT MOD"]
    if kept:
        head.ContentSequence = Sequence(kept)
    elif "ContentSequence" in head:
        del head.ContentSequence
    times = [
        str(o.get("VerificationDateTime", "")) for o in head.get("VerifyingObserverSequence") or ()
    ]
    if any(times):
        head.VerificationDateTime = max(times)


def _complete(head: Any, number: int, day: str) -> None:
    """What a record must have and a device left out; the files stay without."""
    needed = {"PatientID": "-", "StudyID": "-", "StudyTime": "000000", "StudyDate": day}
    needed |= {"Modality": "OT", "SeriesNumber": "0", "InstanceNumber": str(number)}
    needed |= {"ContentDate": day, "ContentTime": "000000"}
    for name, value in needed.items():
        if not head.get(name):
            setattr(head, name, value)
    for name in ("StudyDate", "ContentDate"):
        digits = str(head[name].value).replace(".", "")  # 1994.11.05 is of before DICOM 3.0
        setattr(head, name, digits if len(digits) == 8 and digits.isdigit() else day)


def _inflated(data: bytes, room: int) -> bytes:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    found = engine.decompress(data, room)
    if engine.unconsumed_tail:
        raise Trouble(5)
    return found


def _deflated(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    found = engine.compress(data) + engine.flush()
    return found + b"\0" * (len(found) % 2)


def _correct(instance: Any, correction: Mapping[str, Any] | None) -> None:
    """New identity, with what was there before in Original Attributes (PS3.3 C.12.1.1.9)."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    if not correction:
        return
    if not _fits(instance, correction["values"]):
        _to_unicode(instance)
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
    entry = Dataset()
    entry.SourceOfPreviousValues = ""
    entry.AttributeModificationDateTime = correction["at"]
    entry.ModifyingSystem = correction["system"]
    entry.ReasonForTheAttributeModification = "CORRECT"
    entry.ModifiedAttributesSequence = Sequence([before])
    entries = list(instance.get("OriginalAttributesSequence") or ())
    instance.OriginalAttributesSequence = Sequence([*entries, entry])


def _fits(instance: Any, values: Any) -> bool:
    """Whether the instance's own character set can write them."""
    from pydicom.charset import convert_encodings

    text = "".join(values)
    if text.isascii():
        return True
    named = instance.get("SpecificCharacterSet")
    if not named:
        return False
    try:
        text.encode(convert_encodings(named)[0])
    except (UnicodeError, LookupError):
        return False
    return True


def _to_unicode(instance: Any) -> None:
    """Every text decoded by the set it came in, to be written in UTF-8."""
    instance.decode()
    _say_unicode(instance, 32)
    instance.SpecificCharacterSet = "ISO_IR 192"


def _say_unicode(data_set: Any, depth: int) -> None:
    if depth == 0:
        raise Trouble(3)
    for element in data_set:
        for item in element.value if element.VR == "SQ" else ():
            if "SpecificCharacterSet" in item:
                item.SpecificCharacterSet = "ISO_IR 192"
            _say_unicode(item, depth - 1)


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


_VERBS = {
    "metadata": metadata,
    "corrected": corrected,
    "directory": directory,
    "frames": frames,
    "picture": picture,
}


if __name__ == "__main__":
    sys.exit(main())
