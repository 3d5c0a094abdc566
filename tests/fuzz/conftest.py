"""Tells how fast a campaign went, after the tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_RATES = pytest.StashKey[list[str]]()


@pytest.fixture
def fuzz_report(request: pytest.FixtureRequest) -> Callable[[str, int, int, float, float], None]:
    """Takes name, inputs, those that gave out a message, seconds, and the slowest input."""
    lines = request.config.stash.setdefault(_RATES, [])

    def tell(name: str, inputs: int, fruitful: int, seconds: float, slowest: float) -> None:
        rate = inputs / max(seconds, 1e-9)
        lines.append(
            f"{name:<14} {inputs:>8,} inputs, {fruitful:>8,} gave out messages, "
            f"{rate:>7,.0f} inputs/s, slowest {slowest * 1000:.0f} ms"
        )

    return tell


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(_RATES, []):
        terminalreporter.write_line(line)
