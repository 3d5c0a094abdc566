"""Looking up orders and patients; the EHR alone changes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.desk.asked import limit_of
from gateway.desk.mistakes import Missing, Mistake
from gateway.orders import listing
from gateway.orders.model import OrderStatus
from gateway.store import Store


class Ordering:
    """``verbs`` are added to the desk's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        return {
            "orders.list": self._orders,
            "orders.show": self._order,
            "patients.list": self._patients,
            "patients.show": self._patient,
        }

    async def _orders(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        status, limit = _status(arguments.get("status")), limit_of(arguments)
        return await self._store.engine.browse(
            lambda c: listing.orders(
                c,
                status=status,
                placer=arguments.get("placer"),
                specimen=arguments.get("specimen"),
                patient=arguments.get("patient"),
                before=arguments.get("before"),
                limit=limit,
            )
        )

    async def _order(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        number = _number(arguments)
        found = await self._store.engine.browse(lambda c: listing.order(c, number))
        if found is None:
            raise Missing(f"there is no order {number}")
        return found

    async def _patients(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        number, before = arguments.get("number"), arguments.get("before")
        limit = limit_of(arguments)
        return await self._store.engine.browse(
            lambda c: listing.people(c, number=number, before=before, limit=limit)
        )

    async def _patient(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        number = _number(arguments)
        found = await self._store.engine.browse(lambda c: listing.person(c, number))
        if found is None:
            raise Missing(f"there is no patient {number}")
        return found


def _status(value: Any) -> OrderStatus | None:
    if value is None:
        return None
    try:
        return OrderStatus(value)
    except ValueError:
        raise Mistake(f"a status is one of {', '.join(OrderStatus)}") from None


def _number(arguments: Mapping[str, Any]) -> int:
    try:
        return int(arguments["id"])
    except (KeyError, TypeError, ValueError):
        raise Mistake("an id is a whole number") from None
