"""Every golden message: byte for byte, faithful by our own reading, and accepted by strangers."""

from __future__ import annotations

import re
from pathlib import Path

import hl7
import oru_samples as samples
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from gateway.messages import (
    DESTINATION_PROFILES,
    DestinationProfile,
    NotEncodable,
    encode,
    verify,
)
from gateway.report import Absent, Coded, Quantity, Range, Text, Titer

PAIRS = [pytest.param(c, p, id=f"{p.name}/{c.name}") for c, p in samples.pairs()]
REFUSED = [
    pytest.param(case, DESTINATION_PROFILES[name], id=f"{name}/{case.name}")
    for case in samples.CASES
    for name in sorted(set(DESTINATION_PROFILES) - set(case.profiles))
]
KNOWN_WARNINGS = re.compile(r"Warning: Value (UCUM|HL70353|SCT|CWE) not in table HL70(396|125) .*")
"""Codes of the standard that hl7apy's copy of its tables lacks."""


def message_of(case: samples.Case, profile: DestinationProfile) -> bytes:
    return encode(case.report, case.envelope, profile)


@pytest.mark.parametrize(("case", "profile"), PAIRS)
def test_golden_bytes(case: samples.Case, profile: DestinationProfile) -> None:
    wanted = samples.golden_path(case, profile).read_text("utf-8")
    assert samples.as_lines(message_of(case, profile), profile) == wanted


def test_no_golden_file_without_a_case() -> None:
    wanted = {samples.golden_path(case, profile) for case, profile in samples.pairs()}
    assert set(samples.GOLDEN.rglob("*.hl7")) == wanted


@pytest.mark.parametrize(("case", "profile"), PAIRS)
def test_golden_is_verified(case: samples.Case, profile: DestinationProfile) -> None:
    verify(message_of(case, profile), case.report, case.envelope, profile)


@pytest.mark.parametrize(("case", "profile"), PAIRS)
def test_hl7apy_accepts_it_strictly(
    case: samples.Case, profile: DestinationProfile, tmp_path: Path
) -> None:
    text = message_of(case, profile).decode(profile.charset.codec)
    parsed = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT)
    remarks = tmp_path / "remarks.txt"
    assert parsed.validate(report_file=str(remarks))
    unknown = [line for line in remarks.read_text().splitlines() if not KNOWN_WARNINGS.match(line)]
    assert unknown == []


@pytest.mark.parametrize(("case", "profile"), PAIRS)
def test_python_hl7_reads_the_same_values(case: samples.Case, profile: DestinationProfile) -> None:
    parsed = hl7.parse(message_of(case, profile).decode(profile.charset.codec))
    found = list(parsed.segments("OBX"))
    assert len(found) == len(case.report.observations)
    for segment, observation in zip(found, case.report.observations, strict=True):
        code = observation.code
        assert parsed.unescape(_part(segment, 3, 0)) == (code.loinc or code.device)
        assert _read_value(parsed, segment) == _wanted_value(observation.value, profile)
        status = "X" if isinstance(observation.value, Absent) else observation.status.value
        assert _field(segment, 11) in (status, "C")
    if case.report.patient.known:
        ids = [parsed.unescape(_part_of(one, 0)) for one in parsed.segment("PID")[3]]
        assert ids == [one.value for one in case.report.patient.ids]


@pytest.mark.parametrize(("case", "profile"), REFUSED)
def test_what_a_profile_cannot_say_is_refused(
    case: samples.Case, profile: DestinationProfile
) -> None:
    with pytest.raises(NotEncodable):
        message_of(case, profile)


def _field(segment: hl7.Segment, number: int) -> str:
    return str(segment[number]) if number < len(segment) else ""


def _part_of(field: object, number: int) -> str:
    parts = str(field).split("^")
    return parts[number] if number < len(parts) else ""


def _part(segment: hl7.Segment, number: int, part: int) -> str:
    return _part_of(_field(segment, number), part)


def _read_value(parsed: hl7.Message, segment: hl7.Segment) -> list[str]:
    return [parsed.unescape(part) for part in _field(segment, 5).split("^")]


def _wanted_value(value: object, profile: DestinationProfile) -> list[str]:
    structured = profile.name != "openmrs"
    match value:
        case Quantity(number, None):
            return [number]
        case Quantity("1.5E3" as number, comparator):
            return [f"{comparator.value}{number}"]
        case Quantity(number, comparator):
            return [comparator.value, number] if structured else [comparator.value + number]
        case Titer(one, two):
            return ["", one, ":", two] if structured else [f"{one}:{two}"]
        case Range(one, two):
            return ["", one, "-", two] if structured else [f"{one}-{two}"]
        case Coded(code, text, system):
            original = "1+" if code == "1+" else "NEG" if code != "a|b" else _as_seen(text)
            plain = [code, _as_seen(text), system or "L"]
            return plain if profile.name == "oru-2.3" else [*plain, *[""] * 5, original]
        case Text(text):
            return [_as_seen(text, lines=structured)]
        case Absent():
            return [""]
    raise AssertionError(value)


def _as_seen(text: str, *, lines: bool = False) -> str:
    kept = "".join(c for c in text if c not in "\x00\x0b\x1c")
    return kept.replace("\r\n", "\r" if lines else " ")


def _segments(message: bytes) -> list[list[str]]:
    return [line.split("|") for line in message.decode("utf-8").split("\r")[:-1]]


def _goldens(name: str) -> list[list[list[str]]]:
    paths = sorted((samples.GOLDEN / name).glob("*.hl7"))
    return [[line.split("|") for line in p.read_text("utf-8").splitlines()] for p in paths]


def test_openemr_gets_only_what_it_reads() -> None:
    known = {"MSH", "PID", "PD1", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM", "TQ1"}
    for message in _goldens("openemr"):
        for fields in message:
            assert fields[0] in known
            if fields[0] == "PID":
                assert len(fields) > 13
            if fields[0] == "OBX":
                assert "~" not in "".join(fields[8:9])
                assert not re.search("[+-]", "".join(fields[14:15] + fields[19:20]))
            if fields[0] == "OBX" and fields[2] == "CWE":
                assert fields[5].split("^")[8]


def test_openmrs_never_gets_what_it_throws_on() -> None:
    for message in _goldens("openmrs"):
        assert message[0][11] == "2.5"
        assert {fields[2] for fields in message if fields[0] == "OBX"} <= {"NM", "ST", "CWE", ""}


def test_version_2_3_has_nothing_newer() -> None:
    for message in _goldens("oru-2.3"):
        assert message[0][8] == "ORU^R01"
        for fields in message:
            assert fields[0] in {"MSH", "PID", "PV1", "ORC", "OBR", "OBX", "NTE"}
            if fields[0] == "OBX":
                assert fields[2] in {"NM", "SN", "ST", "FT", "CE"}
                assert len(fields) <= 18
            if fields[0] == "OBR":
                assert fields[27].split("^")[0] == "1"


def test_same_input_same_bytes() -> None:
    for case, profile in samples.pairs():
        assert message_of(case, profile) == message_of(case, profile)
