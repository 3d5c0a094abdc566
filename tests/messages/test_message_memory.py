"""What is remembered of one message never vouches for another, and names no patient."""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import UTC, timedelta

import oru_samples as samples
import pytest

from gateway.messages import DESTINATION_PROFILES, NotEncodable, Obstacle, encode, verify
from gateway.messages.oru import recurring as writing
from gateway.messages.oru.pen import Pen
from gateway.messages.verification import recurring, structure
from gateway.messages.verification.readback import is_plain
from gateway.report import Code, Observation, Quantity, Report, Text, Unit

PROFILE = DESTINATION_PROFILES["oru-2.5.1"]
MEMORIES = (
    recurring._same_test_as_before,
    recurring._same_unit_as_before,
    structure._recurring,
    writing._identifier_as_before,
    writing._unit_as_before,
)
PANEL = replace(
    samples.BASE,
    observations=tuple(
        replace(samples.WBC, code=Code(f"T{n}", f"{n}-8", f"Test {n}")) for n in range(1, 5)
    ),
)


def message(report: Report) -> bytes:
    return encode(report, samples.ENVELOPE, PROFILE)


def check(written: bytes, report: Report) -> None:
    verify(written, report, samples.ENVELOPE, PROFILE)


def position(written: bytes, report: Report) -> str:
    with pytest.raises(NotEncodable) as caught:
        check(written, report)
    assert caught.value.obstacle is Obstacle.DIFFERENT
    return caught.value.position


def third(**changes: object) -> Report:
    """The panel with another third result."""
    before = PANEL.observations
    return replace(PANEL, observations=(*before[:2], replace(before[2], **changes), before[3]))


CODE = PANEL.observations[2].code
OTHERS = [
    ("OBX[3]-3", third(code=replace(CODE, device="T9"))),
    ("OBX[3]-3", third(code=replace(CODE, loinc="9-8"))),
    ("OBX[3]-3", third(code=replace(CODE, loinc=None))),
    ("OBX[3]-3", third(code=replace(CODE, display="Test 4"))),
    ("OBX[3]-3", third(code=replace(CODE, display=None))),
    ("OBX[3]-3", third(code=PANEL.observations[3].code)),
    ("OBX[3]-6", third(value=Quantity("5.50", None, Unit("10^9/L", "10*3/uL")))),
    ("OBX[3]-6", third(value=Quantity("5.50", None, Unit("10^3/uL", "10*9/L")))),
    ("OBX[3]-6", third(value=Quantity("5.50", None, Unit("10^3/uL")))),
    ("OBX[3]-6", third(value=Quantity("5.50", None, None))),
    ("OBX[3]-7", third(range="4.0-10.1")),
    ("OBX[3]-8", third(flags=("H",))),
    ("OBX[3]-14", third(observed_at=samples.MEASURED + timedelta(seconds=1))),
    ("OBX[3]-14", third(observed_at=samples.MEASURED.astimezone(UTC))),
    ("OBX[3]-16", third(operator="OP2")),
    ("OBX[1]-18", replace(PANEL, device=replace(PANEL.device, serial="54321"))),
    ("OBX[1]-18", replace(PANEL, device=replace(PANEL.device, manufacturer=None))),
]


@pytest.mark.parametrize(("at", "other"), OTHERS)
def test_a_text_that_was_good_for_one_is_refused_for_another(at: str, other: Report) -> None:
    of_panel, of_other = message(PANEL), message(other)
    for _ in range(2):
        check(of_panel, PANEL)
        check(of_other, other)
        assert position(of_panel, other).startswith(at[:8])
        assert position(of_other, PANEL).startswith(at[:8])
    assert position(of_panel, other) == at


DAMAGE: list[tuple[bytes, bytes]] = [
    (b"|3-8^Test 3^LN^T3^T3^L|", b"|3-8^Test 4^LN^T3^T3^L|"),
    (b"|3-8^Test 3^LN^T3^T3^L|", b"|4-8^Test 4^LN^T4^T4^L|"),
    (b"|3-8^Test 3^LN^T3^T3^L|", b"|3-8^Test 3^LN^T3^T3^LOINC|"),
    (b"|3-8^Test 3^LN^T3^T3^L|", b"||"),
    (b"OBX|3|", b"OBX|2|"),
    (b"OBX|3|NM|", b"OBX|3||"),
    (b"OBX|3|NM|", b"OBX|3|ST|"),
]


@pytest.mark.parametrize(("text", "instead"), DAMAGE)
def test_a_field_known_from_elsewhere_is_no_better_where_it_does_not_belong(
    text: bytes, instead: bytes
) -> None:
    good = message(PANEL)
    damaged = good.replace(text, instead)
    assert damaged != good
    for _ in range(2):
        check(good, PANEL)
        with pytest.raises(NotEncodable):
            check(damaged, PANEL)


def test_every_field_of_a_later_result_is_compared_like_the_first() -> None:
    """All results of the panel are alike, so that each field was found good just before."""
    alike = replace(PANEL, observations=(samples.WBC,) * 4)
    good = message(alike)
    start = good.index(b"OBX|3|")
    for at in range(start, good.index(b"OBX|4|")):
        other = b"8" if good[at : at + 1] != b"8" else b"7"
        with pytest.raises(NotEncodable):
            check(good[:at] + other + good[at + 1 :], alike)
        with pytest.raises(NotEncodable):
            check(good[:at] + good[at + 1 :], alike)


