"""``/api/v1``: what a person can see and do, as JSON.  Every route asks the desk."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.web.api.orders import add_orders
from gateway.web.api.overview import add_overview
from gateway.web.api.results import add_controls, add_deliveries, add_held, add_reports
from gateway.web.api.studies import add_studies
from gateway.web.parts import Parts


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["gateway"])
    for add in (
        add_overview,
        add_reports,
        add_held,
        add_controls,
        add_deliveries,
        add_orders,
        add_studies,
    ):
        add(router, parts)
    return router
