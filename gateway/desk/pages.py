"""Links to a study's page: who gave one, and each look, in the audit trail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.archive import Index
from gateway.desk.asked import actor_of, reason_of, study_of
from gateway.store import Store


class Pages:
    """``verbs`` are added to the desk's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = Index(store.engine)

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        return {"studies.page": self._page, "studies.looked": self._looked}

    async def _page(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The row a link is made for."""
        study, actor = await study_of(self._index, arguments), actor_of(arguments)
        subject, reason = f"study {study.uid}", reason_of(arguments)
        await self._store.audit.record(actor, "give study page", subject, reason)
        return {"uid": study.uid, "id": study.id}

    async def _looked(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody who holds a link opened the page."""
        uid, host = str(arguments.get("uid")), str(arguments.get("host"))
        await self._store.audit.record("link", "open study page", f"study {uid}", f"from {host}")
        return {"uid": uid}
