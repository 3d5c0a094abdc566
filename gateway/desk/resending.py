"""Whether a stored message may be sent again: never to a patient number that was merged away since
(sent as new, the same result goes under the numbers that are alive), never after a later revision.
All of it is asked inside the transaction that queues the message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apsw

from gateway.desk.mistakes import Mistake
from gateway.desk.parts import Parts
from gateway.intake.belonging import Belonging
from gateway.intake.routes import HL7
from gateway.orders import patients
from gateway.protocols.hl7 import Unreadable, decode
from gateway.store import MessageState, OutboxEntry
from gateway.store.messages import UNDELIVERED


def refuse_dead(connection: apsw.Connection, entry: OutboxEntry) -> None:
    """Mistake for a message to an EHR that names a dead number; the text names nobody."""
    if entry.content_type != HL7:
        return
    if any(patients.is_dead(connection, *number) for number in _numbers(entry)):
        raise Mistake(
            f"message {entry.id} names a patient number that was merged into another since; "
            f"'gateway resend {entry.id} --as-new' sends it under the living one"
        )


def refuse_unknown(parts: Parts, entry: OutboxEntry) -> None:
    """Mistake when the configuration has no such destination any more: it would lie there."""
    if entry.destination not in parts.destinations:
        text = f"nothing is sent to '{entry.destination}' any more; see the configuration"
        raise Mistake(text)


def waiting(parts: Parts, destinations: Iterable[str]) -> dict[str, str]:
    """Why what was queued for them does not leave yet; the others are left out."""
    if not parts.running:
        return dict.fromkeys(destinations, "the gateway does not run")
    stopped = {
        name: parts.lanes[name].state.stopped for name in destinations if name in parts.lanes
    }
    return {
        name: f"it is stopped ({why}); see 'gateway resume {name}'"
        for name, why in stopped.items()
        if why is not None
    }


def refuse_outdated(connection: apsw.Connection, entry: OutboxEntry) -> None:
    """Mistake when a later revision is there already: an older one may not follow it.

    One that has not left may still go before a later one that has not left either."""
    row = connection.execute(
        "SELECT id, revision, state FROM outbox WHERE report_id = ? AND destination = ? "
        "AND revision > ? AND state <> 'cancelled' ORDER BY state IN ('delivered', 'accepted') "
        "DESC, revision DESC LIMIT 1",
        (entry.report, entry.destination, entry.revision),
    ).fetchone()
    if row is None:
        return
    if _state(connection, entry) not in UNDELIVERED or row[2] in ("delivered", "accepted"):
        raise Mistake(
            f"revision {row[1]} of this report followed it as message {row[0]}; "
            "an older one may not be sent after it"
        )


def refuse_not_parked(connection: apsw.Connection, entry: OutboxEntry) -> None:
    """Mistake for one that may be on its way: somebody sent it again meanwhile, perhaps."""
    state = _state(connection, entry)
    if state != MessageState.PARKED:
        raise Mistake(f"message {entry.id} is {state}; only parked ones are cancelled")


def _state(connection: apsw.Connection, entry: OutboxEntry) -> object:
    """Now, whatever it was when the entry was read."""
    return connection.execute("SELECT state FROM outbox WHERE id = ?", (entry.id,)).get


def refuse_merged(connection: apsw.Connection, belonging: Belonging) -> None:
    """Mistake when the patient of a message written anew was merged in the meantime."""
    owner = belonging.patient
    if owner is not None and patients.find(connection, owner.id) != owner:
        raise Mistake("its patient changes just now; try again")


def _numbers(entry: OutboxEntry) -> Iterator[tuple[str, str]]:
    """Every patient id of the message and who assigned it."""
    try:
        message = decode(entry.body).message
    except Unreadable:
        return
    for line in message.all("PID"):
        for repetition in range(1, len(line.repetitions(3)) + 1):
            value, _, _, authority = (*line.components(3, repetition=repetition), *[""] * 4)[:4]
            if value:
                yield value, authority
