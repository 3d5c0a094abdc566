"""What every wizard shares: tests as they were seen, questions, the files that are written."""

from __future__ import annotations

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.cli.captures import Entry
from gateway.errors import ConfigurationError
from gateway.profiles.menus import BLOOD_COUNT
from gateway.profiles.units import to_ucum
from gateway.protocols.astm import Comment, Spoken, write_wire

_CERTAIN: Final = ("WBC", "RBC", "MCV", "MCH", "MCHC", "MPV")
"""Names that mean one test in the units of a blood count; in others (/HPF) they mean another."""

Ask = Callable[[str, str], str]


@dataclass(slots=True)
class Seen:
    """One test code: how often, with which units, flags and first values."""

    count: int = 0
    units: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    values: list[str] = field(default_factory=list)


def asking(answers: Path | None, yes: bool) -> Ask:
    """Answers from a file, from the defaults, or from a person."""
    known: Mapping[str, object] = {}
    if answers is not None:
        try:
            known = tomllib.loads(answers.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError([f"{answers}: {error}"]) from None

    def ask(question: str, default: str) -> str:
        if question in known:
            return str(known[question])
        if yes or answers is not None or not sys.stdin.isatty():
            return default
        return input(f"{question} [{default}]: ").strip() or default

    return ask


def analyte(code: str, seen: Seen) -> Iterator[str]:
    """A line for a test that leaves no doubt; a comment for every other: its code is the site's."""
    units = tuple(dict.fromkeys(to_ucum(unit, code) for unit in seen.units))
    known = BLOOD_COUNT[code] if code in _CERTAIN else None
    if known is not None and units and set(units) <= set(known.units):
        yield f"        {code!r}: Analyte({known.loinc!r}, {units!r}),"
    elif code:
        told = ", ".join(f"{unit or 'no unit'} = {known or '?'}" for unit, known in _known(seen))
        yield f"        # {code!r}: Analyte(LOINC?, ...),  {plain(told)}"


def _known(seen: Seen) -> Iterator[tuple[str, str | None]]:
    for unit in seen.units:
        yield unit, to_ucum(unit, "")


def plain(text: str) -> str:
    """One line that ends no string."""
    return "".join(c for c in text if c.isprintable() and c not in '"\\')


def show_tests(tests: Mapping[str, Seen]) -> None:
    """A line for each test."""
    for code, seen in tests.items():
        units = ", ".join(unit or "(none)" for unit in seen.units)
        flags = ", ".join(seen.flags) or "-"
        print(f"  {code or '(none)':<16} {seen.values[0]:<12} {units:<14} flags {flags}")


def name_from(sender: str) -> str:
    """A profile's name from what a device calls itself."""
    letters = (c if c.isascii() and c.isalnum() else "-" for c in sender.lower())
    return re.sub("-+", "-", "".join(letters)).strip("-") or "new-device"


def signature_of(sender: str) -> str:
    """A pattern that matches what a device calls itself."""
    return "".join(c if c.isalnum() else "." for c in sender)


def write_profile(
    facts: Mapping[str, str], module: str, entries: Iterable[Entry], output: Path
) -> int:
    """The module and the transcript; ConfigurationError for a bad name or one that is taken."""
    if not re.fullmatch("[a-z0-9][a-z0-9-]{0,62}", facts["name"]):
        raise ConfigurationError(["name: lower-case letters, digits and dashes"])
    path = output / f"{facts['name'].replace('-', '_')}.py"
    folder = output / facts["name"]
    if path.exists() or folder.exists():
        raise ConfigurationError([f"{path}: exists already"])
    folder.mkdir(parents=True)
    path.write_text(module, encoding="utf-8")
    notes = [
        Comment(f"# {facts['vendor']} {facts['model']}"),
        Comment(f"# source: {facts['source']}"),
    ]
    spoken = [entry for entry in entries if isinstance(entry, Spoken)]
    (folder / "capture.wire").write_text(write_wire([*notes, *spoken]), encoding="utf-8")
    print(f"{path} and {folder}/capture.wire written; scrub the transcript before it travels")
    return 0
