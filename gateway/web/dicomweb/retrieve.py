"""WADO-RS (PS3.18 10.4): instances as stored, metadata, frames."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from gateway.archive import Instance
from gateway.rendering.process import Renderer
from gateway.web.dicomweb.addresses import INSTANCE, SERIES, STUDY, Shelf, frame_numbers
from gateway.web.dicomweb.multipart import closing, opening
from gateway.web.dicomweb.query import JSON

_CHUNK: Final = 256 * 1024
_METADATA: Final = 200  # files of one child
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


def add(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    _add_instances(router, shelf)
    _add_metadata(router, shelf, renderer)
    _add_frames(router, shelf, renderer)


def _add_instances(router: APIRouter, shelf: Shelf) -> None:
    async def answer(request: Request, found: Sequence[Instance]) -> Response:
        _must_accept_dicom(request)
        boundary = secrets.token_hex(16)
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        kept = shelf.here(found)
        body = _files(shelf, kept, boundary)
        status = 200 if len(kept) == len(found) else 206
        return StreamingResponse(body, status, media_type=kind)

    @router.get(STUDY)
    async def study_files(request: Request, study: str) -> Response:
        """Every instance of a study, as stored."""
        return await answer(request, await shelf.all(study))

    @router.get(SERIES)
    async def series_files(request: Request, study: str, series: str) -> Response:
        """Every instance of a series."""
        return await answer(request, await shelf.all(study, series))

    @router.get(INSTANCE)
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

    @router.get(STUDY + "/metadata")
    async def study_metadata(request: Request, study: str) -> Response:
        """Everything but bulk data, as DICOM JSON."""
        return await answer(request, await shelf.all(study), study)

    @router.get(SERIES + "/metadata")
    async def series_metadata(request: Request, study: str, series: str) -> Response:
        """The same of a series."""
        return await answer(request, await shelf.all(study, series), study)

    @router.get(INSTANCE + "/metadata")
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

    @router.get(INSTANCE + "/frames/{numbers}")
    async def frames(study: str, series: str, instance: str, numbers: str) -> Response:
        """Frames as stored; numbers from 1, joined by commas."""
        return await answer(await shelf.one(study, series, instance), frame_numbers(numbers))

    @router.get(INSTANCE + "/bulk/7FE00010")
    async def pixel_data(study: str, series: str, instance: str) -> Response:
        """All frames: where the metadata's BulkDataURI points."""
        return await answer(await shelf.one(study, series, instance), ())


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


def _must_accept_dicom(request: Request) -> None:
    """Multipart DICOM in the stored transfer syntax is what there is."""
    accept = request.headers.get("accept", "*/*").lower()
    if "*/*" in accept or "multipart/*" in accept:
        return
    if "multipart/related" not in accept or "application/dicom+" in accept:
        raise HTTPException(406, 'only multipart/related; type="application/dicom" can be had')
