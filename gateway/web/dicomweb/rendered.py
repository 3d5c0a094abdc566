"""WADO-RS rendered resources (PS3.18 10.4.1.1.3 and 4): pictures and thumbnails.

One picture comes by itself, where that is accepted; several as one multipart body.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from gateway.archive import Instance
from gateway.rendering.process import Renderer, Unrenderable
from gateway.web.dicomweb.addresses import INSTANCE, SERIES, STUDY, Shelf, frame_numbers, pictured
from gateway.web.dicomweb.media import RELATED, accepted
from gateway.web.dicomweb.multipart import closing, opening
from gateway.web.dicomweb.views import View, small, viewport, wanted

_MOST: Final = 500  # pictures at once
_KINDS: Final = ("jpeg", "png")
Shot = tuple[Instance, int | str]


class Studio:
    """Answers with pictures of instances and frames."""

    def __init__(self, shelf: Shelf, renderer: Renderer) -> None:
        self.shelf = shelf
        self._renderer = renderer

    async def answer(self, request: Request, shots: Sequence[Shot], view: View) -> Response:
        kind, bare = _format(request, single=len(shots) == 1)
        if len(shots) > _MOST:
            raise HTTPException(413, f"more than {_MOST} pictures at once")
        first = await self._picture(request, shots[0], view, kind)
        if bare:
            return Response(first, media_type=f"image/{kind}")
        boundary = secrets.token_hex(16)
        whole = f'{RELATED}; type="image/{kind}"; boundary={boundary}'
        parts = self._parts(request, first, shots, view, kind, boundary)
        return StreamingResponse(parts, media_type=whole)

    async def _parts(
        self,
        request: Request,
        first: bytes,
        shots: Sequence[Shot],
        view: View,
        kind: str,
        boundary: str,
    ) -> AsyncIterator[bytes]:
        for number, shot in enumerate(shots):
            image = await self._picture(request, shot, view, kind) if number else first
            yield opening(boundary, f"image/{kind}") + image
        yield closing(boundary)

    async def _picture(self, request: Request, shot: Shot, view: View, kind: str) -> bytes:
        instance, frame = shot
        asked = {**wanted(request, view, kind), "path": self.shelf.path(instance), "frame": frame}
        [image] = await self._renderer.look(asked)
        return image


def add(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    studio = Studio(shelf, renderer)
    _add_pictures(router, studio)
    _add_albums(router, studio)
    _add_thumbnails(router, studio)


def _add_pictures(router: APIRouter, studio: Studio) -> None:
    @router.get(INSTANCE + "/rendered")
    async def rendered(request: Request, study: str, series: str, instance: str) -> Response:
        """The first frame as JPEG or PNG."""
        found = await studio.shelf.one(study, series, instance)
        return await studio.answer(request, [(found, 1)], viewport(request))

    @router.get(INSTANCE + "/frames/{numbers}/rendered")
    async def rendered_frames(
        request: Request, study: str, series: str, instance: str, numbers: str
    ) -> Response:
        """Frames as JPEG or PNG."""
        found = await studio.shelf.one(study, series, instance)
        shots = [(found, number) for number in frame_numbers(numbers)]
        count = int(found.frames) if found.frames.isdigit() else 1
        if any(not 1 <= number <= count for _, number in shots):
            raise HTTPException(404, "there is no such frame")
        return await studio.answer(request, shots, viewport(request))


def _add_albums(router: APIRouter, studio: Studio) -> None:
    async def album(request: Request, found: Sequence[Instance]) -> Response:
        shots = [(one, 1) for one in _pictured(found)]
        return await studio.answer(request, shots, viewport(request))

    @router.get(SERIES + "/rendered")
    async def rendered_series(request: Request, study: str, series: str) -> Response:
        """The first frame of each of its instances."""
        return await album(request, await studio.shelf.all(study, series))

    @router.get(STUDY + "/rendered")
    async def rendered_study(request: Request, study: str) -> Response:
        """The same of a study."""
        return await album(request, await studio.shelf.all(study))


def _add_thumbnails(router: APIRouter, studio: Studio) -> None:
    @router.get(INSTANCE + "/thumbnail")
    async def thumbnail(request: Request, study: str, series: str, instance: str) -> Response:
        """The middle frame, small."""
        found = await studio.shelf.one(study, series, instance)
        return await studio.answer(request, [(found, "middle")], small(request))

    @router.get(INSTANCE + "/frames/{number}/thumbnail")
    async def frame_thumbnail(
        request: Request, study: str, series: str, instance: str, number: str
    ) -> Response:
        """One frame, small."""
        found, numbers = await studio.shelf.one(study, series, instance), frame_numbers(number)
        if len(numbers) != 1:
            raise HTTPException(400, "a thumbnail is of one frame")
        return await studio.answer(request, [(found, numbers[0])], small(request))

    @router.get(SERIES + "/thumbnail")
    async def series_thumbnail(request: Request, study: str, series: str) -> Response:
        """The series' first picture, small."""
        found = _pictured(await studio.shelf.all(study, series))
        return await studio.answer(request, [(found[0], "middle")], small(request))

    @router.get(STUDY + "/thumbnail")
    async def study_thumbnail(request: Request, study: str) -> Response:
        """The study's first picture, small."""
        found = _pictured(await studio.shelf.all(study))
        return await studio.answer(request, [(found[0], "middle")], small(request))


def _pictured(found: Sequence[Instance]) -> Sequence[Instance]:
    """Those with a picture; ``Unrenderable`` when there is none."""
    kept = pictured(found)
    if not kept:
        raise Unrenderable("it holds no picture")
    return kept


def _format(request: Request, *, single: bool) -> tuple[str, bool]:
    """JPEG or PNG, and whether without a multipart body."""
    for one in accepted(request):
        for kind in _KINDS:
            if single and one.covers(f"image/{kind}"):
                return kind, True
            if one.parts(f"image/{kind}"):
                return kind, False
    raise HTTPException(406, f"pictures are image/jpeg or image/png, several {RELATED} of them")
