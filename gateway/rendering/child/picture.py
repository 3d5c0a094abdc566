"""A frame as a person sees it, in eight bits: modality and VOI look-up, palette, YBR, MONOCHROME1,
any depth."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array

from gateway.rendering.trouble import Refused, Trouble

_LARGEST = 64 * 1024 * 1024  # pixels of a frame


def picture(request: Mapping[str, Any]) -> list[bytes]:
    """A frame (number from 1, or ``middle``), no larger than ``size`` where that is given."""
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
    head = dcmread(path, stop_before_pixels=True)
    if "Rows" not in head:
        raise Refused(Trouble.NO_PICTURE)
    if int(head.Rows) * int(head.Columns) > _LARGEST:
        raise Refused(Trouble.TOO_LARGE)
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
        raise Refused(Trouble.NO_SUCH_FRAME)
    return int(frame) - 1


def _grey(pixels: Any, head: Any, *, inverted: bool) -> Any:
    values = apply_voi_lut(apply_modality_lut(pixels, head), head).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if "WindowCenter" not in head and values.dtype != np.uint8 and int(head.BitsStored) == 8:
        low, high = 0.0, 255.0
    scaled = (values - low) * (255.0 / (high - low)) if high > low else values * 0
    grey = np.clip(scaled, 0, 255).astype(np.uint8)
    return 255 - grey if inverted else grey


def _eight_bits(pixels: Any) -> Any:
    if pixels.dtype == np.uint8:
        return pixels
    most = max(int(pixels.max()), 255)
    return (pixels.astype(np.float64) * (255.0 / (65535 if most > 4095 else most))).astype(np.uint8)
