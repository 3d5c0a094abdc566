"""The commands and their options, as ``--help`` shows them; the work is in the other modules."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.report_commands import qc, reports

app = typer.Typer(
    name="gateway",
    help="Moves results from laboratory analyzers and images from ultrasound units to the EHR, "
    "and loses nothing on the way.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
held = typer.Typer(no_args_is_help=True, help="Reports that wait for a person, and why.")
app.add_typer(held, name="held")
studies = typer.Typer(no_args_is_help=True, help="Imaging studies and the orders they belong to.")
app.add_typer(studies, name="studies")
app.add_typer(reports, name="reports")
app.add_typer(qc, name="qc")

Config = Annotated[
    Path, typer.Option("-c", "--config", help="The configuration file.", metavar="FILE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
User = Annotated[str | None, typer.Option("--user", help="Who does it; default: who is logged in.")]
DEFAULT = Path("gateway.toml")


class DecodeAs(StrEnum):
    JSON = "json"
    HL7 = "hl7"
    RECORDS = "records"


@app.command(epilog="Example: gateway demo --for 60 --http 127.0.0.1:8080")
def demo(
    http: Annotated[str, typer.Option(help="Where the pages are served.")] = "127.0.0.1:8080",
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
) -> None:
    """Reads a capture offline: link layer, records, profile. Exit 1 when anything was damaged."""
    from gateway.cli.decode import decode_file

    raise typer.Exit(decode_file(file, profile, as_.value, tz, column or []))


@app.command(epilog="Example: gateway capture tcp-listen:127.0.0.1:4001 -o first-day.wire")
def capture(
    stream: Annotated[str, typer.Argument(help="serial:..., tcp:..., tcp-listen:..., rfc2217:...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The transcript to write.")],
    profile: Annotated[str, typer.Option(help="How the device talks.")] = "generic-astm",
    answer: Annotated[
        bool, typer.Option("--answer/--listen-only", help="Acknowledge, or only listen (default).")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=0, help="Stop after so many seconds.", metavar="SECONDS"),
    ] = None,
) -> None:
    """Records a live line with timing, as an escaped transcript. Ctrl-C ends it."""
    from gateway.cli.capture import capture_stream

    raise typer.Exit(capture_stream(stream, output, profile, answer, seconds))


@app.command("import-livd", epilog="Example: gateway import-livd vendor.xlsx --device chemistry")
def import_livd_(
    file: Annotated[Path, typer.Argument(help="A LIVD table: CSV, XLSX or JSON.")],
    device: Annotated[str, typer.Option(help="The device's name in the configuration.")] = "NAME",
    model: Annotated[str | None, typer.Option(help="Only lines of this model.")] = None,
) -> None:
    """A vendor's LIVD table as codes for a device. Exit 1 when something is left to decide."""
    from gateway.cli.import_livd import import_livd

    raise typer.Exit(import_livd(file, device, model))


@app.command(epilog="Example: gateway scrub first-day.wire -o clean.wire --profile erba-xl")
def scrub(
    file: Annotated[Path, typer.Argument(help="A byte capture or a .wire transcript.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    profile: Annotated[str, typer.Option(help="Where the device names people.")] = "generic-astm",
    key: Annotated[
        str | None, typer.Option(help="The same key gives the same replacements.")
    ] = None,
) -> None:
    """A capture without patients: same lengths, right checksums, everything else as it was."""
    from gateway.cli.scrub import scrub_capture

    raise typer.Exit(scrub_capture(file, output, profile, key))


@app.command(epilog="Example: gateway spy serial:/dev/ttyUSB0 serial:/dev/ttyUSB1 -o day.wire")
def spy(
    device: Annotated[str, typer.Argument(help="The stream that hears the device.")],
    host: Annotated[str, typer.Argument(help="The stream that hears the host.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The transcript to write.")],
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=0, help="Stop after so many seconds.", metavar="SECONDS"),
    ] = None,
) -> None:
    """Records both directions of a working link, with one adapter on each of its wires."""
    from gateway.cli.spy import spy_streams

    raise typer.Exit(spy_streams(device, host, output, seconds))


@app.command(epilog="Example: gateway tape haematology -o yesterday.wire")
def tape(
    device: Annotated[str, typer.Argument(help="The device's name in the configuration.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The transcript to write.")],
    user: User = None,
    config: Config = DEFAULT,
) -> None:
    """The last megabyte of a line of the running gateway, as a transcript."""
    from gateway.cli.tape import save_tape

    raise typer.Exit(save_tape(device, output, user, config))


