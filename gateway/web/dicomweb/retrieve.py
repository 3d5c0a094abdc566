"""WADO-RS (PS3.18 10.4): instances as stored, metadata, frames, pictures."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from gateway.archive import Archive, Instance
from gateway.archive.sweep import GONE
from gateway.imaging.correction import correction_of
from gateway.imaging.outgoing import Outgoing
from gateway.rendering.process import Renderer, Unrenderable
from gateway.store import Engine
from gateway.web.dicomweb.multipart import closing, opening
from gateway.web.dicomweb.query import JSON

_CHUNK: Final = 256 * 1024
_METADATA: Final = 200  # files of one child
_THUMBNAIL: Final = (200, 200)
_LARGEST: Final = 4096
_OCTETS: Final = "application/octet-stream"
_FRAME_TYPES: Final = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}
_STUDY: Final = "/studies/{study}"
_SERIES: Final = _STUDY + "/series/{series}"
_INSTANCE: Final = _SERIES + "/instances/{instance}"


class Shelf:
    """Finds what an address names; 404 when there is nothing."""

    def __init__(self, archive: Archive, engine: Engine, renderer: Renderer) -> None:
        self.archive = archive
        self._engine = engine
        self.outgoing = Outgoing(archive, engine, renderer)

    async def correction(self, study: str) -> dict[str, Any] | None:
        """What is to be changed on the way out."""
        found = await self._engine.read(lambda c: correction_of(c, study))
        return None if found is None else found.instruction()

    def here(self, found: Sequence[Instance]) -> Sequence[Instance]:
        """Those whose files can be given back; 410 when there is none."""
        kept = [one for one in found if one.state not in GONE]
        if not kept:
            raise HTTPException(410, "its files are not here any more; a PACS keeps them")
        return kept

    async def all(self, study: str, series: str | None = None) -> Sequence[Instance]:
        found = await self.archive.index.instances(study, series)
        if not found:
            raise HTTPException(404, "there is nothing by that UID")
        return found

    async def one(self, study: str, series: str, instance: str) -> Instance:
        for found in await self.archive.index.instances(study, series):
            if found.uid == instance:
                return self.here([found])[0]
        raise HTTPException(404, "there is no such instance")

    def path(self, instance: Instance) -> str:
        return str(self.archive.shelves.path(instance.path))


def add(router: APIRouter, archive: Archive, engine: Engine, renderer: Renderer) -> None:
    shelf = Shelf(archive, engine, renderer)
    _add_instances(router, shelf)
    _add_metadata(router, shelf, renderer)
    _add_frames(router, shelf, renderer)
    _add_pictures(router, shelf, renderer)


def _add_instances(router: APIRouter, shelf: Shelf) -> None:
    async def answer(request: Request, found: Sequence[Instance]) -> Response:
        _must_accept_dicom(request)
        boundary = secrets.token_hex(16)
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        kept = shelf.here(found)
        body = _files(shelf, kept, boundary)
        status = 200 if len(kept) == len(found) else 206
        return StreamingResponse(body, status, media_type=kind)

    @router.get(_STUDY)
    async def study_files(request: Request, study: str) -> Response:
        """Every instance of a study, as stored."""
        return await answer(request, await shelf.all(study))

    @router.get(_SERIES)
    async def series_files(request: Request, study: str, series: str) -> Response:
        """Every instance of a series."""
        return await answer(request, await shelf.all(study, series))

    @router.get(_INSTANCE)
    async def instance_file(request: Request, study: str, series: str, instance: str) -> Response:
        """One instance."""
        return await answer(request, [await shelf.one(study, series, instance)])


def _add_metadata(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    async def answer(request: Request, found: Sequence[Instance], study: str) -> Response:
        root = str(request.base_url).rstrip("/") + "/dicom-web/studies/" + study
        names = {s.id: s.uid for s in await shelf.archive.index.series(study)}
        correction = await shelf.correction(study)
        found, shown = shelf.here(found), list[bytes]()
        for start in range(0, len(found), _METADATA):
            batch = found[start : start + _METADATA]
            bases = [f"{root}/series/{names[i.series]}/instances/{i.uid}" for i in batch]
            asked = {"verb": "metadata", "paths": [shelf.path(i) for i in batch], "bases": bases}
            shown += await renderer.look({**asked, "correction": correction})
        return Response(b"[" + b",".join(shown) + b"]", media_type=JSON)

    @router.get(_STUDY + "/metadata")
    async def study_metadata(request: Request, study: str) -> Response:
        """Everything but bulk data, as DICOM JSON."""
        return await answer(request, await shelf.all(study), study)

    @router.get(_SERIES + "/metadata")
    async def series_metadata(request: Request, study: str, series: str) -> Response:
        """The same of a series."""
        return await answer(request, await shelf.all(study, series), study)

    @router.get(_INSTANCE + "/metadata")
    async def instance_metadata(
        request: Request, study: str, series: str, instance: str
    ) -> Response:
        """The same of an instance."""
        return await answer(request, [await shelf.one(study, series, instance)], study)


def _add_frames(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    async def answer(found: Instance, numbers: Sequence[int]) -> Response:
        asked = {"verb": "frames", "path": shelf.path(found), "numbers": list(numbers)}
        frames = await renderer.look(asked)
        kind = _FRAME_TYPES.get(found.transfer_syntax, _OCTETS)
        boundary = secrets.token_hex(16)
        part = f"{kind}; transfer-syntax={found.transfer_syntax}" if kind != _OCTETS else kind
        body = b"".join(opening(boundary, part) + frame for frame in frames) + closing(boundary)
        whole = f'multipart/related; type="{kind}"; boundary={boundary}'
        return Response(body, media_type=whole)

    @router.get(_INSTANCE + "/frames/{numbers}")
    async def frames(study: str, series: str, instance: str, numbers: str) -> Response:
        """Frames as stored; numbers from 1, joined by commas."""
        return await answer(await shelf.one(study, series, instance), _numbers(numbers))

    @router.get(_INSTANCE + "/bulk/7FE00010")
    async def pixel_data(study: str, series: str, instance: str) -> Response:
        """All frames: where the metadata's BulkDataURI points."""
        return await answer(await shelf.one(study, series, instance), ())


