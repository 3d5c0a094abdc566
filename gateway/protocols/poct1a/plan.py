"""What the data manager does with a device once it has said hello, as values.

``usual_steps`` is the default: ask for what the device says it has, then continuous mode where it
can, else the end.  A device of the continuous profile is not asked (it sends by itself): Sofia
documents no REQ at all.  Which devices need another order is not verified; ``Mode`` decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.protocols.poct1a.build import Topic, group, leaf, moment
from gateway.protocols.poct1a.message import Identity, Message
from gateway.protocols.poct1a.xml import Element


class Mode(StrEnum):
    """AUTO follows HEL; BASIC ends after the requests; CONTINUOUS always starts it."""

    AUTO = "auto"
    BASIC = "basic"
    CONTINUOUS = "continuous"


@dataclass(frozen=True, slots=True)
class Request:
    """Ask for a topic; the device sends messages and EOT."""

    code: str


@dataclass(frozen=True, slots=True)
class Send:
    """A message the device acknowledges: a directive, a keep-alive, an answer."""

    name: str
    body: tuple[Element, ...] = ()
    starts_continuous: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, cut to the device's message size, then EOT."""

    name: str
    topic: Topic
    entries: tuple[Element, ...]
    max_entries: int = 10_000


@dataclass(frozen=True, slots=True)
class Close:
    """END; the device acknowledges and both hang up."""

    reason: str = "NRM"
    note: str = ""


Step = Request | Send | Listing | Close

OBSERVATIONS: Final = Request("ROBS")
EVENTS: Final = Request("RDEV")
START_CONTINUOUS: Final = Send(
    "DTV.R01", (group("DTV", leaf("DTV.command_cd", "START_CONTINUOUS")),), starts_continuous=True
)
KEEP_ALIVE: Final = Send("KPA.R01")
CONTINUOUS_PROFILE: Final = "CS"
_STARTS: Final = "START_CONTINUOUS"
_EVENTS_SUPPORTED: Final = "D_EV"


def set_time(now: datetime) -> Send:
    """DTV.R02: the device's clock."""
    body = (
        group("DTV", leaf("DTV.command_cd", "SET_TIME")),
        group("TM", leaf("TM.dttm", moment(now))),
    )
    return Send("DTV.R02", body)


def usual_steps(device: Identity, status: Message | None, mode: Mode) -> tuple[Step, ...]:
    """What to do after the status (or straight after HEL, when none came)."""
    able = _STARTS in device.directives
    continuous = mode is Mode.CONTINUOUS or (mode is Mode.AUTO and able)
    if continuous and device.profile == CONTINUOUS_PROFILE:
        return (START_CONTINUOUS,)
    steps: list[Step] = []
    if status is None or status.at("DST.new_observations_qty") != "0":
        steps.append(OBSERVATIONS)
    if _EVENTS_SUPPORTED in device.topics:
        steps.append(EVENTS)
    return (*steps, START_CONTINUOUS if continuous else Close())
