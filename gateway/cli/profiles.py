"""``gateway profiles``: the catalogue, as a table or in full."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from gateway.profiles import AnalyzerProfile, QcUnknown, catalogue


def show_profiles(name: str | None, as_json: bool) -> int:
    """All profiles a line each, or one with its codes; 2 for a name nobody knows."""
    known = catalogue()
    if name is not None and name not in known:
        print(
            f"gateway: unknown profile '{name}'; known: {', '.join(sorted(known))}", file=sys.stderr
        )
        return 2
    if as_json:
        chosen = [known[name]] if name else [known[n] for n in sorted(known)]
        rows = [_facts(profile, full=name is not None) for profile in chosen]
        print(json.dumps(rows[0] if name else rows, indent=2, ensure_ascii=False))
        return 0
    if name is None:
        _table([_facts(known[n], full=False) for n in sorted(known)])
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


def _table(rows: list[dict[str, Any]]) -> None:
    table = Table("name", "vendor", "model", "link", "evidence", "source", box=None)
    for row in rows:
        link = f"{row['protocol']} {row['link']}"
        source = "; ".join(row["source"])
        table.add_row(row["name"], row["vendor"], row["model"], link, row["evidence"], source)
    console = Console()
    if not console.is_terminal:  # a line each, for grep
        console = Console(width=max(240, console.width))
    console.print(table)


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
