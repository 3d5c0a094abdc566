"""The commands of ``gateway reports`` and ``gateway qc``."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.options import DEFAULT, AsJson, Config, Older, Reason, User

reports = typer.Typer(no_args_is_help=True, help="Filed reports; set right whose result one is.")
qc = typer.Typer(no_args_is_help=True, help="Controls: how each test stands, and releasing one.")


@reports.command("list", epilog="Example: gateway reports list --specimen 26S0042")
def reports_list(
    config: Config = DEFAULT,
    as_json: AsJson = False,
    specimen: Annotated[str | None, typer.Option(help="Only this specimen.")] = None,
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    before: Older = "",
) -> None:
    """Reports, the newest first, a hundred at a time."""
    from gateway.cli.reports import list_reports

    raise typer.Exit(list_reports(config, as_json, specimen, device, before))


@reports.command(
    "move", epilog="Example: gateway reports move 5d2c... --order P42 --reason swapped"
)
def reports_move(
    identity: Annotated[str, typer.Argument(help="The report's id, as 'reports list' shows it.")],
    reason: Reason,
    order: Annotated[
        str, typer.Option(help="The placer number of the order it answers.", metavar="PLACER")
    ] = "",
    patient_id: Annotated[str, typer.Option(help="The patient's number.")] = "",
    specimen: Annotated[str, typer.Option(help="The right label, if that was wrong.")] = "",
    user: User = None,
    config: Config = DEFAULT,
) -> None:
    """Withdraws a result from the wrong patient (OBX-11 W) and sends it to the right one."""
    from gateway.cli.reports import move_report

    raise typer.Exit(move_report(config, identity, order, patient_id, specimen, user, reason))


@qc.command("list", epilog="Example: gateway qc list --device chemistry")
def qc_list(
    config: Config = DEFAULT,
    as_json: AsJson = False,
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
) -> None:
    """The last control of each test, material, lot and level."""
    from gateway.cli.controls import list_controls

    raise typer.Exit(list_controls(config, as_json, device))


@qc.command("release", epilog="Example: gateway qc release chemistry GLU --reason recalibrated")
def qc_release(
    device: Annotated[str, typer.Argument(help="The device's name.")],
    test: Annotated[str, typer.Argument(help="The device's code of the test.")],
    reason: Reason,
    results: Annotated[
        bool, typer.Option("--results", help="Held results of it go, too, if nothing else holds.")
    ] = False,
    user: User = None,
    config: Config = DEFAULT,
) -> None:
    """Lets patients' results of a test go again whose control had failed, in your name."""
    from gateway.cli.controls import release_control

    raise typer.Exit(release_control(config, device, test, results, user, reason))