def test_one_moment_in_two_zones_is_two_texts() -> None:
    utc = samples.MEASURED.astimezone(UTC)
    report = third(observed_at=utc)
    good = message(report)
    check(good, report)
    assert good.count(b"20260105091130+0000") == 2
    swapped = good.replace(b"20260105091130+0000", b"20260105101130+0100")
    assert position(swapped, report) == "OBX[3]-14"


def test_a_result_of_more_fields_than_the_one_before_is_looked_at_whole() -> None:
    first, second = PANEL.observations[:2]
    report = replace(PANEL, observations=(replace(first, observed_at=None), second))
    good = message(report)
    check(good, report)
    with pytest.raises(NotEncodable) as caught:
        check(good.replace(b"|20260105101130+0100\r", b"|2026-01-05T10:11\r"), report)
    assert caught.value.obstacle is Obstacle.DATA_TYPE


SECRETS = ("PRIVATE-ID", "PRIVATE-NAME", "77.125", "PRIVATE-TEXT", "PRIVATE-NOTE", "PRIVATE-TUBE")


def private() -> Report:
    results: tuple[Observation, ...] = (
        replace(samples.WBC, value=Quantity(SECRETS[2], None, samples.THOUSANDS)),
        replace(samples.WBC, value=Text(SECRETS[3]), notes=(SECRETS[4],)),
    )
    patient = replace(samples.BASE.patient, name=SECRETS[1])
    ids = tuple(replace(one, value=SECRETS[0]) for one in patient.ids)
    return replace(
        samples.BASE,
        observations=results,
        patient=replace(patient, ids=ids),
        specimen=replace(samples.BASE.specimen, id=SECRETS[5]),
    )


def test_no_patient_and_no_value_is_remembered() -> None:
    report = private()
    for profile in DESTINATION_PROFILES.values():
        verify(encode(report, samples.ENVELOPE, profile), report, samples.ENVELOPE, profile)
    kept = "".join(repr(gc.get_referents(memory)) for memory in MEMORIES)
    assert "10*3/uL" in kept
    assert [secret for secret in SECRETS if secret in kept] == []


REFUSED = [
    ("OBX[3]-3", Obstacle.EMPTY, third(code=replace(CODE, device=" "))),
    ("OBX[3]-3", Obstacle.CONTROL_CHARACTER, third(code=replace(CODE, device="a\x00"))),
    ("OBX[3]-3", Obstacle.TOO_LONG, third(code=replace(CODE, device="x" * 200))),
    ("OBX[3]-3", Obstacle.HL7_NULL, third(code=replace(CODE, display='""'))),
    ("OBX[3]-6", Obstacle.TOO_LONG, third(value=Quantity("5", None, Unit("x" * 200)))),
    ("OBX[3]-6", Obstacle.TOO_LONG, third(value=Quantity("5", None, Unit("x" * 2000)))),
    ("OBX[3]-6", Obstacle.HL7_NULL, third(value=Quantity("5", None, Unit('""')))),
]


@pytest.mark.parametrize(("at", "obstacle", "report"), REFUSED)
def test_what_cannot_be_written_is_refused_each_time_where_it_stands(
    at: str, obstacle: Obstacle, report: Report
) -> None:
    alone = replace(report, observations=report.observations[2:])
    for tried, there in ((report, at), (alone, at.replace("3]", "1]")), (report, at)):
        with pytest.raises(NotEncodable) as caught:
            message(tried)
        assert (caught.value.obstacle, caught.value.position) == (obstacle, there)


def test_a_moment_is_written_as_itself_though_another_is_equal() -> None:
    pen = Pen(None, offset=True)
    for _ in range(2):
        assert pen.moment(samples.MEASURED, 14) == "20260105101130+0100"
        assert pen.moment(samples.MEASURED.astimezone(UTC), 14) == "20260105091130+0000"
        assert pen.moment(None, 14) == ""


def test_memory_is_bounded_in_number_and_length() -> None:
    pen = Pen(None, offset=True)
    for number in range(3000):
        assert writing.identifier(Code(f"code {number}"), pen) != ""
        assert writing.unit_of_measure(Unit(f"unit {number}"), pen) != ""
        assert not recurring.same_test("text", f"code {number}", None, None)
        assert not recurring.same_unit("text", f"unit {number}", None)
    assert not recurring.same_test("text", "code", None, "y" * 5000)
    assert not recurring.same_unit("text", "y" * 5000, None)
    assert writing.identifier(Code("code", "1-8", "y" * 5000), pen) == "1-8^^LN^code^code^L"
    for memory in MEMORIES:
        known = memory.cache_info()
        assert known.maxsize is not None
        assert known.currsize <= known.maxsize <= 4096
        assert "y" * 5000 not in repr(gc.get_referents(memory))


def test_what_is_plain_holds_no_control_character_and_no_line_break() -> None:
    unwanted = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
    assert [number for number in unwanted if is_plain(f"a{chr(number)}b")] == []
    assert all(map(is_plain, ("", "a b", "\u00b5mol/L", "\u00a0", "\u200b", "\U0001f642")))
