"""Reads ``gateway.toml`` and reports every mistake at once, one line each.

A line names the file, the line where it can be told, the key, what is wrong and what is allowed.
Paths in the file are relative to the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gateway.config.checks import check
from gateway.config.checks.texts import text_mistakes
from gateway.config.mistakes import Mistake
from gateway.config.partial import sound_part
from gateway.config.sections import Configuration
from gateway.config.shape import Unsound, shaped
from gateway.config.unsound import in_words
from gateway.errors import ConfigurationError
from gateway.transports import anchored

_LIMIT = 4 * 1024 * 1024
_PATH_KEYS = frozenset(
    {
        "data_dir",
        "token_file",
        "directory",
        "worklist",
        "file",
        "password_file",
        "ca_file",
        "certificate_file",
        "key_file",
        "client_ca_file",
    }
)


def load(path: Path) -> Configuration:
    """The configuration in ``path``; ConfigurationError lists every mistake."""
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise ConfigurationError([f"{path}: {why}; name another file with --config"]) from None
    if len(data) > _LIMIT:
        raise ConfigurationError([f"{path}: larger than 4 MiB; is this the configuration?"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: not UTF-8 at byte {error.start}"]) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Configuration:
    """The configuration in ``text``; ``path`` names it in errors and anchors relative paths."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{path}: not valid TOML: {error}"]) from None
    anchored = _anchored(document, path.parent)
    try:
        configuration = shaped(anchored)
        mistakes = list(check(configuration))
    except Unsound as error:
        mistakes = [*map(in_words, error.details), *_beyond(anchored)]
    said = {mistake.where for mistake in mistakes}
    mistakes += [mistake for mistake in text_mistakes(document) if mistake.where not in said]
    if mistakes:
        raise ConfigurationError(list(_lines(mistakes, text, path)))
    return configuration


def _beyond(document: dict[str, Any]) -> Iterator[Mistake]:
    """Mistakes that only the whole file shows, in what of it is sound."""
    configuration, dropped = sound_part(document)
    named = document.get("devices")
    names = named if isinstance(named, dict) else ()
    for mistake in check(configuration, names) if configuration is not None else ():
        if not any(mistake.where[: len(where)] == where for where in dropped):
            yield mistake


def _anchored(value: Any, folder: Path, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _anchored(v, folder, k) for k, v in value.items()}
    if isinstance(value, str) and key in _PATH_KEYS:
        return str(folder / Path(value).expanduser())
    if isinstance(value, str) and key == "stream":
        return anchored(value, folder)
    return value


def _lines(mistakes: Iterable[Mistake], text: str, path: Path) -> Iterator[str]:
    """In the order of the file; what has no line of its own comes first."""
    found: dict[str, int] = {}
    for mistake in mistakes:
        where = tuple(part for part in mistake.where if part != "[key]")
        line = _line_of(where, text)
        place = f"{path}:{line}" if line else f"{path}"
        found.setdefault(f"{place}: {'.'.join(where)}: {mistake.text}", line or 0)
    yield from sorted(found, key=found.__getitem__)


def _line_of(where: tuple[str, ...], text: str) -> int | None:
    """The line of a key: a plain search through tables, good enough to point a person."""
    table: tuple[str, ...] = ()
    best = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if header := re.match(r"\[+\s*([^\]]+?)\s*\]+", stripped):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            if table == where[: len(table)]:
                best = number
        elif "=" in stripped and not stripped.startswith("#"):
            key = stripped.split("=", 1)[0].strip().strip("\"'")
            full = (*table, *(part.strip().strip("\"'") for part in key.split(".")))
            if full == where[: len(full)]:
                return number
    return best
