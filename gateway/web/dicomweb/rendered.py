"""WADO-RS rendered resources (PS3.18 10.4.1.1.3 and 4): pictures and thumbnails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from gateway.archive import Instance
from gateway.archive.sweep import GONE
from gateway.rendering.process import Renderer, Unrenderable
from gateway.web.dicomweb.addresses import INSTANCE, SERIES, STUDY, Shelf, frame_numbers

_THUMBNAIL: Final = (200, 200)
_LARGEST: Final = 4096


def add(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    async def answer(
        request: Request, found: Instance, frame: int | str, size: Sequence[int]
    ) -> Response:
        wanted = _picture_format(request)
        asked = {"verb": "picture", "path": shelf.path(found), "frame": frame, "size": list(size)}
        [image] = await renderer.look({**asked, "format": wanted, "quality": _quality(request)})
        return Response(image, media_type=f"image/{wanted}")

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
        return await answer(request, found, frame_numbers(number)[0], _viewport(request))

    @router.get(INSTANCE + "/thumbnail")
    async def thumbnail(request: Request, study: str, series: str, instance: str) -> Response:
        """The middle frame, small."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, "middle", _viewport(request) or _THUMBNAIL)

    @router.get(INSTANCE + "/frames/{number}/thumbnail")
    async def frame_thumbnail(
        request: Request, study: str, series: str, instance: str, number: str
    ) -> Response:
        """One frame, small."""
        found = await shelf.one(study, series, instance)
        size = _viewport(request) or _THUMBNAIL
        return await answer(request, found, frame_numbers(number)[0], size)

    @router.get(SERIES + "/thumbnail")
    async def series_thumbnail(request: Request, study: str, series: str) -> Response:
        """The series' first picture, small."""
        return await answer(
            request, _pictured(await shelf.all(study, series)), "middle", _THUMBNAIL
        )

    @router.get(STUDY + "/thumbnail")
    async def study_thumbnail(request: Request, study: str) -> Response:
        """The study's first picture, small."""
        return await answer(request, _pictured(await shelf.all(study)), "middle", _THUMBNAIL)


def _pictured(found: Sequence[Instance]) -> Instance:
    for instance in found:
        if instance.rows and instance.state not in GONE:
            return instance
    raise Unrenderable("it holds no picture")


def _picture_format(request: Request) -> str:
    accept = request.query_params.get("accept") or request.headers.get("accept", "*/*")
    for kind in ("jpeg", "png"):
        if f"image/{kind}" in accept:
            return kind
    if "*/*" in accept or "image/*" in accept:
        return "jpeg"
    raise HTTPException(406, "pictures are image/jpeg or image/png")


def _quality(request: Request) -> int:
    text = request.query_params.get("quality", "90")
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= 100):
        raise HTTPException(400, "quality: 1 to 100")
    return int(text)


def _viewport(request: Request) -> tuple[int, ...]:
    text = request.query_params.get("viewport")
    if text is None:
        return ()
    sides = text.split(",")
    if len(sides) != 2 or not all(s.isascii() and s.isdigit() and len(s) < 6 for s in sides):
        raise HTTPException(400, "viewport: WIDTH,HEIGHT")
    width, height = map(int, sides)
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise HTTPException(400, f"viewport: at most {_LARGEST}")
    return width, height
