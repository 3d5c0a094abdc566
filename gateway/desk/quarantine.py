"""Images that are kept but belong to no study, until a person has looked at them.

Closing a case takes it off the list and lets commitment and retention go on; the file stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import apsw

from gateway.archive import Index, Quarantined
from gateway.desk.asked import MOST, actor_of, limit_of, reason_of
from gateway.desk.mistakes import Missing, Mistake
from gateway.store import Store, audit


class Quarantine:
    """``verbs`` are added to the desk's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = Index(store.engine)

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        return {
            "quarantine.list": self._list,
            "quarantine.show": self._show,
            "quarantine.save": self._save,
            "quarantine.close": self._close,
        }

    async def _list(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A page, the newest first; ``before`` is the last id of the page before."""
        limit, before = limit_of(arguments, MOST), arguments.get("before")
        return [_case(one) for one in await self._index.quarantined(limit, before)]

    async def _show(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Where the file is, for whoever may read the archive's folder."""
        case = await self._found(arguments)
        return {**_case(case), "path": case.path, "sha256": case.sha256.hex()}

    async def _save(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The same, for somebody who copies the image; it may name a patient."""
        shown, actor = await self._show(arguments), actor_of(arguments)
        await self._store.audit.record(actor, "save quarantine", f"quarantine {shown['id']}", "")
        return shown

    async def _close(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        case = await self._found(arguments)
        actor, reason = actor_of(arguments), reason_of(arguments)

        def operation(connection: apsw.Connection) -> None:
            query = "UPDATE quarantine SET state = 'closed' WHERE id = ? AND state = 'open'"
            connection.execute(query, (case.id,))
            if not connection.changes():
                raise Missing("somebody closed it just now")
            subject, detail = f"quarantine {case.id}", f"{case.reason}: {reason}"
            audit.add(self._store.engine, connection, actor, "close quarantine", subject, detail)

        await self._store.engine.write(operation)
        return {"id": case.id, "closed": True}

    async def _found(self, arguments: Mapping[str, Any]) -> Quarantined:
        wanted = str(arguments.get("id"))
        if not wanted.isascii() or not wanted.isdigit():
            raise Mistake(f"'{wanted}' is not the number of a quarantined image")
        found = await self._index.quarantined(1, int(wanted) + 1) if len(wanted) < 19 else ()
        if found and found[0].id == int(wanted):
            return found[0]
        raise Missing("there is no such case; see 'gateway quarantine list'")


def _case(case: Quarantined) -> dict[str, Any]:
    """No patient data: the index has none of it."""
    return {
        "id": case.id,
        "reason": case.reason,
        "detail": case.detail,
        "received_at": case.received_at.isoformat(),
        "device": case.device,
        "calling": case.calling,
        "address": case.host,
        "sop_class": case.sop_class,
        "uid": case.uid,
        "study": case.study_uid,
        "transfer_syntax": case.transfer_syntax,
        "size": case.size,
    }
