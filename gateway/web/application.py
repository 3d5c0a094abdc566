"""The application: routes put together, and every error a line of JSON."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.desk import Missing
from gateway.errors import GatewayError, StoreError
from gateway.rendering.process import Unrenderable
from gateway.web import api, dicomweb, health, study_page
from gateway.web.dicomweb.attributes import BadQuery
from gateway.web.dicomweb.multipart import BadMultipart
from gateway.web.parts import Parts


def application(parts: Parts) -> FastAPI:
    """The whole site."""
    app = FastAPI(
        title="Back-office gateway",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            HTTPException: _http,
            RequestValidationError: _invalid,
            Missing: _not_found,
            StoreError: _store,
            BadQuery: _bad,
            BadMultipart: _bad,
            Unrenderable: _unrenderable,
            GatewayError: _mistake,
            Exception: _ours,
        },
    )
    app.include_router(health.routes(parts))
    app.include_router(api.routes(parts), prefix="/api/v1")
    if parts.archive is not None:
        app.include_router(
            dicomweb.routes(parts.archive, parts.engine, parts.filed), prefix="/dicom-web"
        )
        app.include_router(study_page.routes(parts, parts.archive, parts.links))
    return app


def _answer(status: int, text: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": text, **more}, status)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return _answer(500, "internal error")
    if (error.status_code, error.detail) == (404, "Not Found"):
        return _answer(404, "there is nothing here; /api/v1/openapi.json lists what there is")
    return _answer(error.status_code, str(error.detail))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """What is wrong and where; never the value that was sent."""
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    mistakes = [{"at": ".".join(map(str, e["loc"])), "what": e["msg"]} for e in found]
    return _answer(422, "the request is not valid", mistakes=mistakes)


async def _not_found(_request: Request, error: Exception) -> JSONResponse:
    return _answer(404, str(error))


async def _store(_request: Request, error: Exception) -> JSONResponse:
    return _answer(503, str(error))


async def _mistake(_request: Request, error: Exception) -> JSONResponse:
    return _answer(409, str(error))


async def _bad(_request: Request, error: Exception) -> JSONResponse:
    return _answer(400, str(error))


async def _unrenderable(_request: Request, error: Exception) -> JSONResponse:
    status = 404 if str(error) == "there is no such frame" else 406
    return _answer(status, str(error))


async def _ours(_request: Request, _error: Exception) -> JSONResponse:
    return _answer(500, "internal error")
