"""Whose study it is, said by two people: the first proposes, another does the same, then it is so.

A proposal is a row of the audit trail; it holds for a day, and until the study is decided about
otherwise.  Only inside ``engine.write``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import apsw

from gateway.desk.asked import record
from gateway.store import Engine
from gateway.store.moments import to_micros

HOLDS: Final = timedelta(days=1)
_PROPOSED: Final = """
SELECT actor FROM audit WHERE subject = ? AND action = ? AND substr(detail, 1, length(?)) = ?
AND at > ? AND seq > COALESCE((SELECT MAX(seq) FROM audit WHERE subject = ? AND action IN
('link study', 'unlink study', 'move study')), 0) ORDER BY seq"""


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """``needed``: whether the site wants it so."""

    engine: Engine
    needed: bool

    def agrees(
        self, connection: apsw.Connection, actor: str, action: str, uid: str, what: str, reason: str
    ) -> bool:
        """Whether it may be done now; else it is written down as proposed by this person."""
        if not self.needed or self._proposers(connection, action, uid, what) - {actor.casefold()}:
            return True
        record(self.engine, connection, actor, f"propose {action}", uid, f"{what}: {reason}")
        return False

    def _proposers(self, connection: apsw.Connection, action: str, uid: str, what: str) -> set[str]:
        subject, begins = f"study {uid}", f"{what}: "
        since = to_micros(self.engine.clock() - HOLDS)
        bindings = (subject, f"propose {action}", begins, begins, since, subject)
        return {str(actor).casefold() for (actor,) in connection.execute(_PROPOSED, bindings)}