def _add_pictures(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    async def answer(
        request: Request, found: Instance, frame: int | str, size: Sequence[int]
    ) -> Response:
        wanted = _picture_format(request)
        asked = {"verb": "picture", "path": shelf.path(found), "frame": frame, "size": list(size)}
        [image] = await renderer.look({**asked, "format": wanted, "quality": _quality(request)})
        return Response(image, media_type=f"image/{wanted}")

    @router.get(_INSTANCE + "/rendered")
    async def rendered(request: Request, study: str, series: str, instance: str) -> Response:
        """The first frame as JPEG or PNG."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, 1, _viewport(request))

    @router.get(_INSTANCE + "/frames/{number}/rendered")
    async def rendered_frame(
        request: Request, study: str, series: str, instance: str, number: str
    ) -> Response:
        """One frame as JPEG or PNG."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, _numbers(number)[0], _viewport(request))

    @router.get(_INSTANCE + "/thumbnail")
    async def thumbnail(request: Request, study: str, series: str, instance: str) -> Response:
        """The middle frame, small."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, "middle", _viewport(request) or _THUMBNAIL)

    @router.get(_INSTANCE + "/frames/{number}/thumbnail")
    async def frame_thumbnail(
        request: Request, study: str, series: str, instance: str, number: str
    ) -> Response:
        """One frame, small."""
        found = await shelf.one(study, series, instance)
        size = _viewport(request) or _THUMBNAIL
        return await answer(request, found, _numbers(number)[0], size)

    @router.get(_SERIES + "/thumbnail")
    async def series_thumbnail(request: Request, study: str, series: str) -> Response:
        """The series' first picture, small."""
        return await answer(
            request, _pictured(await shelf.all(study, series)), "middle", _THUMBNAIL
        )

    @router.get(_STUDY + "/thumbnail")
    async def study_thumbnail(request: Request, study: str) -> Response:
        """The study's first picture, small."""
        return await answer(request, _pictured(await shelf.all(study)), "middle", _THUMBNAIL)


async def _files(
    shelf: Shelf,
    found: Sequence[Instance],
    boundary: str,
) -> AsyncIterator[bytes]:
    """Part 10 files piece by piece, as they lie in the archive or with their correction."""
    archive = shelf.archive
    for instance in found:
        yield opening(boundary, "application/dicom")
        content = await shelf.outgoing.content(instance)
        file = await archive.run(content.open)
        try:
            while piece := await archive.run(file.read, _CHUNK):
                yield piece
        finally:
            await archive.run(file.close)
    yield closing(boundary)


def _pictured(found: Sequence[Instance]) -> Instance:
    for instance in found:
        if instance.rows and instance.state not in GONE:
            return instance
    raise Unrenderable("it holds no picture")


def _must_accept_dicom(request: Request) -> None:
    """Multipart DICOM in the stored transfer syntax is what there is."""
    accept = request.headers.get("accept", "*/*").lower()
    if "*/*" in accept or "multipart/*" in accept:
        return
    if "multipart/related" not in accept or "application/dicom+" in accept:
        raise HTTPException(406, 'only multipart/related; type="application/dicom" can be had')


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
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 100):
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


def _numbers(text: str) -> list[int]:
    each = text.split(",")
    if len(each) > 1000 or not all(e.isascii() and e.isdigit() and 0 < len(e) < 8 for e in each):
        raise HTTPException(400, "frames are numbers from 1, joined by commas")
    return [int(number) for number in each]
