"""Results on their way: reports, what is held of them, controls, the messages made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import Field

from gateway.store import MessageState, ReportState
from gateway.web.api.asked import After, Before, Decision, Limit, Number, acting, linked
from gateway.web.parts import Parts


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


def add_reports(router: APIRouter, parts: Parts) -> None:
    @router.get("/reports")
    async def reports(
        request: Request,
        response: Response,
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
        found = list(await parts.ask("reports.list", asked))
        linked(request, response, found, limit, before="seq")
        return found

    @router.get("/reports/{identity}")
    async def report(identity: str, revision: int | None = None) -> dict[str, Any]:
        """One report, the exact bytes it was read from, and the messages made from it."""
        return dict(await parts.ask("reports.show", {"id": identity, "revision": revision}))

    @router.post("/reports/{identity}/move")
    async def move(identity: str, request: Request, decision: Correct) -> dict[str, Any]:
        """Withdraws a result where it was sent and sends it where it belongs; needs a reason."""
        said = decision.model_dump(include={"order", "patient_id", "specimen"})
        return dict(
            await parts.ask("reports.move", {"id": identity, **said, **acting(request, decision)})
        )


def add_held(router: APIRouter, parts: Parts) -> None:
    @router.get("/held")
    async def held(
        request: Request, response: Response, after: After = 0, limit: Limit = 1000
    ) -> list[dict[str, Any]]:
        """What waits for a person, the oldest first; ``after`` is an ``id``."""
        found = list(await parts.ask("held.list", {"after": after, "limit": limit}))
        linked(request, response, found, limit, after="id")
        return found

    @router.get("/held/{number}")
    async def held_item(number: Number) -> dict[str, Any]:
        """Everything a person needs to decide."""
        return dict(await parts.ask("held.show", {"id": number}))

    @router.post("/held/{number}/release")
    async def release(
        number: Number, request: Request, decision: Annotated[Release | None, Body()] = None
    ) -> dict[str, Any]:
        """Sends it after all, in somebody's name."""
        order = "" if decision is None else decision.order
        asked = {"id": number, "order": order, **acting(request, decision)}
        return dict(await parts.ask("held.release", asked))

    @router.post("/held/{number}/discard")
    async def discard(number: Number, request: Request, decision: Decision) -> dict[str, Any]:
        """Not to be sent; needs a reason."""
        return dict(await parts.ask("held.discard", {"id": number, **acting(request, decision)}))


def add_controls(router: APIRouter, parts: Parts) -> None:
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
        return dict(await parts.ask("qc.release", {**said, **acting(request, decision)}))


def add_deliveries(router: APIRouter, parts: Parts) -> None:
    @router.get("/deliveries")
    async def deliveries(
        request: Request,
        response: Response,
        destination: Annotated[str | None, Query(max_length=63)] = None,
        state: MessageState | None = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[dict[str, Any]]:
        """Messages, the newest first."""
        asked = {"destination": destination, "state": state, "before": before, "limit": limit}
        found = list(await parts.ask("deliveries.list", asked))
        linked(request, response, found, limit, before="id")
        return found

    @router.post("/deliveries/{number}/resend")
    async def resend(
        number: Number, request: Request, decision: Annotated[Resend | None, Body()] = None
    ) -> dict[str, Any]:
        """Queues a message again: the same bytes, or as new."""
        as_new = decision is not None and decision.as_new
        asked = {"id": number, "as_new": as_new, **acting(request, decision)}
        return dict(await parts.ask("resend", asked))
