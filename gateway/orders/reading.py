"""An EHR's message to the changes it asks for.

ADT^A01/A03/A04/A08/A31/A40, ORM^O01 (2.3 to 2.5), OML^O21, OML^O33 and OMI^O23, read by segment
name and order: a specimen (SPM, SAC) belongs to the OBR before it, in OML^O33 to those after it.
Refused with segment and field: what names no patient, no order number, no test, an unknown order
control code; another kind of message is rejected as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from gateway.orders.errors import NotTaken, missing, wrong
from gateway.orders.fields import identifiers, person, value
from gateway.orders.model import Change, Discharge, Merge, Person, Register
from gateway.orders.requests import Requests
from gateway.protocols.hl7 import ErrorCode, ErrorCondition, Message, Segment

MAX_ORDERS = 2_000
_REGISTER = ("A01", "A04", "A08", "A31")
_ORDERS = {("ORM", "O01"), ("OML", "O21"), ("OML", "O33"), ("OMI", "O23")}


def read_changes(message: Message, zone: tzinfo, processing: str = "P") -> tuple[Change, ...]:
    """What ``message`` asks for.  ``zone`` is that of times without offset, ``processing`` ours."""
    check_header(message, processing)
    kind, trigger = message.type or "", message.trigger or ""
    if kind == "ADT":
        return tuple(_adt(message, trigger))
    if (kind, trigger) in _ORDERS:
        changes = tuple(_orders(message, zone, specimen_first=trigger == "O33"))
        if not changes:
            raise missing("ORC")
        return changes
    known = kind in ("ADT", "ORM", "OML", "OMI")
    code = ErrorCode.UNSUPPORTED_EVENT if known else ErrorCode.UNSUPPORTED_TYPE
    raise NotTaken(ErrorCondition(code, "MSH", 1, 9), rejects=True)


def check_header(message: Message, processing: str) -> None:
    """``NotTaken`` for a header that no message of ours may have."""
    if not message.control_id:
        raise missing("MSH", 10)
    if message.version and not message.version.startswith("2."):
        condition = ErrorCondition(ErrorCode.UNSUPPORTED_VERSION, "MSH", 1, 12)
        raise NotTaken(condition, rejects=True)
    asked = message.header.at(11)
    if asked and asked.upper() != processing:
        condition = ErrorCondition(ErrorCode.UNSUPPORTED_PROCESSING_ID, "MSH", 1, 11)
        raise NotTaken(condition, rejects=True)
    if message.malformed:
        raise NotTaken(ErrorCondition(ErrorCode.SEGMENT_SEQUENCE, None, message.malformed[0]))


def _adt(message: Message, trigger: str) -> Iterator[Change]:
    if trigger == "A40":
        yield from _merges(message)
    elif trigger in _REGISTER:
        yield Register(_patient(message))
    elif trigger == "A03":
        yield Discharge(_patient(message))
    else:
        raise NotTaken(ErrorCondition(ErrorCode.UNSUPPORTED_EVENT, "MSH", 1, 9), rejects=True)


def _merges(message: Message) -> Iterator[Change]:
    """PID and MRG in turn, as often as there are patients."""
    current: Person | None = None
    found = 0
    for segment in message.segments:
        if segment.name == "PID":
            current = person(segment)
        elif segment.name == "MRG":
            if current is None:
                raise missing("PID")
            found += 1
            prior = identifiers(segment, 1)
            if not prior:
                raise missing("MRG", 1, found)
            yield Merge(current, prior)
    if not found:
        raise missing("MRG" if current else "PID")


def _patient(message: Message) -> Person:
    pids = message.all("PID")
    if not pids:
        raise missing("PID")
    if len(pids) > 1:
        raise wrong(ErrorCode.SEGMENT_SEQUENCE, "PID", None, 2)
    return person(pids[0])


def _orders(message: Message, zone: tzinfo, *, specimen_first: bool) -> Iterator[Change]:
    who = _patient(message)
    visit = message.first("PV1")
    requests = Requests(who, visit, zone, specimen_first=specimen_first)
    for segment in message.segments:
        requests.take(segment)
    if requests.count > MAX_ORDERS:
        raise wrong(ErrorCode.SEGMENT_SEQUENCE, "ORC", None, MAX_ORDERS)
    yield from requests.changes()


def is_result(message: Message) -> bool:
    """ORU^R01: what a laboratory answers."""
    return (message.type, message.trigger) == ("ORU", "R01")


def describe(message: Message) -> str:
    """The kind of a message for the books: ``ORM^O01``; never longer than a few letters."""
    parts = (value(message.header, 9), value(message.header, 9, 2))
    return "^".join(part[:3] for part in parts if part)


def sender(header: Segment) -> tuple[str, str]:
    """MSH-3 and MSH-4 as they tell one sender from another."""
    return header.field(3), header.field(4)
