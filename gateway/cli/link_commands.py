"""The commands that work on a line or on what was recorded from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import DEFAULT, AsJson, Config, User

links = typer.Typer()


@links.command(epilog="Example: gateway capture tcp-listen:127.0.0.1:4001 -o first-day.wire")
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


@links.command("import-livd", epilog="Example: gateway import-livd vendor.xlsx --device chemistry")
def import_livd_(
    file: Annotated[Path, typer.Argument(help="A LIVD table: CSV, XLSX or JSON.")],
    device: Annotated[str, typer.Option(help="The device's name in the configuration.")] = "NAME",
    model: Annotated[str | None, typer.Option(help="Only lines of this model.")] = None,
) -> None:
    """A vendor's LIVD table as codes for a device. Exit 1 when something is left to decide."""
    from gateway.cli.import_livd import import_livd

    raise typer.Exit(import_livd(file, device, model))


@links.command(epilog="Example: gateway scrub first-day.wire -o clean.wire --profile erba-xl")
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


@links.command(epilog="Example: gateway spy serial:/dev/ttyUSB0 serial:/dev/ttyUSB1 -o day.wire")
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


@links.command(epilog="Example: gateway tape haematology -o yesterday.wire")
def tape(
    device: Annotated[str, typer.Argument(help="The device's name in the configuration.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The transcript to write.")],
    user: User = None,
    config: Config = DEFAULT,
) -> None:
    """The last megabyte of a line of the running gateway, as a transcript."""
    from gateway.cli.tape import save_tape

    raise typer.Exit(save_tape(device, output, user, config))


@links.command(
    "profile-wizard", epilog="Example: gateway profile-wizard first-day.wire -o profiles"
)
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


@links.command(epilog="Example: gateway doctor serial:/dev/ttyUSB0 --profile sysmex-xp-300")
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
