"""The routes of QIDO-RS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.store import Engine
from gateway.web.dicomweb.addresses import address
from gateway.web.dicomweb.attributes import RETRIEVE_URL, Level
from gateway.web.dicomweb.media import must_accept
from gateway.web.dicomweb.search import Search, search

JSON = "application/dicom+json"


def add(router: APIRouter, engine: Engine) -> None:
    async def answer(
        request: Request, level: Level, study: str | None = None, series: str | None = None
    ) -> Response:
        must_accept(request, JSON, "application/json")
        asked = search(level, request.query_params)
        asked.within("s.uid", study)
        asked.within("e.uid", series)
        found = await asked.run(engine)
        answer: Response = JSONResponse(_addressed(request, found), media_type=JSON)
        if not found:
            answer = Response(status_code=204)
        for warning in _warnings(asked):
            answer.headers.append("warning", f'299 gateway "{warning}"')
        return answer

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


def _addressed(request: Request, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With Retrieve URL, the address of what was found."""
    return [
        dict(sorted({**one, RETRIEVE_URL: _retrieve_url(request, one)}.items())) for one in found
    ]


def _retrieve_url(request: Request, found: Mapping[str, Any]) -> dict[str, Any]:
    uids = (found.get(tag, {}).get("Value") for tag in ("0020000D", "0020000E", "00080018"))
    return {"vr": "UR", "Value": [address(request, *(value[0] for value in uids if value))]}


def _warnings(asked: Search) -> Iterator[str]:
    if asked.ignored:
        yield "some parameters are not supported and were ignored"
    if asked.more:
        yield "there are more results than are given at once: ask for them by offset"
