"""``gateway import-livd``: a LIVD table as lines for a device's section of the configuration.

A code with one LOINC is written; one with several (by specimen or unit) is shown as a comment, for
a person to choose; units that no table knows, and units of another property than the code, are
shown as well.  Nothing is guessed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gateway.cli.livd import LivdRow, read_livd
from gateway.errors import GatewayError
from gateway.profiles import is_loinc
from gateway.profiles.properties import contradict, explained
from gateway.profiles.units import to_ucum


def import_livd(file: Path, device: str, model: str | None) -> int:
    """Prints TOML; 1 when something was left for a person to decide."""
    try:
        rows = read_livd(file)
    except GatewayError as error:
        raise GatewayError(f"{file}: {error}") from None
    chosen = [row for row in rows if model is None or model.lower() in row.model.lower()]
    if not chosen:
        models = ", ".join(sorted({row.model for row in rows if row.model}))
        known = f"models: {models}" if models else "it names no models; leave --model out"
        raise GatewayError(f"{file}: no line for model '{model}'; {known}")
    open_questions = list(_questions(chosen))
    print(f"# {len(chosen)} lines of {file.name}; read each code before you rely on it")
    print(f"[devices.{device}.codes]")
    for code, loinc in sorted(_certain(chosen).items()):
        print(f"{_quoted(code)} = {_quoted(loinc)}")
    print(f"\n[devices.{device}.units]")
    for line in open_questions:
        print(f"# {line}")
        print(f"{file}: {line}", file=sys.stderr)
    return 1 if open_questions else 0


def _certain(rows: Iterable[LivdRow]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.code, set()).add(row.loinc)
    return {
        code: next(iter(loincs))
        for code, loincs in found.items()
        if len(loincs) == 1 and all(map(is_loinc, loincs))
    }


def _questions(rows: list[LivdRow]) -> Iterator[str]:
    certain = _certain(rows)
    yield from _contradictions(rows, certain)
    for code in dict.fromkeys(row.code for row in rows):
        if code not in certain:
            ways = {
                f"{r.loinc} ({r.specimen or '?'}, {r.unit or '?'})" for r in rows if r.code == code
            }
            wrong = [r for r in rows if r.code == code and not is_loinc(r.loinc)]
            why = "a LOINC code with a wrong check digit" if wrong else "choose one"
            yield f"{_quoted(code)}: {why}: {' or '.join(sorted(ways))}"
    for unit in dict.fromkeys(row.unit for row in rows if row.unit):
        if to_ucum(unit, "") is None:
            yield f"{_quoted(unit)} = the UCUM unit it means"


def _contradictions(rows: Iterable[LivdRow], certain: Mapping[str, str]) -> Iterator[str]:
    for code, unit in dict.fromkeys((row.code, row.unit) for row in rows if row.unit):
        loinc, ucum = certain.get(code), to_ucum(unit, "")
        if loinc and ucum and contradict(loinc, ucum):
            yield explained(code, loinc, ucum)


def _quoted(text: str) -> str:
    """A TOML basic string."""
    return json.dumps(text, ensure_ascii=False)
