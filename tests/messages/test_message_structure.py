"""Planted defects of the kinds no validator finds alone: sequence, type, table, value, length."""

from __future__ import annotations

from collections.abc import Callable

import oru_samples as samples
import pytest

from gateway.messages import DESTINATION_PROFILES, NotEncodable, Obstacle, encode
from gateway.messages.verification.readback import read_segments
from gateway.messages.verification.structure import check_structure, structure

Segments = list[list[str]]
PROFILE = DESTINATION_PROFILES["oru-2.5.1"]
ORDERED = next(case for case in samples.CASES if case.name == "ordered")


def good() -> Segments:
    return read_segments(encode(ORDERED.report, ORDERED.envelope, PROFILE), "utf-8")


def check(segments: Segments, version: str = "2.5.1") -> None:
    check_structure(segments, structure("ORU_R01", version))


def of(segments: Segments, name: str) -> list[str]:
    return next(fields for fields in segments if fields[0] == name)


def put(name: str, number: int, text: str) -> Callable[[Segments], None]:
    def plant(segments: Segments) -> None:
        fields = of(segments, name)
        fields.extend([""] * (number + 1 - len(fields)))
        fields[number] = text

    return plant


def drop(name: str) -> Callable[[Segments], None]:
    return lambda segments: segments.remove(of(segments, name))


def last(name: str) -> Callable[[Segments], None]:
    def plant(segments: Segments) -> None:
        fields = of(segments, name)
        segments.remove(fields)
        segments.append(fields)

    return plant


def value(value_type: str, text: str) -> Callable[[Segments], None]:
    def plant(segments: Segments) -> None:
        put("OBX", 2, value_type)(segments)
        put("OBX", 5, text)(segments)

    return plant


DEFECTS = [
    (value("NM", "<5"), Obstacle.VALUE_TYPE),
    (value("NM", "5^6"), Obstacle.VALUE_TYPE),
    (value("NM", "12345678901234567"), Obstacle.VALUE_TYPE),
    (value("NM", "1e5"), Obstacle.VALUE_TYPE),
    (value("SN", "<5"), Obstacle.VALUE_TYPE),
    (value("SN", "^1^:"), Obstacle.VALUE_TYPE),
    (value("SN", "^1^x^2"), Obstacle.VALUE_TYPE),
    (value("SN", "^1^:^2^3"), Obstacle.VALUE_TYPE),
    (value("ST", "a^b"), Obstacle.VALUE_TYPE),
    (value("ST", "a~b"), Obstacle.VALUE_TYPE),
    (value("ST", "a&b"), Obstacle.VALUE_TYPE),
    (value("ST", "x" * 200), Obstacle.VALUE_TYPE),
    (value("CE", "a^b^L^^^^^^c"), Obstacle.VALUE_TYPE),
    (value("CWE", "a^b^L^^^^^^c^d"), Obstacle.VALUE_TYPE),
    (value("CWE", "a^b^no system"), Obstacle.VALUE_TYPE),
    (value("", "5"), Obstacle.VALUE_TYPE),
    (value("QQ", "5"), Obstacle.TABLE_VALUE),
    (put("OBX", 11, "Q"), Obstacle.TABLE_VALUE),
    (put("OBX", 8, "HIGH"), Obstacle.TABLE_VALUE),
    (put("MSH", 18, "UTF8"), Obstacle.TABLE_VALUE),
    (put("MSH", 11, "X"), Obstacle.TABLE_VALUE),
    (put("PID", 8, "male"), Obstacle.TABLE_VALUE),
    (put("OBR", 25, "W"), Obstacle.TABLE_VALUE),
    (put("OBX", 3, "1-8^x^LOINC"), Obstacle.TABLE_VALUE),
    (put("OBX", 3, ""), Obstacle.REQUIRED_FIELD),
    (put("OBX", 11, ""), Obstacle.REQUIRED_FIELD),
    (put("PID", 5, ""), Obstacle.REQUIRED_FIELD),
    (put("PID", 3, ""), Obstacle.REQUIRED_FIELD),
    (put("OBR", 4, ""), Obstacle.REQUIRED_FIELD),
    (put("SPM", 4, ""), Obstacle.REQUIRED_FIELD),
    (put("MSH", 10, ""), Obstacle.REQUIRED_FIELD),
    (put("OBX", 60, "x"), Obstacle.TOO_MANY),
    (put("OBX", 20, "x"), Obstacle.TOO_MANY),
    (put("OBX", 4, "1~2"), Obstacle.TOO_MANY),
    (put("OBX", 3, "1^2^L^4^5^L^7"), Obstacle.TOO_MANY),
    (put("OBX", 14, "2026-01-05"), Obstacle.DATA_TYPE),
    (put("OBX", 14, "20261305"), Obstacle.DATA_TYPE),
    (put("OBX", 1, "one"), Obstacle.DATA_TYPE),
    (put("OBX", 7, "a&b"), Obstacle.DATA_TYPE),
    (put("MSH", 10, "x" * 300), Obstacle.TOO_LONG),
    (put("OBX", 18, "1^" + "x" * 21), Obstacle.TOO_LONG),
    (drop("OBR"), Obstacle.SEGMENT_SEQUENCE),
    (last("PV1"), Obstacle.SEGMENT_SEQUENCE),
    (last("ORC"), Obstacle.SEGMENT_SEQUENCE),
    (last("PID"), Obstacle.SEGMENT_SEQUENCE),
    (last("MSH"), Obstacle.SEGMENT_SEQUENCE),
    (lambda segments: segments.append(["SFT", "a", "b", "c", "d"]), Obstacle.SEGMENT_SEQUENCE),
    (lambda segments: segments.append(["ZZZ", "a"]), Obstacle.SEGMENT_SEQUENCE),
    (lambda segments: segments.append(segments[0]), Obstacle.SEGMENT_SEQUENCE),
]


@pytest.mark.parametrize(("plant", "obstacle"), DEFECTS)
def test_planted_defect_is_found(plant: Callable[[Segments], None], obstacle: Obstacle) -> None:
    segments = good()
    check(segments)
    plant(segments)
    with pytest.raises(NotEncodable) as caught:
        check(segments)
    assert caught.value.obstacle is obstacle


@pytest.mark.parametrize("version", ["2.3", "2.5", "2.5.1"])
def test_what_each_version_asks_for(version: str) -> None:
    known = structure("ORU_R01", version).segments
    assert set(known["PID"].required) == {3, 5}
    assert {3, 11} <= set(known["OBX"].required)
    assert ("SPM" in known) == (version != "2.3")
    assert (2 in known["OBX"].required) == (version == "2.3")


def test_a_long_tail_of_notes_costs_no_time() -> None:
    """The possessive patterns never look back, however the segments are ordered."""
    known = structure("ORU_R01", "2.3").sequence
    assert known.fullmatch("MSH;PID;OBR;" + "NTE;" * 5000 + "OBX;" + "NTE;" * 5000) is not None
    assert known.fullmatch("MSH;PID;OBR;" + "NTE;" * 5000 + "PID;NTE;") is None


def test_an_unknown_structure_or_segment_is_an_error() -> None:
    with pytest.raises(KeyError):
        structure("ORU_X99", "2.5.1")
