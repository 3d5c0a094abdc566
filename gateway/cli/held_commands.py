"""The commands of ``gateway held``."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.options import DEFAULT, AsJson, Config, Reason, User

Identity = Annotated[str, typer.Argument(help="The number of 'gateway held list'.")]

held = typer.Typer(no_args_is_help=True, help="Reports that wait for a person, and why.")


@held.command("list", epilog="Example: gateway held list --json")
def held_list(config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """What is held, the oldest first."""
    from gateway.cli.held import list_held

    raise typer.Exit(list_held(config, as_json))


@held.command("show", epilog="Example: gateway held show 3")
def held_show(identity: Identity, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """One held report with its reasons and the exact bytes it was read from."""
    from gateway.cli.held import show_held

    raise typer.Exit(show_held(config, identity, as_json))


@held.command("release", epilog="Example: gateway held release 3 --reason 'checked on paper'")
def held_release(
    identity: Identity,
    order: Annotated[
        str, typer.Option(help="The placer number of the order it answers.", metavar="PLACER")
    ] = "",
    reason: Reason = "",
    user: User = None,
    config: Config = DEFAULT,
) -> None:
    """Sends a held report on, in your name; under the order you choose, if it has none.

    Without --reason a terminal shows the report with its bytes and asks."""
    from gateway.cli.held import decide_held

    raise typer.Exit(decide_held(config, "held.release", identity, user, reason, order))


@held.command("discard", epilog="Example: gateway held discard 3 --reason 'tube was empty'")
def held_discard(
    identity: Identity,
    reason: Reason,
    user: User = None,
    config: Config = DEFAULT,
) -> None:
    """Takes a held report out of the queue for good, in your name. Its bytes stay stored."""
    from gateway.cli.held import decide_held

    raise typer.Exit(decide_held(config, "held.discard", identity, user, reason))
