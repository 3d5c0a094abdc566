"""The MQTT topics of the gateway, one place for all of them.

``{root}/v1/{site}/...`` as published in the documentation.  A name that is not ``[a-z0-9-]``
never becomes part of a topic: ValueError.  No topic holds anything about a patient.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Content(StrEnum):
    """What an outbox entry holds, as its ``meta`` says; those with a topic."""

    RESULT = "result"
    QC = "qc"
    EVENT = "event"
    STUDY = "study"


_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ROOT = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


def is_name(text: str) -> bool:
    """Whether it may be part of a topic."""
    return _NAME.fullmatch(text) is not None


def _checked(name: str) -> str:
    if not is_name(name):
        raise ValueError("a name in a topic must be of a-z, 0-9 and -")
    return name


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one site."""

    root: str
    site: str

    def __post_init__(self) -> None:
        _checked(self.site)
        if not _ROOT.fullmatch(self.root):
            raise ValueError("the root of the topics may hold letters, digits, _ . - and /")

    @property
    def gateway_status(self) -> str:
        return f"{self.root}/v1/{self.site}/gateway/status"

    def lab(self, device: str, leaf: str) -> str:
        """``leaf``: status, result, qc or event."""
        return f"{self.root}/v1/{self.site}/lab/{_checked(device)}/{leaf}"

    def study(self, device: str) -> str:
        return f"{self.root}/v1/{self.site}/imaging/{_checked(device)}/study"

    def delivery(self, destination: str) -> str:
        return f"{self.root}/v1/{self.site}/delivery/{_checked(destination)}"

    def of(self, meta: Mapping[str, str]) -> str:
        """Where an outbox entry goes: by its ``content`` and ``device``."""
        device = meta.get("device", "")
        match meta.get("content"):
            case Content.STUDY:
                return self.study(device)
            case Content.RESULT | Content.QC | Content.EVENT as content:
                return self.lab(device, content)
            case _:
                raise ValueError("this content has no topic")
