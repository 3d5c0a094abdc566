"""``/healthz`` for whoever restarts things, ``/metrics`` for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from gateway.web.metrics import exposition
from gateway.web.parts import Parts

_WELL = frozenset({"well", "low"})
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> JSONResponse:
        """200 while results can be stored; 503 otherwise.  Says nothing else."""
        status = await parts.ask("status", {})
        condition = status["store"]["condition"]
        return JSONResponse({"store": condition}, 200 if condition in _WELL else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Prometheus text."""
        status = await parts.ask("status", {})
        return Response(exposition(status, parts.tally), media_type=_EXPOSITION)

    return router
