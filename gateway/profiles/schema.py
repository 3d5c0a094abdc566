"""What the gateway knows of one device model, as data.

An ``AnalyzerProfile`` says how the device talks, how it is recognised, where it writes what
(``Where``: addresses as its manual numbers them, whatever the wire language), what its codes mean,
which runs are no patient's, and from which document all this is known.  It holds no code: whatever
a device needs beyond these fields is a ``Quirk``, and each quirk is read in exactly one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.profiles.link import HostQuery, Link
from gateway.profiles.vocabulary import FLAGS, STATUSES, VOIDS, Void
from gateway.report import Coded, Kind, Status

Table = Mapping[str, str]


class Evidence(StrEnum):
    """What vouches for a profile, weakest first."""

    SPEC = "spec"  # a standard or the vendor's interface document
    INTEGRATOR = "integrator"  # code or notes of people who run such a device
    CAPTURE = "capture"  # bytes a device really sent
    SITE = "site"  # in use with this gateway


class Quirk(StrEnum):
    """What a device does beside the rules.  Each is read in exactly one place."""

    TRAILING_FLAG = "trailing-flag"  # a mark of ``flags`` ends the value: 5.21!
    MESSAGE_WITHOUT_VALUE = "message-without-value"  # an unknown code, no value, a flag: a remark
    OPAQUE_FLAGS = "opaque-flags"  # codes of its own among the flags; passed on, not understood
    NUMBERED_UNITS = "numbered-units"  # a unit of digits is the number of a set of units
    EITHER_ENCODING = "either-encoding"  # text that is UTF-8 is UTF-8, other text is ``encoding``
    DEFLATED_MATRICES = "deflated-matrices"  # M records of curves: raw deflate in Base64


class Scale(StrEnum):
    """What a value of a test may be."""

    NUMBER = "number"  # a number, with or without comparator; other words hold the report
    ANSWER = "answer"  # words, grades, titers, ranges or numbers
    ANY = "any"  # not known here


@dataclass(frozen=True, slots=True)
class Typical:
    """Where values of healthy people lie, in the first unit; its decimals are the device's."""

    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Analyte:
    """One test.  ``units`` are the UCUM units it may come in (none: the test has no unit).

    ``by_unit`` gives another LOINC where the unit decides what was measured; ``unsent`` is the
    UCUM unit the manual states for a device that sends none; ``bare`` says that it may come
    without a unit and then has none; ``number`` is the LOINC of the number beside a call;
    ``answers`` has codes for its words.  A specimen type that ``specimen`` does not match makes it
    an unknown test: the same code means another one there.  ``words`` are answers a simulated
    device gives.
    """

    loinc: str | None
    units: tuple[str, ...] = ()
    scale: Scale = Scale.NUMBER
    typical: Typical | None = None
    by_unit: Mapping[str, str | None] = field(default_factory=dict)
    unsent: str | None = None
    bare: bool = False
    number: str | None = None
    answers: Mapping[str, Coded] = field(default_factory=dict)
    specimen: str = ""
    display: str | None = None
    voids: tuple[Void, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """What a run was for when ``pattern`` matches all of what stands at ``path``.

    ``Kind.UNKNOWN`` means: something is marked here that nobody explained; hold it.  ``example``
    is a text that matches, ``each_line`` looks at every result line instead of the specimen.
    ``when`` are further conditions, each an address and a pattern for all that stands there.
    """

    kind: Kind
    path: str
    pattern: str
    example: str
    each_line: bool = False
    when: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class QcUnknown:
    """The open statement that no marking of controls is known for a device, and why."""

    reason: str


class AsideRole(StrEnum):
    """What a result line is that is no result."""

    REMARK = "remark"  # alarms, suspect scores, modes: code, value and flag become a note
    DETAIL = "detail"  # belongs to the result above it (a cycle number): a note there
    IMAGE = "image"  # a path of a picture: noted, the path itself dropped (it may name a patient)
    IGNORED = "ignored"  # says nothing anybody reads; it stays in the journal


@dataclass(frozen=True, slots=True)
class Aside:
    """Lines whose code matches ``pattern`` are no measurements.

    ``when`` are further conditions, each an address and a pattern for all that stands there.
    """

    pattern: str
    role: AsideRole
    when: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """Words put before comments that match ``pattern``, where they say nothing by themselves."""

    pattern: str
    words: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """The instrument doubts a result: ``pattern`` matches all of what stands at ``path``.

    ``note`` is added for the reader; ``hold`` keeps the report until somebody looked;
    ``specimen`` looks at what is said of the specimen instead of its result lines.
    """

    path: str
    pattern: str
    note: str = ""
    hold: bool = True
    specimen: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a header of this device says; one of several signatures is enough."""

    path: str
    pattern: str


class Part(StrEnum):
    """What a component of the value's cell holds."""

    VALUE = "value"
    NUMBER = "number"  # the number beside a call
    UNIT = "unit"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Where:
    """Addresses.  A tuple holds alternatives, the first filled one wins; None: the device has none.

    Two filled addresses of ``specimen`` that differ hold the report; every address of ``patient``
    is an id.  ``name`` (family, given, ...) and ``position`` join what stands at all of theirs.
    ``value`` is a whole cell, ``parts`` its components in order; one filled beyond them holds.
    ``instead`` is where the answer stands when the cell is empty, unless a known flag does;
    ``value_type`` where the message says whether a value is a number (OBX-2); ``replicate`` where
    the number of a replicate stands; ``detail`` has what names a line that belongs to the result
    above it, beside its code.
    """

    code: tuple[str, ...]
    value: str
    parts: tuple[Part, ...] = (Part.VALUE, Part.NUMBER)
    specimen: tuple[str, ...] = ()
    patient: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    birth: str | None = None
    sex: str | None = None
    position: tuple[str, ...] = ()
    specimen_type: str | None = None
    collected: str | None = None
    unit: str | None = None
    range: str | None = None
    flags: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    operator: str | None = None
    observed: tuple[str, ...] = ()
    model: str | None = None
    serial: str | None = None
    processing: str | None = None
    sent: str | None = None
    instead: str | None = None
    value_type: str | None = None
    replicate: str | None = None
    detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """How messages of the device look where nobody reads them; for simulators.

    ``fixed`` always stands there; ``pads`` are widths, filled with blanks on the left; ``code`` is
    how a test's code is written, ``units`` how UCUM units are spelled.  ``menu`` has tests to
    simulate where the profile knows none.  ``alone``: one result a message.
    """

    delimiters: str = "|\\^&"
    fixed: Table = field(default_factory=dict)
    pads: Mapping[str, int] = field(default_factory=dict)
    code: str = "{code}"
    units: Table = field(default_factory=dict)
    menu: Mapping[str, Analyte] = field(default_factory=dict)
    alone: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzerProfile:
    """A device model.  ``name`` is what configurations call it; ``source`` cites documents.

    ``code`` is a regular expression with a group ``code``: what of the text at ``where.code``
    names the test.  ``dates`` are the forms of times, see ``gateway.profiles.times``.
    ``no_ids`` matches texts that stand for no id, ``padding`` has the characters some devices
    fill ids with on the left.  ``replicates``: the device measures a test several times for one
    order and sends every value; of others, two values for one test hold the report.
    ``downloads``: it may be set up to take orders it did not ask for.  ``columns`` are the headings
    of exported tables and what they mean (``gateway.profiles.columns``); ``hl7_files`` reads files
    that hold HL7 instead of a table.
    """

    name: str
    vendor: str
    model: str
    link: Link
    evidence: Evidence
    source: tuple[str, ...]
    where: Where
    qc: tuple[Rule, ...] | QcUnknown
    signatures: tuple[Signature, ...] = ()
    analytes: Mapping[str, Analyte] = field(default_factory=dict)
    code: str = r"(?s:(?P<code>.*))"
    encoding: str = "latin-1"
    decimal: str = "."
    dates: tuple[str, ...] = ("YYYYMMDDhhmmss", "YYYYMMDDhhmm", "YYYYMMDD")
    voids: tuple[Void, ...] = VOIDS
    flags: Table = field(default_factory=lambda: FLAGS)
    statuses: Mapping[str, Status] = field(default_factory=lambda: STATUSES)
    status_unsent: Status = Status.FINAL
    no_ranges: tuple[str, ...] = ()
    kinds: tuple[Rule, ...] = ()
    asides: tuple[Aside, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    labels: tuple[Label, ...] = ()
    units: Table = field(default_factory=dict)
    volatile: tuple[str, ...] = ()
    no_ids: str = ""
    padding: str = ""
    replicates: bool = False
    columns: Table = field(default_factory=dict)
    hl7_files: AnalyzerProfile | None = None
    quirks: frozenset[Quirk] = frozenset()
    query: HostQuery | None = None
    downloads: bool = False
    shape: Shape = field(default_factory=Shape)
    silence_hours: float | None = None
    setup: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that may say what a run was for."""
        return self.kinds if isinstance(self.qc, QcUnknown) else (*self.qc, *self.kinds)

    @property
    def menu(self) -> Mapping[str, Analyte]:
        """Tests for simulators."""
        return self.analytes or self.shape.menu

    @property
    def generic(self) -> bool:
        """Whether every code is the site's."""
        return not self.analytes
