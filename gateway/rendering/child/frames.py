"""Frames as they are stored, compressed or not, or as plain pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydicom import FileDataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array

from gateway.rendering.trouble import Refused, Trouble


def frames(request: Mapping[str, Any]) -> list[bytes]:
    """Frames as stored, by number from 1; none named: all."""
    instance = dcmread(request["path"])
    if "PixelData" not in instance:
        raise Refused(Trouble.NO_PICTURE)
    count = int(instance.get("NumberOfFrames") or 1)
    wanted = request["numbers"] or range(1, count + 1)
    if any(not 1 <= number <= count for number in wanted):
        raise Refused(Trouble.NO_SUCH_FRAME)
    if request["decoded"] and not _is_plain(instance):
        return [_decoded(request["path"], instance, number - 1) for number in wanted]
    data = instance.PixelData
    if instance.file_meta.TransferSyntaxUID.is_encapsulated:
        each = list(generate_frames(data, number_of_frames=count))
        return [each[number - 1] for number in wanted]
    bits = int(instance.Rows) * int(instance.Columns) * int(instance.get("SamplesPerPixel") or 1)
    if str(instance.PhotometricInterpretation) == "YBR_FULL_422":
        bits = bits * 2 // 3
    length = bits * int(instance.BitsAllocated) // 8
    return [data[length * (number - 1) : length * number] for number in wanted]


def _is_plain(instance: FileDataset) -> bool:
    syntax = instance.file_meta.TransferSyntaxUID
    return not syntax.is_encapsulated and syntax.is_little_endian


def _decoded(path: str, head: FileDataset, index: int) -> bytes:
    """Little endian; colours as a viewer shows them, samples in the order the data set says."""
    if int(head.BitsAllocated) % 8:
        raise Refused(Trouble.UNDECODABLE)
    raw = not head.file_meta.TransferSyntaxUID.is_encapsulated
    pixels = pixel_array(path, index=index, raw=raw)
    if pixels.ndim == 3 and head.get("PlanarConfiguration") == 1:
        pixels = pixels.transpose(2, 0, 1)
    return bytes(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
