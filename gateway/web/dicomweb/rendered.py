"""WADO-RS rendered resources (PS3.18 10.4.1.1.3 and 4): pictures and thumbnails."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from gateway.archive import Instance
from gateway.archive.sweep import GONE
from gateway.rendering.process import Renderer, Unrenderable
from gateway.web.dicomweb.addresses import INSTANCE, SERIES, STUDY, Shelf, frame_numbers
from gateway.web.dicomweb.media import accepted

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


Answer = Callable[[Request, Instance, int | str, View], Awaitable[Response]]


def add(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    async def answer(request: Request, found: Instance, frame: int | str, view: View) -> Response:
        wanted = _picture_format(request)
        asked = {"verb": "picture", "path": shelf.path(found), "frame": frame, **asdict(view)}
        asked |= {"window": _window(request), "format": wanted, "quality": _quality(request)}
        [image] = await renderer.look(asked)
        return Response(image, media_type=f"image/{wanted}")

    _add_pictures(router, shelf, answer)
    _add_thumbnails(router, shelf, answer)


def _add_pictures(router: APIRouter, shelf: Shelf, answer: Answer) -> None:
    @router.get(INSTANCE + "/rendered")
    async def rendered(request: Request, study: str, series: str, instance: str) -> Response:
        """The first frame as JPEG or PNG."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, 1, _viewport(request))

    @router.get(INSTANCE + "/frames/{number}/rendered")
    async def rendered_frame(
        request: Request, study: str, series: str, instance: str, number: str
    ) -> Response:
        """One frame as JPEG or PNG."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, _one(number), _viewport(request))


def _add_thumbnails(router: APIRouter, shelf: Shelf, answer: Answer) -> None:
    @router.get(INSTANCE + "/thumbnail")
    async def thumbnail(request: Request, study: str, series: str, instance: str) -> Response:
        """The middle frame, small."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, "middle", _small(request))

    @router.get(INSTANCE + "/frames/{number}/thumbnail")
    async def frame_thumbnail(
        request: Request, study: str, series: str, instance: str, number: str
    ) -> Response:
        """One frame, small."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, _one(number), _small(request))

    @router.get(SERIES + "/thumbnail")
    async def series_thumbnail(request: Request, study: str, series: str) -> Response:
        """The series' first picture, small."""
        found = _pictured(await shelf.all(study, series))
        return await answer(request, found, "middle", _small(request))

    @router.get(STUDY + "/thumbnail")
    async def study_thumbnail(request: Request, study: str) -> Response:
        """The study's first picture, small."""
        found = _pictured(await shelf.all(study))
        return await answer(request, found, "middle", _small(request))


def _one(number: str) -> int:
    numbers = frame_numbers(number)
    if len(numbers) != 1:
        raise HTTPException(400, "one frame at a time is rendered")
    return numbers[0]


def _pictured(found: Sequence[Instance]) -> Instance:
    for instance in found:
        if instance.rows and instance.state not in GONE:
            return instance
    raise Unrenderable("it holds no picture")


def _picture_format(request: Request) -> str:
    for one in accepted(request):
        for kind in ("jpeg", "png"):
            if one.covers(f"image/{kind}"):
                return kind
    raise HTTPException(406, "pictures are image/jpeg or image/png")


def _quality(request: Request) -> int:
    text = request.query_params.get("quality", "90")
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= 100):
        raise HTTPException(400, "quality: 1 to 100")
    return int(text)


def _window(request: Request) -> tuple[float, float, str] | None:
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


def _viewport(request: Request) -> View:
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


def _small(request: Request) -> View:
    asked = _viewport(request)
    if asked.cut:
        raise HTTPException(400, "viewport: a thumbnail is of the whole picture")
    return View(size=asked.view or _THUMBNAIL)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6
