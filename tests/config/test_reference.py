"""The configuration's documentation names every key there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from gateway.config.sections import Configuration
from gateway.config.sections.section import Section


def sections(kind: type[Section] = Section) -> Iterator[type[Section]]:
    for section in kind.__subclasses__():
        yield section
        yield from sections(section)


TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
KEYS = sorted(
    {
        (section.__name__, field.name)
        for section in sections()
        if section.__name__ != Configuration.__name__
        for field in fields(section)
    }
)


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_the_key_is_documented(section: str, key: str) -> None:
    assert f"`{key}" in TEXT, f"{section}.{key}"
