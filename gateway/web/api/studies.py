"""Imaging studies and what a person decides about them; images that belong to none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from gateway.imaging.export import packing_of, zipped
from gateway.web.api.asked import Before, Decision, Limit, Number, User, acting, linked
from gateway.web.parts import Parts


class Link(Decision):
    order: str = Field(min_length=1, max_length=200)


class Keep(Decision):
    """``end``: it may be purged again."""

    end: bool = False


class Forward(Decision):
    """``to``: the destination; not needed where there is only one PACS."""

    to: str = Field("", max_length=63)


class Move(Decision):
    patient_id: str = Field(min_length=1, max_length=64)
    issuer: str = Field("", max_length=64)


def add_studies(router: APIRouter, parts: Parts) -> None:
    @router.get("/studies")
    async def studies(
        request: Request,
        response: Response,
        state: Annotated[str | None, Query(max_length=20)] = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[dict[str, Any]]:
        """Studies, the newest first; ``state`` is matched or unmatched."""
        asked = {"state": state, "before": before, "limit": limit}
        found = list(await parts.ask("studies.list", asked))
        linked(request, response, found, limit, before="id")
        return found

    @router.get("/studies/{uid}")
    async def study(uid: str) -> dict[str, Any]:
        """A study with its series, and orders that may belong to it and why."""
        return dict(await parts.ask("studies.show", {"uid": uid}))

    @router.get("/quarantine")
    async def quarantine(
        request: Request, response: Response, before: Before = None, limit: Limit = 1000
    ) -> list[dict[str, Any]]:
        """Images that were kept and filed under no study, the newest first."""
        found = list(await parts.ask("quarantine.list", {"before": before, "limit": limit}))
        linked(request, response, found, limit, before="id")
        return found

    @router.post("/quarantine/{number}/close")
    async def close(number: Number, request: Request, decision: Decision) -> dict[str, Any]:
        """Takes one off the list; needs a reason. Its file stays."""
        asked = {"id": number, **acting(request, decision)}
        return dict(await parts.ask("quarantine.close", asked))

    @router.get("/studies/{uid}/export")
    async def export(
        uid: str, request: Request, user: User = None, partial: bool = False
    ) -> StreamingResponse:
        """The study as a ZIP with a DICOMDIR; ``partial``: even if some images are not here."""
        if parts.archive is None:
            raise HTTPException(404, "there is no imaging side")
        by = {"user": user or getattr(request.state, "user", "") or ""}
        answer = await parts.ask("studies.export", {"uid": uid, "partial": partial, **by})
        pieces = zipped(packing_of(answer, parts.archive.shelves.directory))
        first = await anext(pieces)  # what cannot be made is answered as such
        head = {"content-disposition": 'attachment; filename="study.zip"'}
        body = _after(first, pieces)
        return StreamingResponse(body, media_type="application/zip", headers=head)

    @router.post("/studies/{uid}/link")
    async def link(
        uid: str, request: Request, response: Response, decision: Link
    ) -> dict[str, Any]:
        """Ties a study to an order; 202 when a second person has to say the same."""
        asked = {"uid": uid, "order": decision.order, **acting(request, decision)}
        return _decided(response, await parts.ask("studies.link", asked))

    @router.post("/studies/{uid}/unlink")
    async def unlink(
        uid: str, request: Request, response: Response, decision: Decision
    ) -> dict[str, Any]:
        """Undoes it; needs a reason."""
        asked = {"uid": uid, **acting(request, decision)}
        return _decided(response, await parts.ask("studies.unlink", asked))

    @router.post("/studies/{uid}/page")
    async def page(uid: str, request: Request, decision: Decision) -> dict[str, Any]:
        """A link to the study's page, for somebody without an account; needs a reason."""
        found = await parts.ask("studies.page", {"uid": uid, **acting(request, decision)})
        return {"uid": uid, "url": parts.links.of(found["id"]), "days": parts.links.days}

    @router.post("/studies/{uid}/keep")
    async def keep(uid: str, request: Request, decision: Keep) -> dict[str, Any]:
        """Keeps it from being purged, or ends that; needs a reason."""
        asked = {"uid": uid, "end": decision.end, **acting(request, decision)}
        return dict(await parts.ask("studies.keep", asked))

    @router.post("/studies/{uid}/forward")
    async def forward(uid: str, request: Request, decision: Forward) -> dict[str, Any]:
        """Sends it to a PACS again, under the identity it has now; needs a reason."""
        asked = {"uid": uid, "to": decision.to, **acting(request, decision)}
        return dict(await parts.ask("studies.forward", asked))

    @router.post("/studies/{uid}/move")
    async def move(
        uid: str, request: Request, response: Response, decision: Move
    ) -> dict[str, Any]:
        """Says whose study it really is; the bytes stay as they came."""
        asked = {"uid": uid, "patient_id": decision.patient_id, "issuer": decision.issuer}
        answer = await parts.ask("studies.move", {**asked, **acting(request, decision)})
        return _decided(response, answer)


def _decided(response: Response, answer: Mapping[str, Any]) -> dict[str, Any]:
    if answer.get("waits"):
        response.status_code = 202
    return dict(answer)


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece
