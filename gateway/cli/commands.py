"""The commands and their options, as ``--help`` shows them; the work is in the other modules."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.held_commands import held
from gateway.cli.link_commands import links
from gateway.cli.options import DEFAULT, AsJson, Config, Reason, User
from gateway.cli.quarantine_commands import quarantine
from gateway.cli.report_commands import qc, reports
from gateway.cli.study_commands import studies

app = typer.Typer(
    name="gateway",
    help="Moves results from laboratory analyzers and images from ultrasound units to the EHR, "
    "and loses nothing on the way.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(links)
app.add_typer(held, name="held")
app.add_typer(studies, name="studies")
app.add_typer(quarantine, name="quarantine")
app.add_typer(reports, name="reports")
app.add_typer(qc, name="qc")


class DecodeAs(StrEnum):
    JSON = "json"
    HL7 = "hl7"
    RECORDS = "records"


@app.command(epilog="Example: gateway demo --for 60 --http 127.0.0.1:8080")
def demo(
    http: Annotated[
        str, typer.Option(help="Where API and DICOMweb are served.")
    ] = "127.0.0.1:8080",
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=0, help="Stop after so many seconds.", metavar="SECONDS"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same day.")] = 1,
) -> None:
    """A whole clinic on this machine: devices, gateway, broker and EHR. Ctrl-C ends it."""
    from gateway.cli.demo import demonstrate

    raise typer.Exit(demonstrate(http, seconds, seed))


@app.command(epilog="Example: gateway run -c gateway.toml")
def run(config: Config = DEFAULT) -> None:
    """The gateway in the foreground. Prints 'ready' when all listeners are open."""
    from gateway.cli.run import run_gateway

    raise typer.Exit(run_gateway(config))


@app.command(epilog="Example: gateway check -c gateway.toml")
def check(
    config: Config = DEFAULT,
    schema: Annotated[bool, typer.Option("--schema", help="Print the file's JSON Schema.")] = False,
) -> None:
    """Validates everything in the configuration and opens nothing."""
    from gateway.cli.run import check_configuration

    raise typer.Exit(check_configuration(config, schema))


@app.command(epilog="Example: gateway profiles sysmex-xn-l")
def profiles(
    name: Annotated[str | None, typer.Argument(help="One profile, in full.")] = None,
    as_json: AsJson = False,
) -> None:
    """The devices the gateway knows: vendor, model, link, evidence, source."""
    from gateway.cli.profiles import show_profiles

    raise typer.Exit(show_profiles(name, as_json))


@app.command(epilog="Example: gateway decode capture.bin --profile erba-xl --as hl7")
def decode(
    file: Annotated[
        str, typer.Argument(help="A capture, an exported file, a .wire transcript, or - (stdin).")
    ],
    profile: Annotated[str, typer.Option(help="The device's profile; see 'gateway profiles'.")],
    as_: Annotated[DecodeAs, typer.Option("--as", help="What to print.")] = DecodeAs.JSON,
    tz: Annotated[str, typer.Option(help="Zone of the device's clock.", metavar="ZONE")] = "UTC",
    column: Annotated[
        list[str] | None,
        typer.Option(help="Of exported tables, as in 'columns': HEADING=MEANING.", metavar="H=M"),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of its text, as in the configuration: utf-8, cp1252, ...")
    ] = None,
) -> None:
    """Reads a capture offline: link layer, records, profile. Exit 1 when anything was damaged."""
    from gateway.cli.decode import decode_file

    raise typer.Exit(decode_file(file, profile, as_.value, tz, column or [], encoding))


@app.command("dicom-conformance", epilog="Example: gateway dicom-conformance -o statement.md")
def dicom_conformance(
    config: Config = DEFAULT,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; default: print.")
    ] = None,
) -> None:
    """The DICOM conformance statement of this configuration, as Markdown."""
    from gateway.cli.conformance import write_statement

    raise typer.Exit(write_statement(config, output))


@app.command(epilog="Example: gateway replay --since 2026-01-05 --dry-run")
def replay(
    config: Config = DEFAULT,
    since: Annotated[str | None, typer.Option(help="Only what came since then (ISO).")] = None,
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show, deliver nothing.")] = False,
    as_json: AsJson = False,
    user: User = None,
) -> None:
    """Re-reads journaled transmissions with today's profiles and shows what would change."""
    from gateway.cli.replay import replay_journal

    raise typer.Exit(replay_journal(config, since, device, dry_run, as_json, user))


@app.command(epilog="Example: gateway status --json | jq .devices")
def status(
    config: Config = DEFAULT,
    as_json: AsJson = False,
    running: Annotated[
        bool,
        typer.Option("--running", help="Exit 1 unless the gateway runs and its store is well."),
    ] = False,
) -> None:
    """Devices, queues, held items, oldest undelivered, free disk, the day's books."""
    from gateway.cli.status import show_status

    raise typer.Exit(show_status(config, as_json, running))


@app.command(epilog="Example: gateway resend 1042 -c gateway.toml")
def resend(
    identity: Annotated[
        str, typer.Argument(help="The message's id, as 'gateway status' shows it.")
    ],
    as_new: Annotated[bool, typer.Option("--as-new", help="With a new control id.")] = False,
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Sends a stored message again, with the same control id unless told otherwise."""
    from gateway.cli.held import resend_message

    raise typer.Exit(resend_message(config, identity, as_new, user))


@app.command(epilog="Example: gateway cancel 1042 --reason 'sent by fax'")
def cancel(
    identity: Annotated[
        str, typer.Argument(help="The message's id, as 'gateway status' shows it.")
    ],
    reason: Reason,
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Takes a parked message out of its queue for good, in your name."""
    from gateway.cli.held import cancel_message

    raise typer.Exit(cancel_message(config, identity, reason, user))


@app.command(epilog="Example: gateway pause pacs --reason 'new disks until Monday'")
def pause(
    destination: Annotated[str, typer.Argument(help="A destination of the configuration.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")],
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Sends nothing more to a destination until 'gateway resume', also after a restart."""
    from gateway.cli.held import pause_destination

    raise typer.Exit(pause_destination(config, destination, reason, user))


@app.command(epilog="Example: gateway resume ehr")
def resume(
    destination: Annotated[str, typer.Argument(help="A destination that was stopped.")],
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Lets a stopped or paused destination send again, once its cause is mended."""
    from gateway.cli.held import resume_destination

    raise typer.Exit(resume_destination(config, destination, user))
