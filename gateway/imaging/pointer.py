"""What the outbox holds of an instance that goes to another archive: its UID and its hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import apsw

from gateway.errors import StoreCorrupt
from gateway.store import Engine, OutboxEntry, OutboxMessage
from gateway.store import messages as outbox_rows

CONTENT_TYPE: Final = "application/vnd.gateway.dicom-reference+json"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What an outbox message says."""

    uid: str
    sha256: bytes


def message(destination: str, uid: str, sha256: bytes) -> OutboxMessage:
    body = json.dumps({"uid": uid, "sha256": sha256.hex()}).encode()
    return OutboxMessage(destination, None, uid[-20:], CONTENT_TYPE, body)


def read_message(entry: OutboxEntry) -> Pointer:
    """ValueError when it is none of ours."""
    found = json.loads(entry.body)
    return Pointer(str(found["uid"]), bytes.fromhex(found["sha256"]))


def queue(
    engine: Engine, connection: apsw.Connection, destination: str, uid: object, sha256: object
) -> None:
    """Inside ``engine.write``: an instance, as the index names it, to be sent.  StoreCorrupt."""
    if not isinstance(sha256, bytes):
        raise StoreCorrupt("a hash in the index is not what was stored")
    outbox_rows.insert(engine, connection, message(destination, str(uid), sha256), None)
