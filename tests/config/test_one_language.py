"""Devices that share a listener must speak one language."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigurationError

_TEXT = """
[gateway]
site = "clinic-a"
timezone = "Europe/Berlin"
data_dir = "./data"

[devices.one]
profile = "{first}"
stream = "tcp-listen:127.0.0.1:4001"
address = "10.0.0.1/32"

[devices.two]
profile = "{second}"
stream = "tcp-listen:127.0.0.1:4001"
address = "10.0.0.2/32"
"""


def _written(folder: Path, first: str, second: str) -> Path:
    file = folder / "gateway.toml"
    file.write_text(_TEXT.format(first=first, second=second), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("first", "second"),
    [("generic-hl7", "generic-astm"), ("sysmex-kx21", "sysmex-uc1000")],
)
def test_two_languages_are_refused(tmp_path: Path, first: str, second: str) -> None:
    with pytest.raises(ConfigurationError, match="speaks another language"):
        load(_written(tmp_path, first, second))


def test_one_language_is_fine(tmp_path: Path) -> None:
    load(_written(tmp_path, "generic-hl7", "hemoscreen"))
