"""A pattern that is none is a mistake of the file, not of the first result that meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import parse
from gateway.errors import ConfigurationError

TEXT = """
[gateway]
site = "a"
timezone = "UTC"
data_dir = "d"
[orders]
listen = "127.0.0.1:2575"
[[orders.specimens]]
pattern = "26S[0-9]{4}"
[[orders.patients]]
pattern = "%s"
check = "mod-10"
"""


def test_a_pattern_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(TEXT % "[0-9", tmp_path / "gateway.toml")
    (line,) = raised.value.mistakes
    assert "orders.patients.0.pattern" in line
    assert "no regular expression" in line


def test_a_pattern_that_is_one(tmp_path: Path) -> None:
    section = parse(TEXT % "[0-9]{8}", tmp_path / "gateway.toml").orders
    assert section is not None
    assert (section.patients[0].pattern, section.patients[0].check) == ("[0-9]{8}", "mod-10")
