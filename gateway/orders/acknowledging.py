"""What an EHR is answered: AA, AE or AR, or CA, CE or CR first where it asks for that.

In original mode one acknowledgment; in enhanced mode (MSH-15, MSH-16) the commit comes first and
the application's answer follows as asked.  ERR says which segment and field were wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.protocols.hl7 import AcknowledgmentCode, ErrorCondition, Message, acknowledge

_COMMITS = {
    AcknowledgmentCode.APPLICATION_ACCEPT: AcknowledgmentCode.COMMIT_ACCEPT,
    AcknowledgmentCode.APPLICATION_ERROR: AcknowledgmentCode.COMMIT_ERROR,
    AcknowledgmentCode.APPLICATION_REJECT: AcknowledgmentCode.COMMIT_REJECT,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """``blocks`` are to be sent one after the other, without framing.  ``changed`` says that
    patients or orders are different now; ``placed`` that there may be new work for devices."""

    blocks: tuple[bytes, ...]
    accepted: bool
    changed: bool = False
    placed: bool = False


class Acknowledger:
    """Writes answers; each has a control id of its own."""

    def __init__(self, zone: ZoneInfo, clock: Callable[[], datetime]) -> None:
        self._zone = zone
        self._clock = clock
        self._count = 0

    def answer(
        self,
        message: Message | None,
        code: AcknowledgmentCode,
        errors: tuple[ErrorCondition, ...] = (),
    ) -> Answer:
        codes = _codes(message, code)
        blocks = tuple(self._block(message, each, errors) for each in codes)
        return Answer(blocks, code.accepted)

    def _block(
        self,
        message: Message | None,
        code: AcknowledgmentCode,
        errors: tuple[ErrorCondition, ...],
    ) -> bytes:
        self._count += 1
        now = self._clock().astimezone(self._zone)
        number = f"{int(now.timestamp() * 1000):x}{self._count:x}"[-20:]
        return acknowledge(message, code, control_id=number, time=now, errors=errors)


def _codes(message: Message | None, code: AcknowledgmentCode) -> Sequence[AcknowledgmentCode]:
    """Table 0155: which acknowledgments MSH-15 and MSH-16 ask for."""
    commit = message.header.at(15) if message else None
    application = message.header.at(16) if message else None
    if not commit and not application:
        return (code,)
    found = []
    if _asked(commit, code):
        found.append(_COMMITS[code])
    if _asked(application, code):
        found.append(code)
    return found


def _asked(condition: str | None, code: AcknowledgmentCode) -> bool:
    match (condition or "NE").upper():
        case "AL":
            return True
        case "SU":
            return code.accepted
        case "ER":
            return not code.accepted
    return False
