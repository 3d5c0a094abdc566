"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import DEFAULT

__all__ = ["DEFAULT", "AsJson", "Config", "Older", "Reason", "User"]

Config = Annotated[
    Path, typer.Option("-c", "--config", help="The configuration file.", metavar="FILE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
Older = Annotated[
    str, typer.Option("--before", help="Go on there, as the list before said.", metavar="N")
]
User = Annotated[str | None, typer.Option("--user", help="Who does it; default: who is logged in.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")]
