"""The configuration's documentation names every key there is."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from gateway.config import sections

TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
KEYS = sorted(
    {
        (name, key)
        for name, section in inspect.getmembers(sections, inspect.isclass)
        if issubclass(section, sections.Section) and name not in ("Configuration", "Section")
        for key in (field.name for field in fields(section))
    }
)


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_the_key_is_documented(section: str, key: str) -> None:
    assert f"`{key}" in TEXT, f"{section}.{key}"
