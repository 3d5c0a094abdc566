"""How a device is connected: what a driver, a simulator and a technician must know of its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.protocols.astm import Dialect
from gateway.protocols.hl7device import Dialect as Hl7Dialect
from gateway.protocols.poct1a import Mode

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Protocol(StrEnum):
    """The wire language."""

    ASTM = "astm"
    HL7 = "hl7"
    POCT1A = "poct1a"
    TEXT = "text"
    FILE = "file"
    RECORDING = "recording"


class Flow(StrEnum):
    """Flow control of a serial line."""

    NONE = "none"
    HARDWARE = "rts/cts"
    SOFTWARE = "xon/xoff"


@dataclass(frozen=True, slots=True)
class SerialLine:
    """Serial settings as the device leaves the factory."""

    baud: int = 9600
    bits: int = 8
    parity: str = "N"
    stop: int = 1
    flow: Flow = Flow.NONE


@dataclass(frozen=True, slots=True)
class Link:
    """``stream`` is the usual form of the ``stream`` key; ``dialect`` the ASTM choices.

    ``hl7`` has the choices of HL7 devices, ``mode`` how a POCT1-A conversation goes, ``codec``
    names the text language.  ``reply_within`` is how many seconds the device waits for an answer.
    """

    protocol: Protocol
    stream: str
    dialect: Dialect | None = None
    serial: SerialLine | None = None
    reply_within: float = 15.0
    hl7: Hl7Dialect | None = None
    mode: Mode = Mode.AUTO
    codec: str | None = None


@dataclass(frozen=True, slots=True)
class HostQuery:
    """How the device asks for orders: the address of the ids and of the tests, and how an answer
    looks.  ``within`` is how many seconds it waits for the answer.

    ``echo`` says which components of the id's cell (from 1) an answer repeats, and where, as they
    were sent; ``fixed`` are further cells of an answer's records.  ``code`` is how an order writes
    a test where results write it otherwise.
    """

    specimen: str
    tests: str
    within: float
    echo: tuple[tuple[int, str], ...] = ()
    order_specimen: str = "O.3"
    order_test: str = "O.5.4"
    fixed: Mapping[str, str] = field(default_factory=lambda: _NONE)
    code: str | None = None
