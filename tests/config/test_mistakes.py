"""Mistakes of many kinds in one file: each has its line, in our words, and nothing is made up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from gateway.config import load, parse, schema
from gateway.errors import ConfigurationError

BASE = '[gateway]\nsite = "a"\ntimezone = "UTC"\ndata_dir = "d"\n'
HEARD = 'stream = "tcp-listen:127.0.0.1:4001"\n'


def mistakes(text: str, path: Path = Path("gateway.toml")) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, path)
    return caught.value.mistakes


def device(name: str, profile: str = "generic-astm", more: str = "", stream: str = HEARD) -> str:
    return f'[devices.{name}]\nprofile = "{profile}"\n{stream}{more}'


def sound(text: str) -> None:
    parse(BASE + text, Path("gateway.toml"))


WRONG = """
[gateway]
site = 7
timezone = "Mars/Olympus"
data_dir = ["d"]

[http]
listen = "127.0.0.1:70000"

[devices.one]
profile = "generic-astm"
stream = 4001
codes = { GLU = "2345-8" }
units = { "mg" = "milligrams", "K" = "K/uL" }
silence_hours = -1
noise_limit = "many"

[devices.two]
profile = "vitros"
stream = "tcp-listen:127.0.0.1:4002"
address = "there"
orders = "perhaps"

[devices.three]
stream = "tcp-listen:127.0.0.1:4002"

[dicom]
listen = "127.0.0.1:4002"
associations = 0

[orders]
listen = "127.0.0.1:0"
specimens = "any"

[destinations.file]
type = "file"
directory = "out"
without_patient = "never"
devices = ["one", "three", "five"]

[destinations.mllp]
type = "mllp"
address = "127.0.0.1:0"
tls = "perhaps"

[destinations.dicom]
type = "dicom"
address = "PACS@127.0.0.1:99999"
commitment = 7

