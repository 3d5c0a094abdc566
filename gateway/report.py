"""The waist of the gateway: a Report is what one specimen's worth of device output means.

Left of it every device differs; right of it nothing knows which device it was.  Values keep the
device's own text beside whatever was understood of it; numbers stay text (``Quantity.number``) and
become ``Decimal`` only when somebody calculates.  ``None`` always means *unknown*, never zero.
Nothing here reads a clock, a disk or a wire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

SCHEMA = "report/1"


class Kind(StrEnum):
    """What a run was for.  Only ``PATIENT`` may ever reach an EHR."""

    PATIENT = "patient"
    QC = "qc"
    CALIBRATION = "calibration"
    PROFICIENCY = "proficiency"
    OTHER = "other"
    UNKNOWN = "unknown"


class Comparator(StrEnum):
    """Part of a value: ``<5`` is not ``5``."""

    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


class AbsentReason(StrEnum):
    """Why a device that ran a test gives no value for it."""

    MASKED = "masked"
    ABOVE_RANGE = "above-range"
    BELOW_RANGE = "below-range"
    ERROR = "error"
    NOT_MEASURED = "not-measured"
    INVALID = "invalid"
    CANCELLED = "cancelled"
    NOT_APPLICABLE = "not-applicable"
    UNREADABLE = "unreadable"


class Status(StrEnum):
    """Observation result status, HL7 table 0085 (OBX-11)."""

    FINAL = "F"
    PRELIMINARY = "P"
    CORRECTED = "C"
    NO_RESULT = "X"
    PENDING = "I"
    PARTIAL = "S"
    DELETED = "D"
    WRONG = "W"


@dataclass(frozen=True, slots=True)
class Unit:
    """``device`` exactly as sent; ``ucum`` only where the alias table knows it."""

    device: str
    ucum: str | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as the device wrote it: digits, sign and point, no blanks, no comparator."""

    number: str
    comparator: Comparator | None = None
    unit: Unit | None = None

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.number)


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A qualitative answer from a code list; ``system`` is a HL7 coding system name or None."""

    code: str
    text: str
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Titer:
    """``1:80``: both sides as sent."""

    numerator: str
    denominator: str


@dataclass(frozen=True, slots=True)
class Range:
    """``2-5`` as a *result* (cells per field), not a reference range."""

    low: str
    high: str
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """No value, and why.  Never a number, never zero, whatever the device printed."""

    reason: AbsentReason


Value = Quantity | Text | Coded | Titer | Range | Absent


@dataclass(frozen=True, slots=True)
class Code:
    device: str
    loinc: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    code: Code
    value: Value
    raw: str
    flags: tuple[str, ...] = ()
    range: str | None = None
    status: Status = Status.FINAL
    observed_at: datetime | None = None
    operator: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Specimen:
    id: str | None = None
    position: str | None = None
    type: str | None = None
    collected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PatientId:
    """``source`` is where the device wrote it, as its manual names the place: ``P.3``."""

    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Patient:
    """``name`` is family, given, middle, suffix and prefix in one text; see ``gateway.names``."""

    ids: tuple[PatientId, ...] = ()
    name: str | None = None
    birth_date: str | None = None
    sex: str | None = None

    @property
    def known(self) -> bool:
        """Whether the device named a patient at all (an id; a bare name identifies nobody)."""
        return bool(self.ids)


@dataclass(frozen=True, slots=True)
class Device:
    """``id`` is the name in the configuration; the rest is what device or profile says."""

    id: str
    profile: str
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None


class ProblemCode(StrEnum):
    """Closed list of what can be wrong with a report.  ``docs/problems.md`` explains each."""

    UNKNOWN_TEST = "unknown-test"
    UNKNOWN_UNIT = "unknown-unit"
    UNIT_MISSING = "unit-missing"
    UNIT_MISMATCH = "unit-mismatch"
    UNREADABLE_VALUE = "unreadable-value"
    UNREADABLE_DATE = "unreadable-date"
    UNKNOWN_STATUS = "unknown-status"
    UNKNOWN_FLAG = "unknown-flag"
    STATUS_NOT_FINAL = "status-not-final"
    NO_SPECIMEN = "no-specimen"
    NO_PATIENT = "no-patient"
    IDENTITY_CONFLICT = "identity-conflict"
    UNKNOWN_DEVICE = "unknown-device"
    AMBIGUOUS_DEVICE = "ambiguous-device"
    KIND_UNDECIDED = "kind-undecided"
    NOT_PRODUCTION = "not-production"
    ORPHAN_RECORD = "orphan-record"
    MALFORMED_RECORD = "malformed-record"
    TERMINATED_ABNORMALLY = "terminated-abnormally"
    ENCODING_DOUBTFUL = "encoding-doubtful"
    INTEGRITY_UNCHECKED = "integrity-unchecked"
    LINK_NOISE = "link-noise"
    INSTRUMENT_ALARM = "instrument-alarm"
    CONFLICTING_RESULTS = "conflicting-results"
    NO_RESULTS = "no-results"
    CLOCK_SKEW = "clock-skew"
    UNKNOWN_ORDER = "unknown-order"
    UNKNOWN_PATIENT = "unknown-patient"
    ORDER_MISMATCH = "order-mismatch"
    OPERATOR_NOT_CERTIFIED = "operator-not-certified"
    PARTIAL_PANEL = "partial-panel"
    QC_FAILED = "qc-failed"
    NOT_ENCODABLE = "not-encodable"
    POSSIBLE_DUPLICATE = "possible-duplicate"
    LIMIT_EXCEEDED = "limit-exceeded"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """``at`` is a position (``R[7].3.4``), never a value.  ``hold`` keeps the report back."""

    code: ProblemCode
    at: str
    hold: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes are: the journal id (or file) and the wire language they came in."""

    transmission: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A curve, histogram or picture the device sent beside its results; kept, not published."""

    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """One specimen of one transmission, in the order the device sent it."""

    id: str
    device: Device
    kind: Kind
    specimen: Specimen
    patient: Patient
    received_at: datetime
    observations: tuple[Observation, ...]
    problems: tuple[Problem, ...]
    source: Source
    notes: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    def doubted(self, *problems: Problem) -> Report:
        """The same with these problems as well."""
        return replace(self, problems=(*self.problems, *problems)) if problems else self

    @property
    def held(self) -> bool:
        return any(problem.hold for problem in self.problems)

    @property
    def partial(self) -> bool:
        """Whether tests that were ordered together with these are still to come."""
        return any(problem.code is ProblemCode.PARTIAL_PANEL for problem in self.problems)
