"""How the gateway stands and what it did: status, books, audit trail, events as they happen."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from gateway.web.api.asked import Before, Limit, linked
from gateway.web.events import READERS
from gateway.web.parts import Parts


def add_overview(router: APIRouter, parts: Parts) -> None:
    @router.get("/status")
    async def status() -> dict[str, Any]:
        """Devices, destinations, queues, books: names and counts."""
        return dict(await parts.ask("status", {}))

    @router.get("/devices")
    async def devices() -> dict[str, Any]:
        """The devices part of the status."""
        return dict((await parts.ask("status", {}))["devices"])

    @router.get("/books")
    async def books(day: date | None = None) -> dict[str, Any]:
        """received = delivered + queued + held + discarded, per device."""
        asked = None if day is None else day.isoformat()
        return dict(await parts.ask("books", {"day": asked}))

    @router.get("/audit")
    async def audit(
        request: Request, response: Response, before: Before = None, limit: Limit = 100
    ) -> dict[str, Any]:
        """Who did what, the newest first, and whether the chain is whole."""
        found = dict(await parts.ask("audit.list", {"before": before, "limit": limit}))
        linked(request, response, found["entries"], limit, before="seq")
        return found

    @router.get("/events")
    async def events(
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> StreamingResponse:
        """Every notice as it happens (server-sent events)."""
        if parts.bulletin.readers >= READERS:
            raise HTTPException(503, f"{READERS} readers already listen")
        stream = parts.bulletin.stream(last_event_id)
        return StreamingResponse(stream, media_type="text/event-stream")
