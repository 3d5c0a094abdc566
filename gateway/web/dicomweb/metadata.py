"""WADO-RS metadata (PS3.18 10.4.1.1.2): everything but bulk data, as DICOM JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request, Response

from gateway.archive import Instance
from gateway.rendering.process import Renderer
from gateway.web.dicomweb.addresses import INSTANCE, SERIES, STUDY, Shelf, address
from gateway.web.dicomweb.media import must_accept
from gateway.web.dicomweb.query import JSON

_METADATA: Final = 200  # files of one child


def add(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    async def answer(request: Request, found: Sequence[Instance], study: str) -> Response:
        must_accept(request, JSON, "application/json")
        names = {s.id: s.uid for s in await shelf.archive.index.series(study)}
        correction = await shelf.correction(study)
        found, shown = shelf.here(found), list[bytes]()
        for start in range(0, len(found), _METADATA):
            batch = found[start : start + _METADATA]
            bases = [address(request, study, names[i.series], i.uid) for i in batch]
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
