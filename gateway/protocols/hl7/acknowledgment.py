"""HL7 v2 acknowledgments, read tolerantly and written strictly.

Read: only MSA-1 and MSA-2 are judged, as real ACKs are sloppy (constant MSH-10, made-up MSH-9, LF
ends, no MSH at all); the error code is taken from ERR-3, the old ERR-1 or MSA-6 when it is one of
table 0357.  Written: MSH with the parties swapped, MSA, and ERR in the form of the peer's version
(2.5.1 chapter 2.15).  What a peer says in words may name a patient: it stays out of ``repr``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.protocols.hl7.errors import Unreadable
from gateway.protocols.hl7.message import Message, Segment
from gateway.protocols.hl7.separators import STANDARD, Separators
from gateway.protocols.hl7.text import components, escape, segment, unescape


class AcknowledgmentCode(StrEnum):
    """HL7 table 0008: A? from the application, C? for safe storage only."""

    APPLICATION_ACCEPT = "AA"
    APPLICATION_ERROR = "AE"
    APPLICATION_REJECT = "AR"
    COMMIT_ACCEPT = "CA"
    COMMIT_ERROR = "CE"
    COMMIT_REJECT = "CR"

    @property
    def accepted(self) -> bool:
        return self in ("AA", "CA")


class ErrorCode(StrEnum):
    """HL7 table 0357, message error condition codes."""

    ACCEPTED = "0"
    SEGMENT_SEQUENCE = "100"
    REQUIRED_FIELD = "101"
    DATA_TYPE = "102"
    TABLE_VALUE = "103"
    UNSUPPORTED_TYPE = "200"
    UNSUPPORTED_EVENT = "201"
    UNSUPPORTED_PROCESSING_ID = "202"
    UNSUPPORTED_VERSION = "203"
    UNKNOWN_KEY = "204"
    DUPLICATE_KEY = "205"
    RECORD_LOCKED = "206"
    INTERNAL_ERROR = "207"


ERROR_TEXTS = {
    ErrorCode.ACCEPTED: "Message accepted",
    ErrorCode.SEGMENT_SEQUENCE: "Segment sequence error",
    ErrorCode.REQUIRED_FIELD: "Required field missing",
    ErrorCode.DATA_TYPE: "Data type error",
    ErrorCode.TABLE_VALUE: "Table value not found",
    ErrorCode.UNSUPPORTED_TYPE: "Unsupported message type",
    ErrorCode.UNSUPPORTED_EVENT: "Unsupported event code",
    ErrorCode.UNSUPPORTED_PROCESSING_ID: "Unsupported processing id",
    ErrorCode.UNSUPPORTED_VERSION: "Unsupported version id",
    ErrorCode.UNKNOWN_KEY: "Unknown key identifier",
    ErrorCode.DUPLICATE_KEY: "Duplicate key identifier",
    ErrorCode.RECORD_LOCKED: "Application record locked",
    ErrorCode.INTERNAL_ERROR: "Application internal error",
}


@dataclass(frozen=True, slots=True)
class Acknowledgment:
    """``location`` is where the peer found the error, as ``PID[1]-5``; ``text`` is the peer's.

    ``placer`` and ``filler`` are the numbers of an order it made or found (ORC-2 and ORC-3), as
    the answer to ORU^R30 and R31 may bring them.  ``unable``: an order cannot be taken, changed or
    cancelled over there (ORC-1 of ORL and ORR), whatever MSA-1 says.
    """

    code: AcknowledgmentCode
    control_id: str
    error_code: ErrorCode | None = None
    location: str | None = None
    text: str = field(default="", repr=False)
    placer: str | None = None
    filler: str | None = None
    unable: bool = False


@dataclass(frozen=True, slots=True)
class ErrorCondition:
    """One reason for an AE, AR, CE or CR: what kind, and where."""

    code: ErrorCode
    segment: str | None = None
    occurrence: int = 1
    field: int | None = None
    component: int | None = None


_CODES = {code.value: code for code in AcknowledgmentCode}
_ERRORS = {code.value: code for code in ErrorCode}
_SEGMENTS = frozenset(
    (
        *("DSC", "ERR", "EVN", "INV", "MSA", "MSH", "NK1", "NTE", "OBR", "OBX", "ORC"),
        *("PD1", "PID", "PV1", "PV2", "QPD", "RCP", "SAC", "SFT", "SPM", "TQ1"),
    )
)
"""A location is believed only when it begins like one: a peer may write a name there."""

_PLAIN = re.compile(rb"MSH\|\^~\\&\|[ -~]*\rMSA\|([AC][AER])\|([!-\[\]-{}-~]+)\r?")
"""Nothing but a header with the usual delimiters and MSA-1 and MSA-2 without an escape."""

_LONGEST_NUMBER = 199
_UNABLE = frozenset(("UA", "UC", "UD", "UF", "UH", "UM", "UN", "UR", "UX"))
"""Table 0119: the filler is unable to do what it was asked."""
_SEGMENT_ENDS = re.compile("[\r\n]+")
_EDGES = "\ufeff\x0b\x1c\r\n \x00"
_NEWEST_KNOWN = ("2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2", "2.9")
_OLDER_KNOWN = ("2.1", "2.2", "2.3", "2.3.1", "2.4")


def read_acknowledgment(data: bytes) -> Acknowledgment:
    """What a peer answered.  Raises Unreadable when there is not exactly one MSA to judge by."""
    plain = _PLAIN.fullmatch(data)
    if plain is not None:
        return Acknowledgment(_CODES[plain[1].decode()], plain[2].decode())
    return read_at_length(data)


def read_at_length(data: bytes) -> Acknowledgment:
    """The same for answers of any form."""
    lines = _SEGMENT_ENDS.split(_decoded(data).strip(_EDGES))
    separators = _separators(lines)
    found = [line for line in lines if line.startswith("MSA" + separators.field)]
    if len(found) != 1:
        raise Unreadable("no MSA" if not found else "more than one MSA")
    msa = Segment("MSA", tuple(found[0].split(separators.field)), separators)
    code = (msa.field(1)).strip().upper()
    if code not in _CODES:
        raise Unreadable("MSA-1 is not in table 0008")
    control_id = unescape(msa.field(2), separators).strip()
    if len(lines) == 2 and len(msa.fields) == 3:
        return Acknowledgment(_CODES[code], control_id)
    error_code, location, text = _errors(lines, msa)
    orders = _orders(lines, separators)
    numbers = _numbers(orders)
    unable = any((orc.at(1) or "").strip().upper() in _UNABLE for orc in orders)
    return Acknowledgment(_CODES[code], control_id, error_code, location, text, *numbers, unable)


def acknowledge(
    request: Message | None,
    code: AcknowledgmentCode,
    *,
    control_id: str,
    time: datetime,
    text: str = "",
    errors: Iterable[ErrorCondition] = (),
) -> bytes:
    """The ACK for ``request`` (None: bytes in which no header could be read), CR ends, UTF-8.

    ``control_id`` is the ACK's own MSH-10, at most 20 characters; ``text`` goes into MSA-3.
    """
    version = _version(request)
    asked = escape(request.control_id or "") if request else ""
    write = _errors_since_2_5 if version in _NEWEST_KNOWN else _errors_before_2_5
    segments = [_header(request, version, control_id, time)]
    segments.append(segment("MSA", code.value, asked, escape(text)))
    segments.extend(write(tuple(errors)))
    return "".join(line + "\r" for line in segments).encode()


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _separators(lines: list[str]) -> Separators:
    if lines[0].startswith("MSH"):
        return Separators.of_header(lines[0])
    if lines[0].startswith("MSA|"):
        return STANDARD
    raise Unreadable("begins with neither MSH nor MSA")


def _errors(lines: list[str], msa: Segment) -> tuple[ErrorCode | None, str | None, str]:
    separators = msa.separators
    texts = [unescape(msa.field(3), separators)]
    code = _known(msa.at(6))
    location = None
    for line in lines:
        if line.startswith("ERR" + separators.field):
            err = Segment("ERR", tuple(line.split(separators.field)), separators)
            code = code or _known(err.at(3)) or _known(err.at(1, 4))
            location = location or _location(err)
            texts.append(" ".join(unescape(part, separators) for part in err.fields[1:] if part))
    return code, location, "\n".join(text for text in texts if text)


def _orders(lines: list[str], separators: Separators) -> list[Segment]:
    found = (line for line in lines if line.startswith("ORC" + separators.field))
    return [Segment("ORC", tuple(line.split(separators.field)), separators) for line in found]


def _numbers(orders: list[Segment]) -> tuple[str | None, str | None]:
    """Of the one order the answer names."""
    if len(orders) != 1:
        return None, None
    placer, filler = ((orders[0].at(number) or "").strip()[:_LONGEST_NUMBER] for number in (2, 3))
    return placer or None, filler or None


def _known(code: str | None) -> ErrorCode | None:
    return _ERRORS.get((code or "").strip())


def _location(err: Segment) -> str | None:
    """From ERR-2 (2.5 and later) or the first three components of ERR-1."""
    number = 2 if err.field(2) else 1
    name, occurrence, field_number = (err.at(number, part) or "" for part in (1, 2, 3))
    if name not in _SEGMENTS:
        return None
    occurrence = occurrence if occurrence.isdecimal() and len(occurrence) < 6 else "1"
    known_field = field_number.isdecimal() and len(field_number) < 4
    return f"{name}[{int(occurrence)}]" + (f"-{int(field_number)}" if known_field else "")


def _version(request: Message | None) -> str:
    asked = (request.version or "") if request else ""
    return asked if asked in _NEWEST_KNOWN or asked in _OLDER_KNOWN else "2.5.1"


def _header(request: Message | None, version: str, control_id: str, time: datetime) -> str:
    sender, receiver = (_party(request, 5), _party(request, 3))
    processing = escape((request.header.at(11) if request else None) or "P")
    trigger = escape((request.trigger if request else None) or "")
    old = version in ("2.1", "2.2", "2.3") or not trigger
    kind = "ACK" if old else components("ACK", trigger, "ACK")
    moment = time.strftime("%Y%m%d%H%M%S%z")
    charset = ("", "", "", "", "", "UNICODE UTF-8") if version in _NEWEST_KNOWN else ()
    parties = (*sender, *receiver)
    head = (r"^~\&", *parties, moment, "", kind, escape(control_id), processing, version)
    return segment("MSH", *head, *charset)


def _party(request: Message | None, number: int) -> tuple[str, str]:
    """Application and facility (two HD fields), rewritten with our delimiters."""
    if request is None:
        return ("", "")
    return (_rewritten(request.header, number), _rewritten(request.header, number + 1))


def _rewritten(header: Segment, number: int) -> str:
    return components(*(escape(part) for part in header.components(number)))


def _errors_since_2_5(conditions: tuple[ErrorCondition, ...]) -> Iterator[str]:
    """One ERR for each."""
    for condition in conditions:
        what = f"{condition.code}^{ERROR_TEXTS[condition.code]}^HL70357"
        yield segment("ERR", "", components(*_place(condition)), what, "E")


def _errors_before_2_5(conditions: tuple[ErrorCondition, ...]) -> Iterator[str]:
    """One ERR, in which ERR-1 repeats."""
    repetitions = []
    for condition in conditions:
        where = (*_place(condition)[:3], "", "", "")[:3]
        what = f"{condition.code}&{ERROR_TEXTS[condition.code]}&HL70357"
        repetitions.append(components(*where, what))
    if repetitions:
        yield segment("ERR", "~".join(repetitions))


def _place(condition: ErrorCondition) -> tuple[str, ...]:
    """ERL: segment, its occurrence, field, repetition, component."""
    if condition.segment is None:
        return ()
    number = str(condition.field) if condition.field else ""
    component = str(condition.component) if condition.component else ""
    repetition = "1" if component else ""
    return (condition.segment, str(condition.occurrence), number, repetition, component)
