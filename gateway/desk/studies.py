"""Studies for a person: what came, which order it belongs to, and setting that right.

Linking, unlinking and moving name who did it and why and stand in the audit trail in the same
transaction.  Moving says whose study it really is: a correction applied on the way out, while the
images stay as they came.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final

import apsw

from gateway.archive import Index, Study
from gateway.desk.asked import actor_of, limit_of, reason_of, record, study_of
from gateway.desk.mistakes import Mistake
from gateway.desk.second import SecondPerson
from gateway.imaging.correction import correction_of
from gateway.imaging.forwarding import Forwardings
from gateway.matching import imaging
from gateway.matching.hints import hinted
from gateway.names import dicom_name, name_parts
from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.store import Store
from gateway.store.moments import to_micros

MATCHED, UNMATCHED = "matched", "unmatched"
WAITS: Final[Mapping[str, bool]] = MappingProxyType({"waits": True})
"""Noted, and not done before a second person does the same."""


class Studies:
    """``verbs`` are added to the desk's."""

    def __init__(self, store: Store, *, four_eyes: bool = False) -> None:
        self._store = store
        self._second = SecondPerson(store.engine, four_eyes)
        self._index = Index(store.engine)
        self._forwardings = Forwardings(store.engine)

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        return {
            "studies.list": self._list,
            "studies.show": self._show,
            "studies.link": self._link,
            "studies.unlink": self._unlink,
            "studies.move": self._move,
        }

    async def _list(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = await self._index.studies(
            before=arguments.get("before"),
            match_state=arguments.get("state"),
            limit=limit_of(arguments),
        )
        return [_study(study) for study in found]

    async def _show(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        study = await study_of(self._index, arguments)
        series = await self._index.series(study.uid)
        engine = self._store.engine
        match = await engine.read(lambda c: _decided(c, study.uid))
        correction = await engine.read(lambda c: correction_of(c, study.uid))
        return {
            **_study(study),
            "series": [
                {
                    "uid": one.uid,
                    "modality": one.modality,
                    "number": one.number,
                    "description": one.description,
                    "instances": one.instances,
                }
                for one in series
            ],
            "correction": None if correction is None else correction.attributes,
            **await engine.read(lambda c: _whereabouts(c, study.id)),
            "forwarded": [asdict(one) for one in await self._forwardings.of_study(study.uid)],
            "suggestions": [
                {**_order(s.order), "why": list(s.why), "against": list(s.against)}
                for s in (() if study.match_state == MATCHED else match.suggestions)
            ],
        }

    async def _link(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        study, actor = await study_of(self._index, arguments), actor_of(arguments)
        wanted = str(arguments.get("order") or "").strip()
        reason = str(arguments.get("reason") or "linked")

        def operation(connection: apsw.Connection) -> KnownOrder | None:
            order = _chosen(connection, wanted)
            if _tied_to(connection, study.uid) is not None:
                raise Mistake("the study is linked already; unlink it first")
            asked = (actor, "link study", study.uid, f"order {order.id}", reason)
            if not self._second.agrees(connection, *asked):
                return None
            tie(connection, study.uid, order.id, to_micros(self._store.engine.clock()))
            detail = f"order {order.id}: {reason}"
            record(self._store.engine, connection, actor, "link study", study.uid, detail)
            return order

        order = await self._store.engine.write(operation)
        if order is None:
            return {"uid": study.uid, "match": UNMATCHED, **WAITS}
        return {"uid": study.uid, "match": MATCHED, "order": _order(order)}

    async def _unlink(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        study, actor, reason = (
            await study_of(self._index, arguments),
            actor_of(arguments),
            reason_of(arguments),
        )

        def operation(connection: apsw.Connection) -> bool:
            order = _tied_to(connection, study.uid)
            if order is None:
                raise Mistake("the study is linked to no order")
            asked = (actor, "unlink study", study.uid, f"order {order}", reason)
            if not self._second.agrees(connection, *asked):
                return False
            tie(connection, study.uid, None, to_micros(self._store.engine.clock()))
            detail = f"order {order}: {reason}"
            record(self._store.engine, connection, actor, "unlink study", study.uid, detail)
            return True

        if not await self._store.engine.write(operation):
            return {"uid": study.uid, "match": MATCHED, **WAITS}
        return {"uid": study.uid, "match": UNMATCHED}

    async def _move(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        study, actor, reason = (
            await study_of(self._index, arguments),
            actor_of(arguments),
            reason_of(arguments),
        )
        wanted = str(arguments.get("patient_id") or "").strip()
        issuer = str(arguments.get("issuer") or "").strip()
        if not wanted:
            raise Mistake("whose study is it? name the patient id")

        def operation(connection: apsw.Connection) -> bool:
            known = _patient(connection, wanted)
            asked = (actor, "move study", study.uid, f"patient {known.id} {issuer}".strip(), reason)
            if not self._second.agrees(connection, *asked):
                return False
            birth_date = (known.birth_date or "").replace("-", "")
            row = (_dicom_name(known.name or ""), birth_date, known.sex or "")
            now = to_micros(self._store.engine.clock())
            connection.execute(
                "INSERT INTO study_corrections (study_uid, patient_id, issuer, patient_name, "
                "birth_date, sex, at, actor, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (study.uid, wanted, issuer, *row, now, actor, reason),
            )
            tie(connection, study.uid, None, now)
            record(self._store.engine, connection, actor, "move study", study.uid, reason)
            return True

        if not await self._store.engine.write(operation):
            return {"uid": study.uid, "moved": False, **WAITS}
        sent = await self._forwardings.of_study(study.uid)
        outdated = [one.destination for one in sent if one.outdated]
        return {"uid": study.uid, "moved": True, "match": UNMATCHED, "outdated_at": outdated}


def tie(connection: apsw.Connection, uid: str, order: int | None, now: int) -> None:
    """Ties a study to an order, or unties it; it counts as changed."""
    state = UNMATCHED if order is None else MATCHED
    connection.execute(
        "UPDATE studies SET match_state = ?, match_order = ?, matched_at = ?, told = 0 "
        "WHERE uid = ?",
        (state, None if order is None else str(order), now, uid),
    )


def _tied_to(connection: apsw.Connection, uid: str) -> str | None:
    """The order it is linked to now."""
    query = "SELECT match_order FROM studies WHERE uid = ? AND match_state = ?"
    found = connection.execute(query, (uid, MATCHED)).get
    return None if found is None else str(found)


def _whereabouts(connection: apsw.Connection, study: int) -> dict[str, Any]:
    """What is not here any more, who keeps it, why the rest must stay, and which EHR was told."""
    rows = connection.execute(
        "SELECT p.kept_by FROM purged_instances p JOIN instances i ON i.id = p.instance "
        "JOIN series e ON e.id = i.series WHERE e.study = ? AND i.state IN ('purging', 'purged')",
        (study,),
    ).fetchall()
    keepers = sorted({name for (text,) in rows for name in json.loads(str(text))})
    kept = connection.execute("SELECT kept_for FROM studies WHERE id = ?", (study,)).get
    told = connection.execute(
        "SELECT n.destination, n.order_id, n.images FROM study_notices n "
        "JOIN studies s ON s.uid = n.study_uid WHERE s.id = ? ORDER BY 1",
        (study,),
    ).fetchall()
    return {
        "purged": len(rows),
        "kept_by": keepers,
        "kept_for": kept,
        "told": [{"destination": d, "order": o, "images": i} for d, o, i in told],
    }


def _decided(connection: apsw.Connection, uid: str) -> imaging.ImagingMatch:
    found = imaging.subject(connection, uid)
    if found is None:
        return imaging.ImagingMatch()
    return hinted(connection, found, imaging.decide(connection, found))


def _chosen(connection: apsw.Connection, wanted: str) -> KnownOrder:
    """By placer number, or by the number the gateway gave it (``#12``)."""
    if wanted.startswith("#") and wanted[1:].isdigit():
        order = book.find(connection, int(wanted[1:]))
        found: tuple[KnownOrder, ...] = () if order is None else (order,)
    else:
        found = book.with_placer(connection, wanted)
    if not found:
        raise Mistake("there is no such order; see the suggestions of 'gateway studies show'")
    if len({order.patient for order in found}) > 1:
        raise Mistake("several orders have that number; name one as #NUMBER")
    if found[0].status.value == "cancelled":
        raise Mistake("the order was cancelled")
    return found[0]


def _patient(connection: apsw.Connection, wanted: str) -> patients.KnownPatient:
    owners = patients.with_number(connection, wanted)
    known = patients.find(connection, owners[0]) if len(owners) == 1 else None
    if known is None:
        raise Mistake("no patient, or more than one, has that id")
    return known


def _dicom_name(name: str) -> str:
    """Without subcomponents."""
    return dicom_name(part.partition("&")[0] for part in name_parts(name))


def _study(study: Study) -> dict[str, Any]:
    return {
        "id": study.id,
        "uid": study.uid,
        "device": study.device,
        "patient_id": study.patient_id,
        "patient_name": study.patient_name,
        "birth_date": study.birth_date,
        "sex": study.sex,
        "accession": study.accession,
        "date": study.study_date,
        "time": study.study_time,
        "description": study.description,
        "instances": study.instances,
        "bytes": study.bytes,
        "mixed": study.mixed,
        "first_at": study.first_at.isoformat(),
        "changed_at": study.changed_at.isoformat(),
        "match": study.match_state,
        "order": study.match_order,
    }


def _order(order: KnownOrder) -> dict[str, Any]:
    return {
        "number": order.id,
        "placer": order.placer,
        "code": order.code,
        "text": order.text,
        "status": order.status.value,
    }
