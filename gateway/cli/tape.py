"""``gateway tape``: what was last said on a line of the running gateway, as a transcript."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.cli.asking import ask, who, wrong
from gateway.cli.private import new_private
from gateway.config import load
from gateway.config.mistakes import unknown
from gateway.errors import ConfigurationError


def save_tape(device: str, output: Path, user: str | None, config: Path) -> int:
    """A new file that only its owner may read."""
    if output.exists():
        raise ConfigurationError([f"{output}: exists already; choose another name"])
    configuration = load(config)
    if device not in configuration.analyzers:
        raise wrong(unknown("analyzer", device, configuration.analyzers))
    answer = ask(configuration, "tape", device=device, user=who(user))
    try:
        with new_private(output) as file:
            file.write(answer["transcript"])
    except OSError as error:
        raise ConfigurationError([f"{output}: {(error.strerror or 'error').lower()}"]) from None
    print(f"{output} may name patients: scrub it before it travels", file=sys.stderr)
    return 0
