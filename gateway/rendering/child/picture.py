"""A frame as a person sees it, in eight bits: modality and VOI look-up, palette, YBR, MONOCHROME1,
any depth."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from pydicom import dcmread
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array

from gateway.rendering.trouble import Refused, Trouble

_LARGEST = 64 * 1024 * 1024  # pixels of a frame


def picture(request: Mapping[str, Any]) -> list[bytes]:
    """A frame (number from 1, or ``middle``); ``window`` instead of its own, of it the region
    ``cut`` (left, top, width, height), as large as fits ``view``, or no larger than ``size``."""
    image = Image.fromarray(_pixels(request["path"], request["frame"], request["window"]))
    if request["cut"]:
        image = _cut(image, *request["cut"])
    if request["view"]:
        image = ImageOps.contain(image, tuple(request["view"]))
    if request["size"]:
        image.thumbnail(tuple(request["size"]))
    out = io.BytesIO()
    if request["format"] == "png":
        image.save(out, "PNG")
    else:
        image.save(out, "JPEG", quality=request["quality"])
    return [out.getvalue()]


def _pixels(path: str, frame: Any, window: Any) -> Any:
    """Eight bits, grey or RGB."""
    head = dcmread(path, stop_before_pixels=True)
    if "Rows" not in head:
        raise Refused(Trouble.NO_PICTURE)
    if int(head.Rows) * int(head.Columns) > _LARGEST:
        raise Refused(Trouble.TOO_LARGE)
    index = _index(frame, int(head.get("NumberOfFrames") or 1))
    deflated = head.file_meta.TransferSyntaxUID.is_deflated  # by name, pydicom seeks in it
    pixels = pixel_array(dcmread(path) if deflated else path, index=index)
    interpretation = str(head.PhotometricInterpretation)
    if interpretation == "PALETTE COLOR":
        return _eight_bits(apply_color_lut(pixels, head))
    if interpretation.startswith("MONOCHROME"):
        values = apply_modality_lut(pixels, head)
        grey = _windowed(values, *window) if window else _grey(values, head)
        return 255 - grey if interpretation == "MONOCHROME1" else grey
    return _eight_bits(pixels)


def _cut(image: Image.Image, left: int, top: int, width: int, height: int) -> Image.Image:
    right, bottom = min(left + width, image.width), min(top + height, image.height)
    if left >= right or top >= bottom:
        raise Refused(Trouble.NO_PICTURE)
    return image.crop((left, top, right, bottom))


def _index(frame: Any, count: int) -> int:
    if frame == "middle":
        return (count - 1) // 2
    if not 1 <= int(frame) <= count:
        raise Refused(Trouble.NO_SUCH_FRAME)
    return int(frame) - 1


def _windowed(values: Any, center: float, width: float, function: str) -> Any:
    """PS3.3 C.11.2.1.2 and 3."""
    values = values.astype(np.float64)
    match function:
        case "sigmoid":
            shown = 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
        case "linear-exact":
            shown = (values - center) / width + 0.5
        case _:
            shown = (values - (center - 0.5)) / max(width - 1, 1e-9) + 0.5
    return (np.clip(shown, 0, 1) * 255).round().astype(np.uint8)


def _grey(values: Any, head: Any) -> Any:
    values = apply_voi_lut(values, head).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if "WindowCenter" not in head and values.dtype != np.uint8 and int(head.BitsStored) == 8:
        low, high = 0.0, 255.0
    scaled = (values - low) * (255.0 / (high - low)) if high > low else values * 0
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _eight_bits(pixels: Any) -> Any:
    if pixels.dtype == np.uint8:
        return pixels
    most = max(int(pixels.max()), 255)
    return (pixels.astype(np.float64) * (255.0 / (65535 if most > 4095 else most))).astype(np.uint8)
