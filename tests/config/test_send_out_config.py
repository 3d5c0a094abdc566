"""Laboratories orders are sent to: each mistake is one line that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import parse
from gateway.errors import ConfigurationError

PATH = Path("gateway.toml")
SOUND = """
[gateway]
site = "clinic-a"
timezone = "UTC"
data_dir = "data"

[devices.bench]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:4001"
codes = { "GLU" = "2345-7" }

[orders]
listen = "127.0.0.1:2575"

[orders.send_out.reflab]
tests = ["62292-8"]

[destinations.reflab]
type = "mllp"
address = "127.0.0.1:2580"
message = "oml-o21"

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:2576"
devices = ["bench", "reflab"]
"""


def test_a_sound_one() -> None:
    found = parse(SOUND, PATH)
    assert found.send_outs["reflab"].tests == ("62292-8",)
    assert not found.send_outs["reflab"].unperformed


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('["62292-8"]', "[]", ["orders.send_out.reflab", "nothing to send"]),
        ('["62292-8"]', '["2345-7"]', ["tests", "done here", "bench"]),
        ('["62292-8"]', '["GLU"]', ["tests", "done here", "bench"]),
        ('message = "oml-o21"', "", ["destinations.reflab.message", "oml-o21"]),
        ("[orders.send_out.reflab]", "[orders.send_out.other]", ["other", "destination"]),
        ("[orders.send_out.reflab]", "[orders.send_out.other]", ["reflab.message", "send_out"]),
        ('tests = ["62292-8"]', 'tests = ["X"]\ncodes = { "X" = "1-1" }', ["codes.X", "LOINC"]),
        ('"bench", "reflab"]', '"bench", "lab"]', ["destinations.ehr.devices", "lab"]),
    ],
)
def test_mistakes(old: str, new: str, words: list[str]) -> None:
    assert old in SOUND
    with pytest.raises(ConfigurationError) as error:
        parse(SOUND.replace(old, new), PATH)
    assert any(all(word in line for word in words) for line in str(error.value).splitlines())


def test_a_test_goes_to_one_laboratory() -> None:
    second = """
[orders.send_out.second]
tests = ["62292-8"]
[destinations.second]
type = "file"
directory = "out"
message = "oml-o21"
"""
    with pytest.raises(ConfigurationError) as error:
        parse(SOUND + second, PATH)
    assert "already goes to 'reflab'" in str(error.value)


@pytest.mark.parametrize("profile", ["sysmex-xn-l", "cepheid-genexpert-hl7"])
def test_unasked_orders_only_where_they_are_taken(profile: str) -> None:
    text = SOUND.replace('profile = "generic-astm"', f'profile = "{profile}"\ndownloads = true')
    with pytest.raises(ConfigurationError) as error:
        parse(text, PATH)
    assert "devices.bench.downloads" in str(error.value)
