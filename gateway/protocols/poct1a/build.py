"""POCT1-A messages as both ends write them.

Every message begins with HDR: control id, version ``POCT1``, creation time.  HDR.message_type is
left out, as it may be: a wrong one was seen to be answered by an error.  Lists are cut so that no
message is larger than the device takes; one entry that does not fit at all is a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.poct1a.xml import Element, serialize


class Verdict(StrEnum):
    """ACK.type_cd."""

    ACCEPTED = "AA"
    ERROR = "AE"


class Topic(StrEnum):
    """EOT.topic_cd; REQ ``ROBS`` and ``RDEV`` ask for the first two."""

    OBSERVATIONS = "OBS"
    EVENTS = "EVS"
    OPERATORS = "OPL"
    PATIENTS = "PTL"


@dataclass(frozen=True, slots=True)
class Header:
    control_id: str
    created: datetime


def leaf(name: str, text: str, **more: str) -> Element:
    """``<name V="text"/>`` with further attributes."""
    return Element(name, {"V": text, **more})


def group(name: str, *children: Element | None) -> Element:
    """An object of the fields that are there."""
    return Element(name, children=tuple(child for child in children if child is not None))


def moment(time: datetime) -> str:
    """ISO 8601 with seconds and zone, as devices write it."""
    return time.isoformat(timespec="seconds")


def message(name: str, header: Header, *children: Element) -> bytes:
    """A message with its header, ready for the wire."""
    head = group(
        "HDR",
        leaf("HDR.control_id", header.control_id),
        leaf("HDR.version_id", "POCT1"),
        leaf("HDR.creation_dttm", moment(header.created)),
    )
    return serialize(group(name, head, *children))


def acknowledgment(
    header: Header, control_id: str, verdict: Verdict, error: str | None = None
) -> bytes:
    """ACK.R01 for the message with ``control_id``."""
    detail = leaf("ACK.error_detail_cd", error) if error else None
    return message(
        "ACK.R01",
        header,
        group(
            "ACK",
            leaf("ACK.type_cd", verdict.value),
            leaf("ACK.ack_control_id", control_id),
            detail,
        ),
    )


def batches(
    name: str, entries: Iterable[Element], max_message: int, *, max_entries: int = 10_000
) -> Iterator[tuple[Element, ...]]:
    """``entries`` in runs that each fit one message of ``max_message`` bytes, header included."""
    widest = Header("9" * 20, datetime.max.replace(tzinfo=UTC))
    room = max_message - len(message(name, widest, Element("X")))
    batch: list[Element] = []
    used = 0
    for entry in entries:
        size = len(serialize(entry, declaration=False))
        if size > room:
            raise LocalProtocolError("an entry is larger than a message of this device")
        if batch and (used + size > room or len(batch) >= max_entries):
            yield tuple(batch)
            batch, used = [], 0
        batch.append(entry)
        used += size
    if batch:
        yield tuple(batch)
