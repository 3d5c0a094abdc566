"""Whether a stored message may be sent again as it is: never to a patient number that was merged
away since.  Sent as new, the same result goes under the numbers that are alive."""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from gateway.desk.mistakes import Mistake
from gateway.intake.routes import HL7
from gateway.orders import patients
from gateway.protocols.hl7 import Unreadable, decode
from gateway.store import OutboxEntry


def refuse_dead(connection: apsw.Connection, entry: OutboxEntry) -> None:
    """Mistake for a message to an EHR that names a dead number; the text names nobody."""
    if entry.content_type != HL7:
        return
    if any(patients.is_dead(connection, *number) for number in _numbers(entry)):
        raise Mistake(
            f"message {entry.id} names a patient number that was merged into another since; "
            f"'gateway resend {entry.id} --as-new' sends it under the living one"
        )


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
