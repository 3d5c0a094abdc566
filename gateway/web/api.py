"""``/api/v1``: what a person can see and do, as JSON.  Every route asks the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from gateway.imaging.export import packing_of, zipped
from gateway.orders.model import OrderStatus
from gateway.store import MessageState, ReportState
from gateway.web.events import READERS
from gateway.web.parts import Parts

Limit = Annotated[int, Query(ge=1, le=1000)]
User = Annotated[str | None, Query(min_length=1, max_length=100)]
Before = Annotated[int | None, Query(ge=1, description="the last number of the page before")]
Number = Annotated[int, Field(ge=1, le=2**62)]


class Decision(BaseModel):
    """``user`` is needed unless the request was authorized with a name (Basic)."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field("", max_length=500)
    user: str | None = Field(None, min_length=1, max_length=100)


class Release(Decision):
    """``order``: the order a person says the report belongs to."""

    order: str = Field("", max_length=200)


class Resend(Decision):
    as_new: bool = False


class Correct(Decision):
    """Whose result it really is: by an order or a patient id; and the label, if that was wrong."""

    order: str = Field("", max_length=200)
    patient_id: str = Field("", max_length=64)
    specimen: str = Field("", max_length=200)


class ControlRelease(Decision):
    """``results``: held results that nothing else keeps back go as well."""

    device: str = Field(min_length=1, max_length=63)
    test: str = Field(min_length=1, max_length=200)
    results: bool = False


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


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["gateway"])
    _add_lists(router, parts)
    _add_reports(router, parts)
    _add_acts(router, parts)
    _add_orders(router, parts)
    _add_studies(router, parts)
    _add_events(router, parts)
    return router


