"""Looking things up: reports with their bytes and messages, deliveries, the audit trail.

Everything is read from the store as it was written; nothing here changes anything.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from gateway.desk.asked import limit_of
from gateway.desk.mistakes import Missing, Mistake
from gateway.matching import moves
from gateway.store import MessageState, OutboxEntry, ReportState, Store, StoredReport
from gateway.store.moments import to_micros
from gateway.store.numbers import assigned


class Records:
    """``verbs`` are added to the desk's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        return {
            "reports.list": self._reports,
            "reports.show": self._report,
            "deliveries.list": self._deliveries,
            "audit.list": self._audit,
        }

    async def _reports(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        state, since = arguments.get("state"), _moment(arguments.get("since"))
        found = await self._store.reports.list(
            device=arguments.get("device"),
            kind=arguments.get("kind"),
            since=None if since is None else to_micros(since),
            state=None if state is None else _one_of(ReportState, state),
            specimen=arguments.get("specimen"),
            before=arguments.get("before"),
            limit=limit_of(arguments),
        )
        return [_report(report) for report in found]

    async def _report(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        identity = str(arguments.get("id"))
        found = await self._store.reports.get(identity, arguments.get("revision"))
        if found is None:
            raise Missing("there is no such report")
        sent = await self._store.transmissions.get(found.transmission)
        messages = await self._store.reports.messages_of(identity)
        given = await self._store.engine.read(lambda c: assigned(c, identity))
        moved = await self._store.engine.read(
            lambda c: (moves.of_report(c, identity), moves.to_report(c, identity))
        )
        return {
            **_report(found),
            "report": json.loads(found.body),
            "bytes": None if sent is None else sent.raw.decode("latin-1"),
            "messages": [{**_message(m), "body": _text(m)} for m in messages],
            "moved_to": moved[0].target if moved[0] else None,
            "moved_from": moved[1].report if moved[1] else None,
            "order_numbers": {
                name: {"placer": one.placer, "filler": one.filler} for name, one in given.items()
            },
        }

    async def _deliveries(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        state = arguments.get("state")
        found = await self._store.outbox.list(
            arguments.get("destination"),
            None if state is None else _one_of(MessageState, state),
            before=arguments.get("before"),
            limit=limit_of(arguments),
        )
        return [_message(entry) for entry in found]

    async def _audit(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        entries = await self._store.audit.list(
            before=arguments.get("before"), limit=limit_of(arguments)
        )
        chain = await self._store.audit.verify_chain()
        return {
            "whole": chain.whole,
            "length": chain.length,
            "head": chain.head.hex(),
            "entries": [
                {
                    "seq": entry.seq,
                    "at": entry.at.isoformat(),
                    "actor": entry.actor,
                    "action": entry.action,
                    "subject": entry.subject,
                    "detail": entry.detail,
                    "hash": entry.hash.hex(),
                }
                for entry in entries
            ],
        }


def _report(report: StoredReport) -> dict[str, Any]:
    return {
        "seq": report.seq,
        "id": report.id,
        "revision": report.revision,
        "device": report.device,
        "kind": report.kind,
        "specimen": report.specimen,
        "received_at": report.received_at.isoformat(),
        "state": report.state.value,
        "transmission": report.transmission,
    }


def _message(entry: OutboxEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "destination": entry.destination,
        "report_id": entry.report,
        "revision": entry.revision,
        "device": entry.device,
        "control_id": entry.control_id,
        "content_type": entry.content_type,
        "state": entry.state.value,
        "attempts": entry.attempts,
        "created_at": entry.created_at.isoformat(),
        "next_at": _iso(entry.next_at),
        "last_try": _iso(entry.last_try),
        "finished_at": _iso(entry.finished_at),
        "answer": entry.answer,
        "resend_of": entry.resend_of,
    }


def _text(entry: OutboxEntry) -> str:
    """The bytes that are sent, one character a byte when they are no UTF-8."""
    try:
        return entry.body.decode("utf-8")
    except UnicodeDecodeError:
        return entry.body.decode("latin-1")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise Mistake("since: write 2026-01-31T08:00:00+01:00") from None
    if moment.tzinfo is None:
        raise Mistake("since: a time needs its zone, e.g. 2026-01-31T08:00:00+01:00")
    return moment


def _one_of(kind: Any, value: Any) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise Mistake(f"a state is one of {', '.join(kind)}") from None