[destinations.mqtt]
type = "mqtt"
url = "mqtt://127.0.0.1:1883"
password_file = "nothing-there"
devices = "one"
"""
EXPECTED = {
    "gateway.site": "text in quotes",
    "gateway.timezone": "no IANA time zone",
    "gateway.data_dir": "path in quotes",
    "http.listen": "port 70000",
    "devices.one.stream": "text in quotes",
    "devices.one.silence_hours": "more than 0",
    "devices.one.noise_limit": "whole number",
    "devices.two.address": "no IP address",
    "devices.two.orders": "'optional', 'required' or 'hold'",
    "devices.three.profile": "is missing",
    "dicom.listen": "already used by devices.two.stream",
    "dicom.associations": "at least 1",
    "orders.listen": "port 0",
    "orders.specimens": "must be a list",
    "destinations.file.without_patient": "'hold' or 'send'",
    "destinations.file.devices": "unknown device 'five'",
    "destinations.mllp.address": "port 0",
    "destinations.mllp.tls": "true or false",
    "destinations.dicom.address": "port 99999",
    "destinations.dicom.commitment": "true or false",
    "destinations.mqtt.password_file": "no file",
    "destinations.mqtt.devices": "must be a list",
}


def test_one_look_finds_every_mistake() -> None:
    lines = mistakes(WRONG)
    for key, text in EXPECTED.items():
        found = [line for line in lines if f": {key}: " in line]
        assert len(found) == 1, (key, lines)
        assert text in found[0]
    assert len(lines) == len(EXPECTED), lines


def test_no_line_has_words_of_the_libraries() -> None:
    for line in mistakes(WRONG):
        assert "\n" not in line
        assert not any(word in line for word in ("Input", "input should", "valid", "pydantic"))


def _numbers(part: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """The numbers in a JSON schema, each with what is said of it."""
    if isinstance(part, dict):
        if part.get("type") in ("number", "integer"):
            yield path, part
        for key, inner in part.items():
            yield from _numbers(inner, (*path, key))
    elif isinstance(part, list):
        for inner in part:
            yield from _numbers(inner, path)


def test_every_number_of_the_file_has_an_upper_limit() -> None:
    sections = schema()["$defs"]
    found = {path: said for path, said in _numbers(sections) if path[0] != "QcTarget"}
    assert len(found) > 10
    assert [path for path, said in found.items() if "maximum" not in cast(dict, said)] == []


@pytest.mark.parametrize("number", ["1e300", "inf", "99999999999999999999999"])
@pytest.mark.parametrize("key", ["silence_hours", "clock_minutes", "future_minutes", "stale_days"])
def test_a_number_no_clock_can_count(key: str, number: str) -> None:
    (line,) = mistakes(BASE + device("x", more=f"{key} = {number}\n"))
    assert f"devices.x.{key}: must be at most" in line or f"devices.x.{key}: must be a" in line


@pytest.mark.parametrize("key", ["silence_hours", "clock_minutes", "noise_limit"])
@pytest.mark.parametrize("value", ["true", '"5"'])
def test_what_is_no_number(key: str, value: str) -> None:
    (line,) = mistakes(BASE + device("x", more=f"{key} = {value}\n"))
    assert f"devices.x.{key}: must be a " in line


def test_a_folder_without_a_name() -> None:
    (line,) = mistakes(BASE.replace('"d"', '"a\\u0000b"'))
    assert "gateway.data_dir: a path holds no NUL" in line


UNIT = 'profile = "ultrasound"\nae_title = "U"\n'


@pytest.mark.parametrize(
    ("table", "key", "hint"),
    [
        ("gateway", "sight", "did you mean 'site'?"),
        ("qc", "hold_patient", "did you mean 'hold_patients'?"),
        ("qc.materials.x", "lott", "did you mean 'lot'?"),
        ("qc.materials.x.targets.GLU", "average", "known here: mean, sd"),
        ("orders", "folder", "known here: callers, directory, keep_days, late_hours, listen"),
        ("orders.send_out.lab", "test", "did you mean 'tests'?"),
        (
            "destinations.x",
            "patient_data",
            "known here: assigning_authority, devices, directory, extension, message",
        ),
        ("devices.u", "addres", "did you mean 'address'?"),
        ("devices.u", "clock_minutes", "known here: address, ae_title, character_set"),
    ],
)
def test_a_key_nobody_knows_comes_with_those_its_table_has(table: str, key: str, hint: str) -> None:
    beside = {
        "gateway": BASE.removeprefix("[gateway]\n"),
        "destinations.x": 'type = "file"\ndirectory = "out"\n',
        "devices.u": UNIT,
        "qc.materials.x.targets.GLU": "mean = 1\nsd = 1\n",
    }.get(table, "")
    before = "" if table == "gateway" else BASE
    (line,) = [
        line
        for line in mistakes(f"{before}[{table}]\n{beside}{key} = 1\n")
        if f"{table}.{key}: is not a setting; " in line
    ]
    assert hint in line


def test_a_modality_without_an_address_is_told_what_an_address_is() -> None:
    (line,) = mistakes(f"{BASE}[devices.u]\n{UNIT}")
    assert "devices.u.address: is missing; must be an IP address or network" in line


def test_codes_and_units_of_a_device_that_is_sound() -> None:
    text = BASE + device("one", more='codes = { GLU = "2345-8", A = "x" }\nunits = { "a" = "mcg" }')
    assert [line.split(": ")[1] for line in mistakes(text)] == [
        "devices.one.codes.GLU",
        "devices.one.codes.A",
        "devices.one.units.a",
    ]


@pytest.mark.parametrize(
    "unit", ["mmol/L", "10*9/L", "10^9/L", "[IU]/L", "m[IU]/L", "mg/g{creat}", "/[HPF]", "{index}",
             "mL/min/{1.73_m2}", "mm[Hg]", "/100{WBCs}", "1", "%", "g/(24.h)"],
)  # fmt: skip
def test_units_of_ucum(unit: str) -> None:
    sound(device("one", more=f'units = {{ "x" = "{unit}" }}\n'))


@pytest.mark.parametrize(
    ("unit", "hint"),
    [
        ("mmol / L", "mmol/L"),
        ("mmHg", "mm[Hg]"),
        ("K/uL", "did you mean '10*3/uL'"),
        ("pH", "did you mean '[pH]'"),
        ("milligrams", "no UCUM unit"),
        ("", "no UCUM unit"),
        ("mmol//L", "no UCUM unit"),
        ("(mg", "no UCUM unit"),
    ],
)
def test_what_is_no_unit_of_ucum(unit: str, hint: str) -> None:
    (line,) = mistakes(BASE + device("one", more=f'units = {{ "x" = "{unit}" }}\n'))
    assert "devices.one.units.x" in line
    assert hint in line


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (device("a"), device("b", "vitros")),
        (device("a"), device("b", "generic-astm", 'address = "10.0.0.1"\n').replace("add", "#")),
        (device("a", more='address = "10.0.0.0/8"\n'), device("b", more='address = "10.0.0.1"\n')),
        (device("a", more='serial = "1"\n'), device("b")),
        (device("a", more='serial = "1"\n'), device("b", more='serial = "1"\n')),
        (
            device("a", "generic-hl7", 'serial = "1"\n'),
            device("b", "generic-hl7", 'serial = "2"\n'),
        ),
    ],
)
def test_devices_nobody_could_tell_apart(first: str, second: str) -> None:
    (line,) = mistakes(BASE + first + second)
    assert "devices.b.stream" in line
    assert "tell them apart" in line


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (device("a", more='address = "10.0.0.2"\n'), device("b", more='address = "10.0.0.1"\n')),
        (device("a", more='address = "10.0.0.2"\n'), device("b")),
        (device("a", more='serial = "1"\n'), device("b", more='serial = "2"\n')),
        (device("a", "sysmex-xn-l"), device("b", "vitros")),
        (device("a", "sysmex-xn-l"), device("b", "abbott-afinion-2")),
    ],
)
def test_devices_that_something_tells_apart(first: str, second: str) -> None:
    sound(first + second)


def test_one_port_by_two_names() -> None:
    other = 'stream = "tcp-listen:localhost:4001"\n'
    text = BASE + device("a") + device("b", "sysmex-xn-l", stream=other)
    (line,) = mistakes(text)
    assert "devices.b.stream: port 4001 is already used by devices.a.stream" in line


@pytest.mark.parametrize("port", ["0", "65536", "70000", "-1"])
def test_ports_a_device_cannot_dial(port: str) -> None:
    """The range a mistake names is the range that is taken."""
    stream = 'stream = "tcp-listen:127.0.0.1:{}"\n'
    (line,) = mistakes(BASE + device("a", stream=stream.format(port)))
    assert "devices.a.stream" in line
    assert line.endswith("; 1 to 65535")
    for taken in ("1", "65535"):
        sound(device("a", stream=stream.format(taken)))


def test_folders_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    text = (
        BASE.replace('"d"', '"file/data"') + '[destinations.f]\ntype = "file"\ndirectory = "file"\n'
    )
    lines = mistakes(text, tmp_path / "gateway.toml")
    assert len(lines) == 2
    assert "gateway.data_dir" in lines[0]
    assert "is a file" in lines[0]
    assert "destinations.f.directory" in lines[1]


def test_a_folder_that_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write everywhere, so what the system would say is said here."""
    may = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: mode != os.W_OK | os.X_OK and may(path, mode)
    )
    (line,) = mistakes(BASE, tmp_path / "gateway.toml")
    assert "gateway.data_dir" in line
    assert "may not be written to" in line


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    (line,) = caught.value.mistakes
    assert "is a directory" in line


