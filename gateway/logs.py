"""What goes to the log: notices, by name, with ids and kinds.  Only this module knows structlog.

Patient data cannot get here through notices, which hold none; whatever else is logged passes a
filter that keeps known keys with plain values and replaces every other by its type.  Lines are
JSON for machines and plain text on a terminal; both go to stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import fields
from enum import Enum
from typing import Any

import structlog

from gateway.notices import Heard, Posted

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
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s")


def get() -> Any:
    """A logger; its keywords must be among the known ones."""
    return structlog.get_logger()


def note(posted: Posted) -> None:
    """Logs a notice; what is merely a sign of life is left out."""
    notice = posted.notice
    if isinstance(notice, Heard):
        return
    values = {field.name: _plain(getattr(notice, field.name)) for field in fields(notice)}
    get().info(_event_name(type(notice).__name__), **values)


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