@app.command("profile-wizard", epilog="Example: gateway profile-wizard first-day.wire -o profiles")
def profile_wizard(
    file: Annotated[Path, typer.Argument(help="A byte capture or a .wire transcript.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The folder to write to.")
    ] = Path(),
    answers: Annotated[
        Path | None, typer.Option(help="A TOML file with answers instead of questions.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take every default, ask nothing.")] = False,
) -> None:
    """From a capture to a profile: shows what it would read, asks what it cannot know."""
    from gateway.cli.wizard import make_profile

    raise typer.Exit(make_profile(file, output, answers, yes))


@app.command(epilog="Example: gateway doctor serial:/dev/ttyUSB0 --profile sysmex-xp-300")
def doctor(
    stream: Annotated[str, typer.Argument(help="A stream, dicom:AET@HOST:PORT, or a capture.")],
    profile: Annotated[str | None, typer.Option(help="How the device should talk.")] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Acknowledge: the device takes results for sent.")
    ] = False,
    seconds: Annotated[
        float,
        typer.Option("--for", min=0, help="How long to listen to each speed.", metavar="SECONDS"),
    ] = 10.0,
    as_json: AsJson = False,
    config: Config = DEFAULT,
    calling: Annotated[
        str | None, typer.Option("--aet", help="dicom: our AE title; default: the configured one.")
    ] = None,
) -> None:
    """Says what is wrong with a link and what to change on which side. Exit 1: something is.

    dicom:AET@HOST:PORT asks a DICOM peer what it takes of what we would send it.
    """
    from gateway.cli.doctor import examine

    raise typer.Exit(examine(stream, profile, active, seconds, as_json, config, calling))


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


@held.command("list")
def held_list(config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """What is held, the oldest first."""
    from gateway.cli.held import list_held

    raise typer.Exit(list_held(config, as_json))


@held.command("show")
def held_show(identity: str, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """One held report with its reasons and the exact bytes it was read from."""
    from gateway.cli.held import show_held

    raise typer.Exit(show_held(config, identity, as_json))


Reason = Annotated[str, typer.Option(help="Why; kept in the audit trail.")]


@held.command("release")
def held_release(
    identity: str,
    order: Annotated[
        str, typer.Option(help="The placer number of the order it answers.", metavar="PLACER")
    ] = "",
    reason: Reason = "",
    user: User = None,
    config: Config = DEFAULT,
) -> None:
    """Sends a held report on, in your name; under the order you choose, if it has none."""
    from gateway.cli.held import decide_held

    raise typer.Exit(decide_held(config, "held.release", identity, user, reason, order))


@held.command("discard")
def held_discard(
    identity: str,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")],
    user: User = None,
    config: Config = DEFAULT,
) -> None:
    """Takes a held report out of the queue for good, in your name. Its bytes stay stored."""
    from gateway.cli.held import decide_held

    raise typer.Exit(decide_held(config, "held.discard", identity, user, reason))


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
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")],
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Takes a parked message out of its queue for good, in your name."""
    from gateway.cli.held import cancel_message

    raise typer.Exit(cancel_message(config, identity, reason, user))


@app.command(epilog="Example: gateway resume ehr")
def resume(
    destination: Annotated[str, typer.Argument(help="A destination that was stopped.")],
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Lets a stopped destination send again, once its cause is mended."""
    from gateway.cli.held import resume_destination

    raise typer.Exit(resume_destination(config, destination, user))


Uid = Annotated[str, typer.Argument(help="Study Instance UID.")]
Why = Annotated[str, typer.Option("--reason", help="Why; stands in the audit trail.")]


@studies.command("list", epilog="Example: gateway studies list --unmatched")
def studies_list(
    config: Config = DEFAULT,
    as_json: AsJson = False,
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Only those.")] = False,
) -> None:
    """Studies, the newest first."""
    from gateway.cli.studies import list_studies

    raise typer.Exit(list_studies(config, as_json, unmatched))


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
    reason: Why = "linked",
) -> None:
    """Ties a study to an order."""
    from gateway.cli.studies import link_study

    raise typer.Exit(link_study(config, uid, order, user, reason))


@studies.command("unlink", epilog="Example: gateway studies unlink 1.2.840.1 --reason mistaken")
def studies_unlink(uid: Uid, reason: Why, config: Config = DEFAULT, user: User = None) -> None:
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
    reason: Why,
    to: Annotated[str, typer.Option(help="The destination; not needed if there is one.")] = "",
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Sends a study to a PACS again, under the identity it has now."""
    from gateway.cli.studies import forward_study

    raise typer.Exit(forward_study(config, uid, to, user, reason))


@studies.command("keep", epilog="Example: gateway studies keep 1.2.840.1 --reason complaint")
def studies_keep(
    uid: Uid,
    reason: Why,
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
    reason: Why,
    config: Config = DEFAULT,
    user: User = None,
) -> None:
    """Says whose study it really is; the images stay as they came."""
    from gateway.cli.studies import move_study

    raise typer.Exit(move_study(config, uid, patient, user, reason))
