"""What goes to the log: notices, by name, with ids and kinds.  Only this module knows structlog.

Patient data cannot get here through notices, which hold none; whatever else is logged passes a
filter that keeps known keys with plain values and replaces every other by its type.  Lines are
JSON for machines and plain text on a terminal; both go to stderr.

A fault that repeats itself is written ``OFTEN`` times a minute and device,
and then only counted.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

import structlog

from gateway.notices import (
    DeliveryPostponed,
    DuplicateSeen,
    FrameRefused,
    Heard,
    InstanceQuarantined,
    LinkChanged,
    MessageRefused,
    Posted,
    StrangerCalled,
    TransmissionLost,
)

OFTEN: Final = 100
_WINDOW: Final = timedelta(minutes=1)
_FAULTS: Final = (
    DeliveryPostponed,
    DuplicateSeen,
    FrameRefused,
    InstanceQuarantined,
    LinkChanged,
    MessageRefused,
    StrangerCalled,
    TransmissionLost,
)
_ALLOWED = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "device",
        "destination",
        "entry",
        "report",
        "transmission",
        "original",
        "state",
        "detail",
        "reason",
        "kind",
        "observations",
        "held",
        "refused",
        "frames",
        "answer",
        "seconds",
        "retry_in",
        "up",
        "well",
        "ahead",
        "right",
        "hours",
        "study",
        "instances",
        "instance",
        "task",
        "failure",
        "where",
        "count",
        "port",
        "listen",
        "version",
        "folder",
        "stream",
        "peer",
    }
)


def configure(level: str = "INFO") -> None:
    """Sets the process's logging up.  Libraries speak from WARNING on."""
    terminal = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_known,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Library()])


class _Library(logging.Handler):
    """What a library says: who, and of an exception its kind and place, never anybody's text."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        told = {} if error is None else {"failure": describe(error)}
        get().log(record.levelno, "library", task=record.name, **told)


def get() -> Any:
    """A logger; its keywords must be among the known ones."""
    return structlog.get_logger()


def note(posted: Posted) -> None:
    """Logs a notice; what is merely a sign of life is left out."""
    notice = posted.notice
    if isinstance(notice, Heard):
        return
    values = {field.name: _plain(getattr(notice, field.name)) for field in fields(notice)}
    event = _event_name(type(notice).__name__)
    if isinstance(notice, _FAULTS):
        who = str(values.get("device") or values.get("destination") or "")
        left_out = _repeats.left_out(event, who, posted.at)
        if left_out is None:
            return
        if left_out:
            get().warning("log.left-out", kind=event, device=who, count=left_out)
    get().info(event, **values)


class Repeats:
    """Counts lines of one kind about one device, a minute at a time."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[datetime, int]] = {}

    def left_out(self, event: str, who: str, at: datetime) -> int | None:
        """None: leave this one out as well.  Else how many were left out in the minute before."""
        since, count = self._seen.get((event, who), (at, 0))
        if abs(at - since) >= _WINDOW:
            self._seen[event, who] = at, 1
            return max(0, count - OFTEN)
        self._seen[event, who] = since, count + 1
        return None if count >= OFTEN else 0


_repeats = Repeats()


def _event_name(name: str) -> str:
    """``DeliveryParked`` is logged as ``delivery.parked``."""
    words = "".join(f".{c.lower()}" if c.isupper() else c for c in name)
    return words.lstrip(".")


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _only_known(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    return {key: value if key in _ALLOWED else type(value).__name__ for key, value in event.items()}


def describe(error: BaseException) -> str:
    """``ValueError at intake.py:88``: enough to find it, nothing anybody wrote."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(describe(inner) for inner in error.exceptions)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
