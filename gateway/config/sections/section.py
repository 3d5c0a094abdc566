"""What every section of ``gateway.toml`` is, and the texts that several of them hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from gateway.config.settings import Setting

Name = Annotated[str, Setting(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Endpoint = Annotated[str, Setting(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):\d{1,5}$")]
AeTitle = Annotated[str, Setting(pattern=r"^[\x21-\x5b\x5d-\x7e]{1,16}$")]

Switch = Annotated[bool, Setting(exact=True)]
"""``true`` or ``false``."""


@dataclass(frozen=True, slots=True)
class Section:
    """Frozen values under keys that are all known; another key is a mistake."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}


def said(value: Any, key: str) -> Any:
    """What the file says under a key of a section that may not have been made yet."""
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)
