"""Frames as they are stored, compressed or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydicom import dcmread
from pydicom.encaps import generate_frames

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
    data = instance.PixelData
    if instance.file_meta.TransferSyntaxUID.is_encapsulated:
        each = list(generate_frames(data, number_of_frames=count))
        return [each[number - 1] for number in wanted]
    bits = int(instance.Rows) * int(instance.Columns) * int(instance.get("SamplesPerPixel") or 1)
    length = bits * int(instance.BitsAllocated) // 8
    return [data[length * (number - 1) : length * number] for number in wanted]
