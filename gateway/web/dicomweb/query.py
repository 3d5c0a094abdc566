"""The routes of QIDO-RS."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.store import Engine
from gateway.web.dicomweb.attributes import Level
from gateway.web.dicomweb.search import search

JSON = "application/dicom+json"


def add(router: APIRouter, engine: Engine) -> None:
    async def answer(
        request: Request, level: Level, study: str | None = None, series: str | None = None
    ) -> Response:
        asked = search(level, request.query_params)
        asked.within("s.uid", study)
        asked.within("e.uid", series)
        found = await asked.run(engine)
        head = {}
        if asked.ignored:
            head["warning"] = '299 gateway "some parameters are not supported and were ignored"'
        if not found:
            return Response(status_code=204, headers=head)
        return JSONResponse(found, headers=head, media_type=JSON)

    @router.get("/studies")
    async def studies(request: Request) -> Response:
        """Studies by filters."""
        return await answer(request, Level.STUDY)

    @router.get("/series")
    async def all_series(request: Request) -> Response:
        """Series of all studies."""
        return await answer(request, Level.SERIES)

    @router.get("/instances")
    async def all_instances(request: Request) -> Response:
        """Instances of all studies."""
        return await answer(request, Level.INSTANCE)

    @router.get("/studies/{study}/series")
    async def series_of(request: Request, study: str) -> Response:
        """Series of a study."""
        return await answer(request, Level.SERIES, study)

    @router.get("/studies/{study}/instances")
    async def instances_of(request: Request, study: str) -> Response:
        """Instances of a study."""
        return await answer(request, Level.INSTANCE, study)

    @router.get("/studies/{study}/series/{series}/instances")
    async def instances_of_series(request: Request, study: str, series: str) -> Response:
        """Instances of a series."""
        return await answer(request, Level.INSTANCE, study, series)
