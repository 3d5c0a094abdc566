"""How a picture is wanted (PS3.18 8.3.5): window, region, size and quality, from the query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from fastapi import Request
from starlette.exceptions import HTTPException

QUALITY: Final = 90
_THUMBNAIL: Final = (200, 200)
_LARGEST: Final = 4096
_WHOLE: Final = 99_999
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?")
_FUNCTIONS: Final = ("linear", "linear-exact", "sigmoid", "")


@dataclass(frozen=True, slots=True)
class View:
    """How large: fitted into ``view``, no larger than ``size``; ``cut`` is the region shown."""

    view: tuple[int, ...] = ()
    size: tuple[int, ...] = ()
    cut: tuple[int, ...] = ()


Window = tuple[float, float, str]


def wanted(request: Request, view: View, kind: str) -> Mapping[str, Any]:
    """What a child is asked beside the file and the frame; 400 for what nobody could draw."""
    return drawn(view, kind, window=_window(request), quality=_quality(request))


def drawn(
    view: View, kind: str, *, window: Window | None = None, quality: int = QUALITY
) -> Mapping[str, Any]:
    """The same of what nobody asked for in a query."""
    looks = {"window": window, "quality": quality, "format": kind}
    return {"verb": "picture", **asdict(view), **looks}


def _quality(request: Request) -> int:
    text = request.query_params.get("quality", str(QUALITY))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= 100):
        raise HTTPException(400, "quality: 1 to 100")
    return int(text)


def _window(request: Request) -> Window | None:
    text = request.query_params.get("window")
    if text is None:
        return None
    center, _, rest = text.partition(",")
    width, _, function = rest.partition(",")
    if not (_DECIMAL.fullmatch(center) and _DECIMAL.fullmatch(width) and float(width) > 0):
        raise HTTPException(400, "window: CENTER,WIDTH,FUNCTION; a width is above 0")
    if function.lower() not in _FUNCTIONS:
        raise HTTPException(400, f"window: a function is one of {', '.join(_FUNCTIONS[:3])}")
    return float(center), float(width), function.lower()


def viewport(request: Request) -> View:
    """``WIDTH,HEIGHT`` and the region that is to fill it: ``LEFT,TOP,WIDTH,HEIGHT``, of which each
    may be left out."""
    text = request.query_params.get("viewport")
    if text is None:
        return View()
    numbers = text.split(",")
    if len(numbers) not in (2, 6) or not all(
        map(_is_number, (*numbers[:2], *filter(None, numbers)))
    ):
        raise HTTPException(400, "viewport: WIDTH,HEIGHT or WIDTH,HEIGHT,LEFT,TOP,WIDTH,HEIGHT")
    width, height = int(numbers[0]), int(numbers[1])
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise HTTPException(400, f"viewport: 1 to {_LARGEST}")
    if len(numbers) == 2:
        return View(view=(width, height))
    left, top = (int(one or 0) for one in numbers[2:4])
    across, down = (int(one or _WHOLE) for one in numbers[4:])
    if not (across and down):
        raise HTTPException(400, "viewport: a region has a width and a height")
    return View(view=(width, height), cut=(left, top, across, down))


def small(request: Request) -> View:
    asked = viewport(request)
    if asked.cut:
        raise HTTPException(400, "viewport: a thumbnail is of the whole picture")
    return View(size=asked.view or _THUMBNAIL)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6
