"""``gateway profiles``: the catalogue, as a table or in full."""

from __future__ import annotations

import json
import textwrap
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from gateway.cli.asking import wrong
from gateway.config.mistakes import unknown
from gateway.profiles import AnalyzerProfile, QcUnknown, catalogue

_WIDE: Final = 200


def show_profiles(name: str | None, as_json: bool) -> int:
    """All profiles, or one with its codes; wrong use for a name nobody knows."""
    known = catalogue()
    if name is not None and name not in known:
        raise wrong(unknown("profile", name, known))
    if as_json:
        chosen = [known[name]] if name else [known[n] for n in sorted(known)]
        rows = [_facts(profile, full=name is not None) for profile in chosen]
        print(json.dumps(rows[0] if name else rows, indent=2, ensure_ascii=False))
        return 0
    if name is None:
        rows = [_facts(known[n], full=False) for n in sorted(known)]
        console = Console()
        if console.is_terminal and console.width < _WIDE:
            _list(rows, console.width)
        else:
            _table(rows)
    else:
        _one(_facts(known[name], full=True))
    return 0


def _facts(profile: AnalyzerProfile, *, full: bool) -> dict[str, Any]:
    dialect = profile.link.dialect
    facts: dict[str, Any] = {
        "name": profile.name,
        "vendor": profile.vendor,
        "model": profile.model,
        "protocol": profile.link.protocol.value,
        "framing": None if dialect is None else dialect.framing.value,
        "link": profile.link.stream,
        "evidence": profile.evidence.value,
        "source": list(profile.source),
    }
    if full:
        unknown = isinstance(profile.qc, QcUnknown)
        facts |= {
            "qc": profile.qc.reason
            if isinstance(profile.qc, QcUnknown)
            else [
                {"kind": rule.kind.value, "at": rule.path, "is": rule.pattern}
                for rule in profile.qc
            ],
            "qc_known": not unknown,
            "codes": {
                code: {"loinc": analyte.loinc, "units": list(analyte.units)}
                for code, analyte in profile.analytes.items()
            },
            "quirks": sorted(quirk.value for quirk in profile.quirks),
            "setup": profile.setup,
        }
    return facts


def _list(rows: list[dict[str, Any]], width: int) -> None:
    """For a terminal: names stand whole, what is long is below them."""
    for row in rows:
        what = f"{row['vendor']} {row['model']}".strip() or "any device"
        print(row["name"])
        for text in (
            f"{what}: {row['protocol']} {row['link']}, {row['evidence']}",
            "; ".join(row["source"]),
        ):
            print(textwrap.fill(text, width, initial_indent="  ", subsequent_indent="    "))


def _table(rows: list[dict[str, Any]]) -> None:
    """A line each, for grep."""
    table = Table("name", "vendor", "model", "link", "evidence", "source", box=None)
    for row in rows:
        link = f"{row['protocol']} {row['link']}"
        source = "; ".join(row["source"])
        table.add_row(row["name"], row["vendor"], row["model"], link, row["evidence"], source)
    Console(width=max(240, Console().width)).print(table)


def _one(row: dict[str, Any]) -> None:
    console = Console()
    for key in ("name", "vendor", "model", "protocol", "framing", "link", "evidence", "setup"):
        if row[key]:
            console.print(f"[bold]{key:<10}[/bold] {row[key]}", highlight=False)
    for source in row["source"]:
        console.print(f"[bold]{'source':<10}[/bold] {source}", highlight=False)
    console.print(f"[bold]{'qc':<10}[/bold] {row['qc']}", highlight=False)
    table = Table("code", "LOINC", "units", box=None)
    for code, analyte in row["codes"].items():
        table.add_row(code, analyte["loinc"] or "", ", ".join(analyte["units"]))
    console.print(table)
