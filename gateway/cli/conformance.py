"""``gateway dicom-conformance``."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gateway.config import load
from gateway.conformance import statement
from gateway.errors import ConfigurationError, GatewayError


def write_statement(path: Path, output: Path | None) -> int:
    """Prints the statement, or writes it to a file."""
    configuration = load(path)
    if configuration.dicom is None:
        raise ConfigurationError([f"{path}: no [dicom] section, so there is nothing to state"])
    text = statement(configuration, configuration.dicom, _version())
    if output is None:
        print(text, end="")
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GatewayError(f"{output}: {error.strerror}") from None
    return 0


def _version() -> str:
    try:
        return version("back-office-gateway")
    except PackageNotFoundError:
        return "from source"
