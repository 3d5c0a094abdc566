"""Values of another type are never made into what they look like; empty texts mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import parse, schema
from gateway.errors import ConfigurationError

BASE = """
[gateway]
site = "a"
timezone = "UTC"
data_dir = "d"
[devices.x]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:4001"
[devices.us]
profile = "ultrasound"
ae_title = "US"
address = "127.0.0.1"
[orders]
listen = "127.0.0.1:2575"
[destinations.e]
type = "mllp"
address = "127.0.0.1:2576"
[destinations.m]
type = "mqtt"
url = "mqtt://127.0.0.1:1883"
[destinations.d]
type = "dicom"
address = "A@127.0.0.1:104"
"""


def said(section: str, line: str) -> str:
    """The only mistake in a file with one more line in a section; empty where there is none."""
    head = f"[{section}]\n"
    text = BASE.replace(head, head + line + "\n") if head in BASE else f"{BASE}{head}{line}\n"
    try:
        parse(text, Path("gateway.toml"))
    except ConfigurationError as error:
        (mistake,) = error.mistakes
        return mistake.split(": ", 1)[1]
    return ""


SWITCHES = (
    ("devices.x", "downloads"),
    ("qc", "hold_patients"),
    ("destinations.e", "tls"),
    ("destinations.e", "studies"),
    ("destinations.d", "tls"),
    ("destinations.d", "commitment"),
)


@pytest.mark.parametrize("value", ['"yes"', '"true"', '"1"', "1", "0", "1.0"])
@pytest.mark.parametrize(("section", "key"), SWITCHES)
def test_only_true_and_false_are_true_and_false(section: str, key: str, value: str) -> None:
    assert said(section, f"{key} = {value}") == f"{section}.{key}: must be true or false"


@pytest.mark.parametrize("value", ["5", "5.1", "-0.5"])
def test_a_target_is_a_number(value: str) -> None:
    section, line = "qc.materials.Q.targets", "GLU = {{ mean = {}, sd = 1 }}"
    assert said(section, line.format(value)) == ""
    for wrong in (f'"{value}"', "true", "nan", "inf"):
        assert said(section, line.format(wrong)) == f"{section}.GLU.mean: must be a number"


@pytest.mark.parametrize(
    ("section", "line", "mistake"),
    [
        ("devices.x", "noise_limit = 5.0", "noise_limit: must be a whole number"),
        ("devices.x", 'silence_hours = "5"', "silence_hours: must be a number"),
        ("devices.x", "silence_hours = -1", "silence_hours: must be more than 0"),
        ("devices.us", 'port = "104"', "port: must be a whole number"),
        ("devices.x", 'serial = " "', "serial: is empty; leave it out where there is nothing to"),
        ("devices.x", 'serial = "a\\tb"', "serial: has a control character"),
        ("devices.x", 'codes = { "" = "2345-7" }', "codes: holds an empty name"),
        (
            "devices.x",
            'order_codes = { "a\\nb" = "c" }',
            "order_codes: holds a name with a control",
        ),
        ("orders", 'directory = ""', "directory: is empty"),
        ("orders", 'specimens = [{ pattern = "" }]', "specimens.0.pattern: is empty"),
        ("orders", 'panels = { "CBC" = [""] }', "panels.CBC.0: is empty"),
        ("devices.us", 'station_name = "ULTRASOUND ROOM 2"', "station_name: must be at most 16"),
        ("devices.us", 'character_set = "ISO_IR 1OO"', "character_set: unknown character set"),
        ("devices.us", 'private_classes = ["1.2", "GE"]', "private_classes.1: 'GE' is no UID"),
        ("destinations.e", "devices = []", "devices: names no device"),
        ("destinations.e", f'ca_file = "{"x" * 300}"', "ca_file: cannot be looked at: file name"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(section: str, line: str, mistake: str) -> None:
    assert said(section, line).startswith(f"{section}.{mistake}")


@pytest.mark.parametrize("url", ["mqtt://:1883", "mqtt://host:port", "mqtts://host:"])
def test_a_broker_has_a_host_and_its_port_is_a_number(url: str) -> None:
    text = BASE.replace("mqtt://127.0.0.1:1883", url)
    with pytest.raises(ConfigurationError, match=r"destinations\.m\.url: must be mqtt://HOST:PORT"):
        parse(text, Path("gateway.toml"))


@pytest.mark.parametrize("url", ["mqtt://host", "mqtts://[::1]:8883", "mqtt://[::1]"])
def test_a_broker_may_have_the_usual_port(url: str) -> None:
    parse(BASE.replace("mqtt://127.0.0.1:1883", url), Path("gateway.toml"))


def test_what_means_nothing_elsewhere_may_be_empty_there() -> None:
    assert said("destinations.e", 'receiving_application = ""\nreceiving_facility = ""') == ""
    assert said("qc.materials.Q", 'lot = ""\nlevel = ""') == ""


def test_the_schema_says_the_same() -> None:
    kinds = schema()["$defs"]
    assert kinds["QcTarget"]["properties"]["mean"] == {"title": "Mean", "type": "number"}
    assert kinds["DicomDestination"]["properties"]["commitment"]["type"] == "boolean"
