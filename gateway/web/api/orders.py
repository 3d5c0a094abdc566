"""Orders and patients as the EHR sent them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from gateway.orders.model import OrderStatus
from gateway.web.api.asked import Before, Limit, Number, linked
from gateway.web.parts import Parts


def add_orders(router: APIRouter, parts: Parts) -> None:
    @router.get("/orders")
    async def orders(
        request: Request,
        response: Response,
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
        found = list(await parts.ask("orders.list", asked))
        linked(request, response, found, limit, before="id")
        return found

    @router.get("/orders/{number}")
    async def order(number: Number) -> dict[str, Any]:
        """One order, the reports filed under it, devices and laboratories that were told of it."""
        return dict(await parts.ask("orders.show", {"id": number}))

    @router.get("/patients")
    async def patients(
        request: Request,
        response: Response,
        number: Annotated[str | None, Query(max_length=200)] = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[dict[str, Any]]:
        """Patients as the EHR knows them, with numbers that were merged away."""
        asked = {"number": number, "before": before, "limit": limit}
        found = list(await parts.ask("patients.list", asked))
        linked(request, response, found, limit, before="id")
        return found

    @router.get("/patients/{number}")
    async def patient(number: Number) -> dict[str, Any]:
        """One patient."""
        return dict(await parts.ask("patients.show", {"id": number}))