def _add_lists(router: APIRouter, parts: Parts) -> None:
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
    async def audit(before: Before = None, limit: Limit = 100) -> dict[str, Any]:
        """Who did what, the newest first, and whether the chain is whole."""
        return dict(await parts.ask("audit.list", {"before": before, "limit": limit}))

    @router.get("/held")
    async def held() -> list[dict[str, Any]]:
        """What waits for a person."""
        return list(await parts.ask("held.list", {}))

    @router.get("/deliveries")
    async def deliveries(
        destination: Annotated[str | None, Query(max_length=63)] = None,
        state: MessageState | None = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[dict[str, Any]]:
        """Messages, the newest first."""
        asked = {"destination": destination, "state": state, "before": before, "limit": limit}
        return list(await parts.ask("deliveries.list", asked))


def _add_reports(router: APIRouter, parts: Parts) -> None:
    @router.get("/reports")
    async def reports(
        device: Annotated[str | None, Query(max_length=63)] = None,
        kind: Annotated[str | None, Query(max_length=20)] = None,
        since: datetime | None = None,
        state: ReportState | None = None,
        specimen: Annotated[str | None, Query(max_length=200)] = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[dict[str, Any]]:
        """Reports, the newest first; ``before`` is a ``seq``."""
        asked = {
            "device": device,
            "kind": kind,
            "since": None if since is None else since.isoformat(),
            "state": state,
            "specimen": specimen,
            "before": before,
            "limit": limit,
        }
        return list(await parts.ask("reports.list", asked))

    @router.get("/reports/{identity}")
    async def report(identity: str, revision: int | None = None) -> dict[str, Any]:
        """One report, the exact bytes it was read from, and the messages made from it."""
        return dict(await parts.ask("reports.show", {"id": identity, "revision": revision}))

    @router.get("/held/{number}")
    async def held_item(number: Number) -> dict[str, Any]:
        """Everything a person needs to decide."""
        return dict(await parts.ask("held.show", {"id": number}))


def _add_acts(router: APIRouter, parts: Parts) -> None:
    @router.post("/held/{number}/release")
    async def release(
        number: Number, request: Request, decision: Annotated[Release | None, Body()] = None
    ) -> dict[str, Any]:
        """Sends it after all, in somebody's name."""
        order = "" if decision is None else decision.order
        asked = {"id": number, "order": order, **_by(request, decision)}
        return dict(await parts.ask("held.release", asked))

    @router.post("/held/{number}/discard")
    async def discard(number: Number, request: Request, decision: Decision) -> dict[str, Any]:
        """Not to be sent; needs a reason."""
        return dict(await parts.ask("held.discard", {"id": number, **_by(request, decision)}))

    @router.get("/qc")
    async def controls(
        device: Annotated[str | None, Query(max_length=63)] = None,
        test: Annotated[str | None, Query(max_length=200)] = None,
    ) -> list[dict[str, Any]]:
        """How each test stands by its last control."""
        return list(await parts.ask("qc.list", {"device": device, "test": test}))

    @router.post("/qc/release")
    async def release_control(request: Request, decision: ControlRelease) -> dict[str, Any]:
        """A failed control was dealt with: patients' results of its test may go again."""
        said = decision.model_dump(include={"device", "test", "results"})
        return dict(await parts.ask("qc.release", {**said, **_by(request, decision)}))

    @router.post("/reports/{identity}/move")
    async def move(identity: str, request: Request, decision: Correct) -> dict[str, Any]:
        """Withdraws a result where it was sent and sends it where it belongs; needs a reason."""
        said = decision.model_dump(include={"order", "patient_id", "specimen"})
        return dict(
            await parts.ask("reports.move", {"id": identity, **said, **_by(request, decision)})
        )

    @router.post("/deliveries/{number}/resend")
    async def resend(
        number: Number, request: Request, decision: Annotated[Resend | None, Body()] = None
    ) -> dict[str, Any]:
        """Queues a message again: the same bytes, or as new."""
        as_new = decision is not None and decision.as_new
        asked = {"id": number, "as_new": as_new, **_by(request, decision)}
        return dict(await parts.ask("resend", asked))


def _add_orders(router: APIRouter, parts: Parts) -> None:
    @router.get("/orders")
    async def orders(
        status: OrderStatus | None = None,
        placer: Annotated[str | None, Query(max_length=200)] = None,
        specimen: Annotated[str | None, Query(max_length=200)] = None,
        patient: Annotated[str | None, Query(max_length=200)] = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[dict[str, Any]]:
        """Orders, the newest first; ``patient`` is one of the patient's numbers."""
        asked = {
            "status": status,
            "placer": placer,
            "specimen": specimen,
            "patient": patient,
            "before": before,
            "limit": limit,
        }
        return list(await parts.ask("orders.list", asked))

    @router.get("/orders/{number}")
    async def order(number: Number) -> dict[str, Any]:
        """One order, the reports filed under it, devices and laboratories that were told of it."""
        return dict(await parts.ask("orders.show", {"id": number}))

    @router.get("/patients")
    async def patients(
        number: Annotated[str | None, Query(max_length=200)] = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[dict[str, Any]]:
        """Patients as the EHR knows them, with numbers that were merged away."""
        asked = {"number": number, "before": before, "limit": limit}
        return list(await parts.ask("patients.list", asked))

    @router.get("/patients/{number}")
    async def patient(number: Number) -> dict[str, Any]:
        """One patient."""
        return dict(await parts.ask("patients.show", {"id": number}))


def _add_studies(router: APIRouter, parts: Parts) -> None:
    @router.get("/studies")
    async def studies(
        state: Annotated[str | None, Query(max_length=20)] = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[dict[str, Any]]:
        """Studies, the newest first; ``state`` is matched or unmatched."""
        asked = {"state": state, "before": before, "limit": limit}
        return list(await parts.ask("studies.list", asked))

    @router.get("/studies/{uid}")
    async def study(uid: str) -> dict[str, Any]:
        """A study with its series, and orders that may belong to it and why."""
        return dict(await parts.ask("studies.show", {"uid": uid}))

    @router.get("/quarantine")
    async def quarantine() -> list[dict[str, Any]]:
        """Images that were kept and filed under no study."""
        return list(await parts.ask("quarantine.list", {}))

    @router.post("/quarantine/{number}/close")
    async def close(number: Number, request: Request, decision: Decision) -> dict[str, Any]:
        """Takes one off the list; needs a reason. Its file stays."""
        asked = {"id": number, **_by(request, decision)}
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
    async def link(uid: str, request: Request, decision: Link) -> dict[str, Any]:
        """Ties a study to an order."""
        asked = {"uid": uid, "order": decision.order, **_by(request, decision)}
        return dict(await parts.ask("studies.link", asked))

    @router.post("/studies/{uid}/unlink")
    async def unlink(uid: str, request: Request, decision: Decision) -> dict[str, Any]:
        """Undoes it; needs a reason."""
        return dict(await parts.ask("studies.unlink", {"uid": uid, **_by(request, decision)}))

    @router.post("/studies/{uid}/keep")
    async def keep(uid: str, request: Request, decision: Keep) -> dict[str, Any]:
        """Keeps it from being purged, or ends that; needs a reason."""
        asked = {"uid": uid, "end": decision.end, **_by(request, decision)}
        return dict(await parts.ask("studies.keep", asked))

    @router.post("/studies/{uid}/forward")
    async def forward(uid: str, request: Request, decision: Forward) -> dict[str, Any]:
        """Sends it to a PACS again, under the identity it has now; needs a reason."""
        asked = {"uid": uid, "to": decision.to, **_by(request, decision)}
        return dict(await parts.ask("studies.forward", asked))

    @router.post("/studies/{uid}/move")
    async def move(uid: str, request: Request, decision: Move) -> dict[str, Any]:
        """Says whose study it really is; the bytes stay as they came."""
        asked = {"uid": uid, "patient_id": decision.patient_id, "issuer": decision.issuer}
        return dict(await parts.ask("studies.move", {**asked, **_by(request, decision)}))


def _add_events(router: APIRouter, parts: Parts) -> None:
    @router.get("/events")
    async def events(
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> StreamingResponse:
        """Every notice as it happens (server-sent events)."""
        if parts.bulletin.readers >= READERS:
            raise HTTPException(503, f"{READERS} readers already listen")
        stream = parts.bulletin.stream(last_event_id)
        return StreamingResponse(stream, media_type="text/event-stream")


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _by(request: Request, decision: Decision | None) -> dict[str, str]:
    """Who acts: as the body says, or the name the request was authorized with."""
    named = decision.user if decision is not None else None
    user = named or getattr(request.state, "user", "") or ""
    return {"user": user[:100], "reason": "" if decision is None else decision.reason}
