"""Why an association request is rejected (PS3.8 table 9-21), with the reasons we use by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PERMANENT: Final = 1
TRANSIENT: Final = 2
SERVICE_USER: Final = 1
ACSE: Final = 2
PRESENTATION: Final = 3

_TEXTS: Final[Mapping[tuple[int, int], str]] = MappingProxyType(
    {
        (SERVICE_USER, 1): "no reason given",
        (SERVICE_USER, 2): "application context name not supported",
        (SERVICE_USER, 3): "calling AE title not recognized",
        (SERVICE_USER, 7): "called AE title not recognized",
        (ACSE, 1): "no reason given",
        (ACSE, 2): "protocol version not supported",
        (PRESENTATION, 1): "temporary congestion",
        (PRESENTATION, 2): "local limit exceeded",
    }
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Result, source and reason as on the wire; codes outside the tables are kept."""

    result: int
    source: int
    reason: int

    @property
    def permanent(self) -> bool:
        """Whether trying again as it is makes no sense."""
        return self.result == PERMANENT

    @property
    def text(self) -> str:
        """The reason in the standard's words."""
        known = _TEXTS.get((self.source, self.reason))
        return known or f"reason {self.reason} of source {self.source}"


NO_REASON: Final = Rejection(PERMANENT, SERVICE_USER, 1)
APPLICATION_CONTEXT_NOT_SUPPORTED: Final = Rejection(PERMANENT, SERVICE_USER, 2)
CALLING_AE_NOT_RECOGNIZED: Final = Rejection(PERMANENT, SERVICE_USER, 3)
CALLED_AE_NOT_RECOGNIZED: Final = Rejection(PERMANENT, SERVICE_USER, 7)
PROTOCOL_VERSION_NOT_SUPPORTED: Final = Rejection(PERMANENT, ACSE, 2)
TEMPORARY_CONGESTION: Final = Rejection(TRANSIENT, PRESENTATION, 1)
LOCAL_LIMIT_EXCEEDED: Final = Rejection(TRANSIENT, PRESENTATION, 2)
