"""Every message an EHR sent, with the answer it got: the table ``order_messages``.

A message is known by who sent it (MSH-3, MSH-4), its control id and its bytes.  All functions work
inside a transaction of the caller.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import apsw

from gateway.orders.reading import sender
from gateway.protocols.hl7 import Message

NOISE_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Key:
    """What tells one message from another."""

    application: str
    facility: str
    control_id: str
    body_hash: bytes

    @classmethod
    def of(cls, message: Message, body: bytes) -> Key:
        application, facility = sender(message.header)
        digest = hashlib.sha256(body).digest()
        return cls(application, facility, message.control_id or "", digest)

    @classmethod
    def unreadable(cls, body: bytes) -> Key:
        return cls("", "", "", hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class Earlier:
    """A message of the same number that was taken; ``same``: with the same bytes."""

    id: int
    same: bool
    blocks: tuple[bytes, ...]


def earlier(connection: apsw.Connection, key: Key) -> Earlier | None:
    row = connection.execute(
        "SELECT id, body_hash, answer FROM order_messages WHERE application = ? "
        "AND facility = ? AND control_id = ? AND outcome = 'taken'",
        (key.application, key.facility, key.control_id),
    ).fetchone()
    if row is None:
        return None
    return Earlier(row[0], row[1] == key.body_hash, _unpacked(row[2]))


def repeated(connection: apsw.Connection, number: int) -> None:
    connection.execute("UPDATE order_messages SET repeats = repeats + 1 WHERE id = ?", (number,))


def record(
    connection: apsw.Connection,
    key: Key,
    kind: str,
    outcome: str,
    at: int,
    body: bytes,
    blocks: tuple[bytes, ...],
) -> int:
    """The message's row; one that was refused before and is taken now changes its outcome."""
    identity = (key.application, key.facility, key.control_id, key.body_hash)
    connection.execute(
        "INSERT INTO order_messages (application, facility, control_id, body_hash, kind, "
        "outcome, received_at, body, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (application, facility, control_id, body_hash) DO UPDATE SET "
        "outcome = excluded.outcome, answer = excluded.answer, repeats = repeats + 1",
        (*identity, kind, outcome, at, body, b"\x1c".join(blocks)),
    )
    found = connection.execute(
        "SELECT id FROM order_messages WHERE application = ? AND facility = ? "
        "AND control_id = ? AND body_hash = ?",
        identity,
    ).get
    return int(found)


def forget_noise(connection: apsw.Connection) -> None:
    """Of what was no message at all only the newest is kept: a peer that sends nothing else must
    not fill the disk."""
    connection.execute(
        "DELETE FROM order_messages WHERE application = '' AND facility = '' AND control_id = '' "
        "AND kind = '' AND id <= "
        "(SELECT id FROM order_messages WHERE application = '' AND facility = '' "
        "AND control_id = '' AND kind = '' "
        "ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (NOISE_KEPT,),
    )


def _unpacked(stored: object) -> tuple[bytes, ...]:
    data = stored if isinstance(stored, bytes) else b""
    return tuple(data.split(b"\x1c")) if data else ()
