"""Pictures that look like ultrasound: speckle in a sector, a nodule, a needle, burned-in text.

Frames are ``uint8`` arrays of rows x columns; the needle moves with ``phase`` (0 to 1).  Nothing
in them is taken from a patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Size:
    rows: int = 480
    columns: int = 640


def frame(rng: np.random.Generator, size: Size, text: str, phase: float = 0.0) -> Grey:
    """One frame; the text stands at the top, as units burn it in."""
    rows, columns = np.mgrid[0 : size.rows, 0 : size.columns]
    depth = rows / size.rows
    echo = rng.gamma(2.0, 38.0, (size.rows, size.columns)) * (1.15 - 0.8 * depth)
    echo[_nodule(rows, columns, size)] *= 0.35
    echo[_needle(rows, columns, size, phase)] = 250.0
    echo[~_sector(rows, columns, size)] = 0.0
    return _labelled(np.clip(echo, 0, 255).astype(np.uint8), text)


def cine(rng: np.random.Generator, size: Size, text: str, frames: int) -> list[Grey]:
    """A loop in which the needle goes in."""
    return [frame(rng, size, text, number / max(1, frames - 1)) for number in range(frames)]


def colour(grey: Grey) -> NDArray[np.uint8]:
    """Rows x columns x 3, with a Doppler-like patch so that it is not grey throughout."""
    picture = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    rows, columns = grey.shape
    patch = picture[rows // 2 : rows // 2 + rows // 8, columns // 3 : columns // 3 + columns // 8]
    patch[:, :, 1:] //= 4
    return picture


def _sector(rows: NDArray[np.int64], columns: NDArray[np.int64], size: Size) -> NDArray[np.bool_]:
    apex = -size.rows * 0.15
    radius = np.hypot(rows - apex, columns - size.columns / 2)
    angle = np.abs(np.arctan2(columns - size.columns / 2, rows - apex))
    inside: NDArray[np.bool_] = (angle < 0.62) & (abs(radius / size.rows - 0.675) < 0.425)
    return inside


def _nodule(rows: NDArray[np.int64], columns: NDArray[np.int64], size: Size) -> NDArray[np.bool_]:
    down = (rows - size.rows * 0.55) / (size.rows * 0.09)
    across = (columns - size.columns * 0.55) / (size.columns * 0.1)
    inside: NDArray[np.bool_] = down**2 + across**2 < 1
    return inside


def _needle(
    rows: NDArray[np.int64], columns: NDArray[np.int64], size: Size, phase: float
) -> NDArray[np.bool_]:
    tip = size.columns * (0.3 + 0.22 * phase)
    line = size.rows * 0.3 + (columns - size.columns * 0.25) * 0.62
    on: NDArray[np.bool_] = (np.abs(rows - line) < 1.5) & (columns > size.columns * 0.25)
    on &= columns < tip
    return on


def _labelled(grey: Grey, text: str) -> Grey:
    image = Image.fromarray(grey)
    ImageDraw.Draw(image).text((8, 6), text, fill=235)
    return np.asarray(image, dtype=np.uint8)
