"""The reader of each wire language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.profiles.astm_place import is_astm_address
from gateway.profiles.astm_reading import Payload, astm_header, read_astm
from gateway.profiles.capture_reading import (
    capture_header,
    is_capture_address,
    read_capture_only,
)
from gateway.profiles.hl7_place import is_hl7_address
from gateway.profiles.hl7_reading import hl7_header, read_hl7
from gateway.profiles.link import Protocol
from gateway.profiles.poct1a_place import is_poct1a_address
from gateway.profiles.poct1a_reading import poct1a_header, read_poct1a
from gateway.profiles.reading import Place, Reading
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.table_reading import read_table, table_header
from gateway.profiles.text_place import is_text_address
from gateway.profiles.text_reading import read_text, text_header
from gateway.protocols.tables import Content, content_of


@dataclass(frozen=True, slots=True)
class Reader:
    """``read`` gives all of a payload, ``header`` what it says of its sender (None: nothing that
    can be read), ``addresses`` whether a text is an address in this language."""

    read: Callable[[Payload, AnalyzerProfile], Reading]
    header: Callable[[Payload, AnalyzerProfile], Place | None]
    addresses: Callable[[str], bool]


READERS: Final[Mapping[Protocol, Reader]] = MappingProxyType(
    {
        Protocol.ASTM: Reader(read_astm, astm_header, is_astm_address),
        Protocol.HL7: Reader(read_hl7, hl7_header, is_hl7_address),
        Protocol.POCT1A: Reader(read_poct1a, poct1a_header, is_poct1a_address),
        Protocol.TEXT: Reader(read_text, text_header, is_text_address),
        Protocol.FILE: Reader(read_table, table_header, is_text_address),
        Protocol.RECORDING: Reader(read_capture_only, capture_header, is_capture_address),
    }
)
"""A profile of a protocol that is not here is refused by the catalogue."""


def reader_of(profile: AnalyzerProfile) -> Reader:
    return READERS[profile.link.protocol]


def fitting(profile: AnalyzerProfile, payload: Payload) -> AnalyzerProfile:
    """The profile that reads this: another one where a device exports HL7 as well as tables."""
    other = profile.hl7_files
    if other is not None and isinstance(payload, bytes) and content_of(payload) is Content.HL7:
        return other
    return profile
