"""Every delimiter, in every field that travels from a device to an EHR, stays one character."""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import quoteattr
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reading_samples import NOW

from gateway.messages import DESTINATION_PROFILES, Envelope, control_id, encode, verify
from gateway.names import name_of, name_parts
from gateway.profiles import Context, catalogue, normalize
from gateway.report import Report

NASTY = "a|b^c&d~e\\f"
ASTM = ["|\\^&", "!@#$", "|~^\\", "^|&~"]
HL7 = ["|^~\\&", "!@#$%", "|~^&\\", "^|\\~&"]


def quoted(text: str, letters: dict[str, str], escape: str) -> str:
    return "".join(f"{escape}{letters[c]}{escape}" if c in letters else c for c in text)


def astm(signs: str) -> bytes:
    field, repeat, component, escape = signs
    letters = {field: "F", component: "S", repeat: "R", escape: "E"}
    nasty = quoted(NASTY, letters, escape)
    test = component * 3 + "GLU"
    records = (
        [f"H{signs}", "", "", f"TEST{component}1"],
        ["P", "1", f"p{nasty}", "", "", f"n{nasty}{component}g{nasty}"],
        ["O", "1", f"s{nasty}", "", test],
        ["R", "1", test, f"v{nasty}", "", f"r{nasty}", "", "", "F", "", f"o{nasty}"],
        ["C", "1", "I", f"c{nasty}", "G"],
        ["L", "1"],
    )
    return "".join(f"{field.join(record)}\r" for record in records).encode()


def hl7(signs: str) -> bytes:
    field, component, repeat, escape, sub = signs
    letters = {field: "F", component: "S", repeat: "R", escape: "E", sub: "T"}
    nasty = quoted(NASTY, letters, escape)
    kind, end = f"ORU{component}R01", ("", "", "20260105080000", "", f"o{nasty}")
    segments = (
        [f"MSH{signs}", "lab", "LAB", "", "", "20260105080000", "", kind, "7", "P", "2.5.1"],
        ["PID", "1", "", f"p{nasty}", "", f"n{nasty}{sub}x{component}g{nasty}"],
        ["OBR", "1", "", f"s{nasty}", "GLU"],
        ["OBX", "1", "ST", "GLU", "", f"v{nasty}", "", f"r{nasty}", "", "", "", "F", *end],
        ["NTE", "1", "", f"c{nasty}"],
    )
    return "".join(f"{field.join(cells)}\r" for cells in segments).encode()


def read(profile: str, raw: bytes) -> Report:
    codes = {"GLU": "2345-7"}
    (report,) = normalize(
        raw, catalogue()[profile], Context("lab", ZoneInfo("UTC"), NOW, "1", codes=codes)
    )
    return report


def received(report: Report) -> dict[str, list[str]]:
    """The segments of its ORU^R01 as a receiver splits them, escapes and all."""
    profile = DESTINATION_PROFILES["oru-2.5.1"]
    envelope = Envelope(control_id(b"k" * 32, report.id, 0), NOW)
    message = encode(report, envelope, profile)
    verify(message, report, envelope, profile)
    lines = message.decode().split("\r")
    return {line[:3]: line.split("|") for line in lines if line}


def meant(text: str) -> str:
    for letter, sign in zip("FSTR", "|^&~", strict=True):
        text = text.replace(f"\\{letter}\\", sign)
    return text.replace("\\E\\", "\\")


CASES: list[tuple[str, Callable[[str], bytes], str]] = [
    *(("generic-astm", astm, signs) for signs in ASTM),
    *(("generic-hl7", hl7, signs) for signs in HL7),
]


@pytest.mark.parametrize(("profile", "write", "signs"), CASES)
def test_each_stays_one_character(profile: str, write: Callable[[str], bytes], signs: str) -> None:
    report = read(profile, write(signs))
    segments = received(report)
    assert [meant(part) for part in segments["PID"][5].split("^")] == [f"n{NASTY}", f"g{NASTY}"]
    assert meant(segments["PID"][3]) == f"p{NASTY}"
    assert meant(segments["SPM"][2].partition("^")[2]) == f"s{NASTY}"
    obx = segments["OBX"]
    assert [meant(obx[n]) for n in (5, 7, 16)] == [f"v{NASTY}", f"r{NASTY}", f"o{NASTY}"]
    assert meant(segments["NTE"][3]) == f"c{NASTY}"


def test_poct1a_has_none_of_them() -> None:
    cells = {"PT.patient_id": f"p{NASTY}", "PT.name": "Doe^Jane"}
    patient = "".join(f"<{name} V={quoteattr(text)}/>" for name, text in cells.items())
    value = f"<OBS><OBS.observation_id V='GLU'/><OBS.qualitative_value V={quoteattr(NASTY)}/></OBS>"
    raw = (
        "<HEL.R01><HDR><HDR.control_id V='1'/></HDR><DEV><DEV.device_id V='D'/></DEV></HEL.R01>"
        "<OBS.R01><HDR><HDR.control_id V='2'/></HDR><SVC><SVC.role_cd V='OBS'/>"
        "<SVC.observation_dttm V='2026-01-05T08:00:00+00:00'/>"
        f"<PT>{patient}{value}</PT></SVC></OBS.R01>"
    ).encode()
    segments = received(read("generic-poct1a", raw))
    assert meant(segments["PID"][3]) == f"p{NASTY}"
    assert segments["PID"][5] == "Doe^Jane"
    assert meant(segments["OBX"][5]) == NASTY


@given(st.lists(st.text("ES^\\&|a ", min_size=1), min_size=1, max_size=5))
@example(["\\S\\", "^"])
@example(["\\E\\S\\"])
def test_a_name_is_what_its_parts_were(parts: list[str]) -> None:
    assert name_parts(name_of(parts)) == parts


def test_a_usual_name_is_written_as_it_is() -> None:
    assert name_of(["O'Neil-\\Smith&Co", "Ann", "", "", ""]) == "O'Neil-\\Smith&Co^Ann"
