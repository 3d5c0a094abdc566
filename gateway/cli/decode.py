"""``gateway decode``: a capture through link layer, records and profile, offline."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.cli.captures import is_transcript, known_profile, not_bytes_of_a_line
from gateway.config.mistakes import unknown
from gateway.errors import ConfigurationError, GatewayError
from gateway.messages import (
    DESTINATION_PROFILES,
    Envelope,
    NotEncodable,
    control_id,
    encode,
    report_text,
    verify,
)
from gateway.profiles import AnalyzerProfile, Context, Protocol, read_transmission
from gateway.profiles.columns import Meaning, with_columns
from gateway.profiles.encodings import ENCODINGS, written_in
from gateway.profiles.recording import (
    Piece,
    device_pieces,
    ended,
    read_astm_recording,
    read_recording,
    record_lines,
)
from gateway.protocols.astm import Transmission, read_wire
from gateway.protocols.errors import ProtocolError
from gateway.report import Kind, Report

_LIMIT = 256 * 1024 * 1024


def decode_file(
    file: str,
    profile: str,
    form: str,
    tz: str,
    columns: Iterable[str] = (),
    encoding: str | None = None,
) -> int:
    """Prints what is in ``file``; one line on stderr for everything damaged or incomplete."""
    written = written_in(known_profile(profile), _encoding(encoding))
    chosen, zone = with_columns(written, _columns(columns)), _zone(tz)
    if chosen.link.protocol is not Protocol.ASTM:
        return _decode_others(file, chosen, zone, form)
    sound = True
    data = _joined(_pieces(file))
    found = read_astm_recording(data, chosen.link)
    for transmission in found:
        if transmission.complete:
            _print(transmission.text, transmission.checked, chosen, zone, form, file)
        elif not _is_heartbeat(transmission):
            sound = False
            _complain(file, transmission)
    return _outcome(file, chosen, sound=sound, found=bool(found))


def _outcome(file: str, profile: AnalyzerProfile, *, sound: bool, found: bool) -> int:
    """A recording in which nothing was found is no sound one."""
    if not found:
        print(f"{file}: nothing in it that a device of '{profile.name}' sends", file=sys.stderr)
    return 0 if sound and found else 1


def _encoding(name: str | None) -> str | None:
    if name is not None and name not in ENCODINGS:
        raise ConfigurationError([f"--encoding: {unknown('encoding', name, ENCODINGS)}"])
    return name


def _columns(texts: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        heading, _, meaning = text.rpartition("=")
        if not heading or meaning not in set(Meaning):
            known = ", ".join(meaning.value for meaning in Meaning)
            raise ConfigurationError([f"--column {text}: HEADING=MEANING; meanings: {known}"])
        found[heading] = meaning
    return found


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        text = f"--tz: '{name}' is no IANA time zone, e.g. Europe/Berlin"
        raise ConfigurationError([text]) from None


def _decode_others(file: str, profile: AnalyzerProfile, zone: ZoneInfo, form: str) -> int:
    """Languages whose messages are transmissions of their own."""
    sound = True
    pieces = ended(_pieces(file), profile.link)
    found = read_recording(pieces, profile.link)
    for number, one in enumerate(found, 1):
        if one.complete:
            _print(one.payload, one.checked, profile, zone, form, file)
        else:
            sound = False
            print(f"{file}: transmission {number}: {one.reason}", file=sys.stderr)
    # a POCT1-A conversation may hold greetings and events alone; stray bytes in it are damage
    told = profile.link.protocol is Protocol.POCT1A and bool(_joined(pieces).strip())
    return _outcome(file, profile, sound=sound, found=bool(found) or told)


def _joined(pieces: Iterable[Piece]) -> bytes:
    return b"".join(data for data, _ in pieces)


def _pieces(file: str) -> list[Piece]:
    """The device's bytes: of a raw capture, or of a transcript's device lines."""
    try:
        if file == "-":
            data = sys.stdin.buffer.read(_LIMIT + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(_LIMIT + 1)
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise ConfigurationError([f"{file}: {why}"]) from None
    if len(data) > _LIMIT:
        raise GatewayError(f"{file}: larger than {_LIMIT >> 20} MiB")
    if not (file.endswith(".wire") or is_transcript(data)):
        if (instead := not_bytes_of_a_line(data)) is not None:
            raise GatewayError(f"{file}: {instead}")
        return [(data, 0.0)]
    try:
        return device_pieces(read_wire(data.decode("utf-8")))
    except (ProtocolError, UnicodeDecodeError) as error:
        raise GatewayError(f"{file}: not a transcript: {error}") from None


def _is_heartbeat(transmission: Transmission) -> bool:
    return transmission.outcome.value == "heartbeat"


def _complain(file: str, transmission: Transmission) -> None:
    spoiled = [str(finding) for finding in transmission.findings if finding.spoils]
    why = "; ".join(spoiled) or f"{transmission.outcome.value}"
    print(
        f"{file}: transmission at byte {transmission.offset} {transmission.outcome.value}: {why}",
        file=sys.stderr,
    )


def _print(
    payload: bytes,
    checked: bool,
    profile: AnalyzerProfile,
    zone: ZoneInfo,
    form: str,
    file: str,
) -> None:
    if form == "records":
        for line in record_lines(payload, profile):
            print(_visible(line))
        return
    context = Context(
        device_id=profile.name,
        timezone=zone,
        received_at=datetime.now(UTC).astimezone(zone),
        transmission=file,
    )
    reading = read_transmission(payload, profile, context, checked=checked)
    for problem in reading.problems:
        print(f"{file}: {problem.code.value} at {problem.at}", file=sys.stderr)
    for line in _json(reading.reports) if form == "json" else _hl7(reading.reports, file):
        print(line)


def _visible(line: str) -> str:
    """Control characters by their number: a device's text never steers a terminal."""
    return "".join(c if c.isprintable() else f"<{ord(c):02X}>" for c in line)


def _json(reports: Iterable[Report]) -> Iterator[str]:
    for report in reports:
        yield report_text(report)


def _hl7(reports: Iterable[Report], file: str) -> Iterator[str]:
    """Each patient report as the message an EHR would get, a segment a line."""
    target = DESTINATION_PROFILES["oru-2.5.1"]
    for number, report in enumerate(reports, 1):
        for problem in report.problems:
            if problem.hold:
                text = f"report {number} would be held: {problem.code.value} at {problem.at}"
                print(f"{file}: {text}", file=sys.stderr)
        if report.kind is not Kind.PATIENT:
            print(f"{file}: report {number} is {report.kind.value}: no message", file=sys.stderr)
            continue
        envelope = Envelope(control_id(b"", report.id, 0), report.received_at)
        try:
            message = encode(report, envelope, target)
            verify(message, report, envelope, target)
        except NotEncodable as error:
            print(f"{file}: report {number} has no message: {error}", file=sys.stderr)
            continue
        yield message.decode("utf-8").replace("\r", "\n")