def test_a_file_written_by_notepad_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert load(path).gateway.site == "a"


@pytest.mark.parametrize(
    "text",
    ["", "gateway = 1\n", "devices = 2\n", "[devices]\nx = 1\n", "[destinations]\nx = 1\n",
     "[gateway]\n[devices.x]\n[destinations.x]\n", "[[devices]]\n", "[devices.x.y]\n",
     '[qc.materials.a]\ntargets = { GLU = { mean = "much", sd = 0 } }\n',
     "[destinations.x]\ntype = []\n", "[devices.x]\nprofile = {}\n", "x = 1979-05-27\n"],
)  # fmt: skip
def test_whatever_stands_there_is_a_readable_line(text: str) -> None:
    for line in mistakes(text):
        assert line.startswith("gateway.toml")
        assert line.count(": ") >= 2
        assert "\n" not in line
        assert "nput should" not in line


@pytest.mark.parametrize(
    ("title", "address", "wrong"),
    [
        ("VOLUSON", "10.0.0.1/32", True),
        ("VOLUSON", "10.0.0.0/8", True),
        ("VOLUSON", "10.0.0.2/32", False),
        ("LOGIQ", "10.0.0.1/32", False),
    ],
)
def test_modalities_nobody_could_tell_apart(title: str, address: str, *, wrong: bool) -> None:
    unit = '[devices.{}]\nprofile = "ultrasound"\nae_title = "{}"\naddress = "{}"\n'
    text = BASE + unit.format("a", "VOLUSON", "10.0.0.1") + unit.format("b", title, address)
    if not wrong:
        parse(text, Path("gateway.toml"))
        return
    (line,) = mistakes(text)
    assert "devices.b.ae_title" in line
    assert "device 'a'" in line
