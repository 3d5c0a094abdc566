"""A study's images for a person: to a PACS again, or out as files.

Both name who did it and stand in the audit trail in the same transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import apsw

from gateway.archive import Index, Instance
from gateway.desk.asked import actor_of, reason_of, record, study_of
from gateway.desk.mistakes import Mistake
from gateway.desk.parts import Parts
from gateway.imaging.correction import correction_of
from gateway.imaging.forwarding import Forwardings

DICOM: Final = "dicom"


class Images:
    """``verbs`` are added to the desk's."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._index = Index(parts.store.engine)
        self._forwardings = Forwardings(parts.store.engine)
        self._archives = [n for n, kind in parts.destinations.items() if kind == DICOM]

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        return {
            "studies.forward": self._forward,
            "studies.export": self._export,
            "studies.keep": self._keep,
        }

    async def _forward(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Everything there is of the study, under the identity it has now."""
        study, actor, reason = (
            await study_of(self._index, arguments),
            actor_of(arguments),
            reason_of(arguments),
        )
        destination = self._destination(str(arguments.get("to") or ""))
        instances = await self._index.instances(study.uid)
        _must_be_whole(instances)

        def operation(connection: apsw.Connection) -> int:
            count = self._forwardings.queue_study(connection, destination, study.uid)
            if count < len(instances):  # damaged or purged since
                raise Mistake("its images change just now; try again")
            detail = f"{count} instances to {destination}: {reason}"
            record(self._store.engine, connection, actor, "forward study", study.uid, detail)
            return count

        count = await self._store.engine.write(operation)
        self._store.outbox.announce(frozenset({destination}))
        return {"uid": study.uid, "destination": destination, "queued": count}

    async def _export(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Where the files are and what is to be changed in them on the way out."""
        study, actor = await study_of(self._index, arguments), actor_of(arguments)
        instances = await self._index.instances(study.uid)
        if not arguments.get("partial"):
            _must_be_whole(instances)
        sound = [one for one in instances if one.state == "stored"]
        if not sound:
            raise Mistake("none of its images is here")

        def operation(connection: apsw.Connection) -> dict[str, Any] | None:
            detail = f"{len(sound)} of {len(instances)} instances"
            record(self._store.engine, connection, actor, "export study", study.uid, detail)
            found = correction_of(connection, study.uid)
            return None if found is None else {**found.instruction(), "number": found.id}

        return {
            "uid": study.uid,
            "missing": len(instances) - len(sound),
            "correction": await self._store.engine.write(operation),
            "files": [_file(one) for one in sound],
        }

    async def _keep(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """It is not purged, whatever its age; or (``end``) it may be again."""
        study = await study_of(self._index, arguments)
        actor, reason = actor_of(arguments), reason_of(arguments)
        end = bool(arguments.get("end"))

        def operation(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE studies SET kept_for = ? WHERE id = ?",
                (None if end else reason, study.id),
            )
            action = "end keeping study" if end else "keep study"
            record(self._store.engine, connection, actor, action, study.uid, reason)

        await self._store.engine.write(operation)
        return {"uid": study.uid, "kept": not end}

    def _destination(self, wanted: str) -> str:
        if wanted in self._archives:
            return wanted
        if not wanted and len(self._archives) == 1:
            return self._archives[0]
        known = ", ".join(self._archives) or "none"
        raise Mistake(f"name the destination with --to; of type dicom there are: {known}")


def _must_be_whole(instances: Sequence[Instance]) -> None:
    missing = [one for one in instances if one.state != "stored"]
    if not missing:
        return
    kinds = ", ".join(sorted({one.state for one in missing}))
    raise Mistake(f"{len(missing)} of {len(instances)} images are not here as received ({kinds})")


def _file(instance: Instance) -> dict[str, Any]:
    return {
        "uid": instance.uid,
        "path": instance.path,
        "start": instance.start,
        "size": instance.size,
        "sha256": instance.sha256.hex(),
        "transfer_syntax": instance.transfer_syntax,
        "received_at": instance.received_at.isoformat(),
    }
