"""The commands of ``gateway studies``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import DEFAULT, AsJson, Config, Older, Reason, User

studies = typer.Typer(no_args_is_help=True, help="Imaging studies and the orders they belong to.")

Uid = Annotated[str, typer.Argument(help="Study Instance UID.")]


@studies.command("list", epilog="Example: gateway studies list --unmatched")
def studies_list(
    config: Config = DEFAULT,
    as_json: AsJson = False,
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Only those.")] = False,
    before: Older = "",
) -> None:
    """Studies, the newest first, a hundred at a time."""
    from gateway.cli.studies import list_studies

    raise typer.Exit(list_studies(config, as_json, unmatched, before))


@studies.command("show", epilog="Example: gateway studies show 1.2.840.1")
def studies_show(uid: Uid, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """A study and the orders it may belong to, each with the reason."""
    from gateway.cli.studies import show_study

    raise typer.Exit(show_study(config, uid, as_json))


@studies.command("link", epilog="Example: gateway studies link 1.2.840.1 ORD-7 --user ada")
def studies_link(
    uid: Uid,
    order: Annotated[str, typer.Argument(help="The order's number, or #NUMBER of the gateway.")],
    config: Config = DEFAULT,
    user: User = None,
    reason: Reason = "linked",
) -> None:
    """Ties a study to an order."""
    from gateway.cli.studies import link_study

    raise typer.Exit(link_study(config, uid, order, user, reason))


@studies.command("unlink", epilog="Example: gateway studies unlink 1.2.840.1 --reason mistaken")
def studies_unlink(uid: Uid, reason: Reason, config: Config = DEFAULT, user: User = None) -> None:
    """Unties a study from its order."""
    from gateway.cli.studies import unlink_study

    raise typer.Exit(unlink_study(config, uid, user, reason))


@studies.command("export", epilog="Example: gateway studies export 1.2.840.1 -o study.zip")
def studies_export(
    uid: Uid,
    output: Annotated[Path, typer.Option("-o", "--output", help="The ZIP file to write.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Even if images are damaged or purged here.")
    ] = False,
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Writes a study as a ZIP with a DICOMDIR, under the identity it goes out with."""
    from gateway.cli.export import export_study

    raise typer.Exit(export_study(config, uid, output, partial, user))


@studies.command("forward", epilog="Example: gateway studies forward 1.2.840.1 --reason corrected")
def studies_forward(
    uid: Uid,
    reason: Reason,
    to: Annotated[str, typer.Option(help="The destination; not needed if there is one.")] = "",
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Sends a study to a PACS again, under the identity it has now."""
    from gateway.cli.studies import forward_study

    raise typer.Exit(forward_study(config, uid, to, user, reason))


@studies.command("page", epilog="Example: gateway studies page 1.2.840.1 --reason 'for Dr Roe'")
def studies_page(uid: Uid, reason: Reason, config: Config = DEFAULT, user: User = None) -> None:
    """A link to the study's page, for somebody without an account, until it expires."""
    from gateway.cli.studies import give_page

    raise typer.Exit(give_page(config, uid, user, reason))


@studies.command("keep", epilog="Example: gateway studies keep 1.2.840.1 --reason complaint")
def studies_keep(
    uid: Uid,
    reason: Reason,
    end: Annotated[bool, typer.Option("--end", help="It may be purged again.")] = False,
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Keeps a study from being purged, whatever its age."""
    from gateway.cli.studies import keep_study

    raise typer.Exit(keep_study(config, uid, end, user, reason))


@studies.command("move", epilog="Example: gateway studies move 1.2.840.1 MRN7 --reason typo")
def studies_move(
    uid: Uid,
    patient: Annotated[str, typer.Argument(help="Id of the patient it really belongs to.")],
    reason: Reason,
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Says whose study it really is; the images stay as they came."""
    from gateway.cli.studies import move_study

    raise typer.Exit(move_study(config, uid, patient, user, reason))
