"""Writing and reading back may not share code, or a mistake in it would be made twice."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import pytest

import gateway.messages.oru
import gateway.messages.verification

FORBIDDEN = {
    gateway.messages.verification: ("gateway.messages.oru", "gateway.protocols"),
    gateway.messages.oru: ("gateway.messages.verification", "hl7apy"),
}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            found.update({node.module or "", *(f"{node.module}.{a.name}" for a in node.names)})
    return found


@pytest.mark.parametrize("package", list(FORBIDDEN), ids=lambda package: package.__name__)
def test_neither_side_uses_the_other(package: ModuleType) -> None:
    paths = sorted(Path(package.__path__[0]).glob("*.py"))
    assert len(paths) > 5
    for path in paths:
        wrong = [name for name in imported(path) if name.startswith(FORBIDDEN[package])]
        assert wrong == [], path.name


def test_hl7apy_is_used_for_its_tables_only() -> None:
    root = Path(gateway.messages.__path__[0])
    users = {
        path.name
        for path in root.rglob("*.py")
        if any(name.split(".")[0] == "hl7apy" for name in imported(path))
    }
    assert users == {"tables.py"}
    assert "hl7apy.core" not in imported(root / "verification" / "tables.py")
