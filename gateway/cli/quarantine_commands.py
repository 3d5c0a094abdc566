"""The commands of ``gateway quarantine``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import DEFAULT, AsJson, Config, User

quarantine = typer.Typer(
    no_args_is_help=True, help="Images that were kept and filed under no study, and why."
)

Case = Annotated[str, typer.Argument(help="The number of 'gateway quarantine list'.")]


@quarantine.command("list", epilog="Example: gateway quarantine list")
def quarantine_list(config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """Images in quarantine, the newest first."""
    from gateway.cli.quarantine import list_cases

    raise typer.Exit(list_cases(config, as_json))


@quarantine.command("save", epilog="Example: gateway quarantine save 3 -o image.dcm")
def quarantine_save(
    case: Case,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Copies an image in quarantine, as it was received."""
    from gateway.cli.quarantine import save_case

    raise typer.Exit(save_case(config, case, output, user))


@quarantine.command("close", epilog="Example: gateway quarantine close 3 --reason 'sent twice'")
def quarantine_close(
    case: Case,
    reason: Annotated[str, typer.Option("--reason", help="Why; stands in the audit trail.")],
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Takes an image off the list once it was looked at; its file stays."""
    from gateway.cli.quarantine import close_case

    raise typer.Exit(close_case(config, case, user, reason))
