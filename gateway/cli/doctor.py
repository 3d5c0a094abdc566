"""``gateway doctor``: what is wrong with a link, and what to change on which side.

A capture is only looked at.  A stream is looked at first (is the port there, may we open it, who
holds it), then listened to; a serial one at every speed, and with parity, until a whole message
proves one.  Nothing
is sent unless ``active``: then each frame is acknowledged, and the device takes its results for
sent, so everything heard is also written to a transcript in this folder.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from gateway.cli.capture import Ear, Recording
from gateway.cli.captures import known_profile, read_entries
from gateway.cli.private import new_private
from gateway.cli.run import now
from gateway.cli.symptoms import Finding, Symptom, diagnose, legible, whole
from gateway.cli.written import text_findings
from gateway.errors import ConfigurationError
from gateway.notices import LinkState
from gateway.profiles import AnalyzerProfile, catalogue
from gateway.protocols.astm import Spoken, read_wire, said
from gateway.transports import (
    SUBSTITUTE,
    AnyAddress,
    Folder,
    Parity,
    Peer,
    Serial,
    TcpConnect,
    TcpListen,
    configured,
    maintain,
)

_READABLE = 0.9  # of the characters that arrive sound; at a wrong speed hardly any are text
_SOUND = 0.15  # of all; a parity that is not expected damages about half
SPEEDS = (9600, 19200, 38400, 115200, 57600, 4800, 2400, 1200)


def examine(
    stream: str,
    profile: str | None,
    active: bool,
    seconds: float,
    as_json: bool,
    config: Path,
    calling: str | None,
) -> int:
    """1 when something must be changed."""
    if stream.startswith("dicom:"):
        from gateway.cli.dicom_doctor import examine_peer

        return _tell(tuple(examine_peer(stream, config, calling, seconds)), as_json)
    chosen = known_profile(profile) if profile else None
    if Path(stream).is_file():
        entries, _ = read_entries(Path(stream))
        spoken = [entry for entry in entries if isinstance(entry, Spoken)]
        return _tell(_diagnosed(spoken, chosen), as_json)
    try:
        address = configured(stream)
    except ValueError as error:
        raise ConfigurationError([f"STREAM: {error}; and there is no such file"]) from None
    if isinstance(address, Folder):
        from gateway.cli.folder_doctor import examine_folder

        return _tell(tuple(examine_folder(address)), as_json)
    with ExitStack() as stack:
        kept = stack.enter_context(_kept()) if active else None
        findings = tuple(_environment(address)) or asyncio.run(
            _listen(address, chosen, kept, seconds)
        )
    return _tell(findings, as_json)


def _diagnosed(spoken: list[Spoken], profile: AnalyzerProfile | None) -> tuple[Finding, ...]:
    if profile is None:
        found = diagnose(spoken)
    else:
        found = diagnose(spoken, profile.link.dialect, profile.link.protocol)
    if any(finding.fault for finding in found):
        return found
    return (*text_findings(said(spoken), profile), *found)


def _kept() -> TextIO:
    path = Path(f"doctor-{now():%Y%m%d-%H%M%S}.wire")
    file = new_private(path)
    print(f"what is acknowledged is in {path}; it may name patients", file=sys.stderr)
    return file


def _tell(findings: tuple[Finding, ...], as_json: bool) -> int:
    if as_json:
        rows = [
            {"symptom": f.symptom.value, "said": f.said, "advice": f.advice, "fault": f.fault}
            for f in findings
        ]
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{finding.symptom.value}: {finding.said}")
            if finding.advice:
                print("  -> " + finding.advice.replace("\n", "\n     "))
    return int(any(finding.fault for finding in findings))


def _environment(address: AnyAddress) -> Iterator[Finding]:
    """What stands in the way before a byte is heard."""
    if not isinstance(address, Serial) or not isinstance(address.port, str):
        return
    path = Path(address.port)
    if not path.exists():
        there = sorted(p.name for p in Path("/dev/serial/by-id").glob("*"))
        text = f"plug the adapter in; there are: {', '.join(there) or 'none'}"
        yield Finding(Symptom.SILENT, f"{path} is not there", text)
    elif not os.access(path, os.R_OK | os.W_OK):
        text = "sudo usermod -aG dialout $USER, then log in again"
        yield Finding(Symptom.SILENT, f"{path} may not be opened by you", text)
    elif holders := holding(path):
        text = f"end {', '.join(holders)}; a port has one user"
        yield Finding(Symptom.SILENT, f"{path} is held by another program", text)


def holding(path: Path) -> list[str]:
    """Programs that have this port open, as far as we may see."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with suppress(OSError):
            for opened in (process / "fd").iterdir():
                if opened.resolve() == path.resolve():
                    name = (process / "comm").read_text().strip()
                    found.append(f"{name} (process {process.name})")
                    break
    return found


async def _listen(
    address: AnyAddress, profile: AnalyzerProfile | None, kept: TextIO | None, seconds: float
) -> tuple[Finding, ...]:
    print("let the device send one whole result now", file=sys.stderr)
    if isinstance(address, Serial):
        return await _scan(address, profile, kept, seconds)
    states, text = await _hear(address, profile, kept, seconds)
    spoken = _spoken(text)
    told = () if spoken else tuple(_connection(address, states))
    return told or _diagnosed(spoken, profile)


async def _scan(
    address: Serial, profile: AnalyzerProfile | None, kept: TextIO | None, seconds: float
) -> tuple[Finding, ...]:
    """Every speed as 8N1, which shows seven bits as well; then parities beside eight bits at the
    speed that gave most text."""
    speeds = [address.baud, *(speed for speed in SPEEDS if speed != address.baud)]
    best: tuple[float, int, tuple[Finding, ...]] = (-1.0, address.baud, ())
    for speed in speeds:
        states, text = await _hear(replace(address, baud=speed), profile, kept, seconds)
        spoken = _spoken(text)
        if not spoken and (told := tuple(_connection(address, states))):
            return told
        findings = _diagnosed(spoken, profile)
        if whole(spoken):
            return (*_set_otherwise(address, replace(address, baud=speed)), *findings)
        share = _readable(said(spoken)) if spoken else -0.5
        best = max(best, (share, speed, findings), key=lambda one: one[0])
    for parity in (Parity.EVEN, Parity.ODD) if best[0] > _READABLE else ():
        chosen = replace(address, baud=best[1], parity=parity, data_bits=8)
        _, text = await _hear(chosen, profile, kept, seconds)
        if whole(_spoken(text)):
            findings = _diagnosed(_spoken(text), profile)
            return (*_set_otherwise(address, chosen), *findings)
    return best[2]


def _readable(data: bytes) -> float:
    """The share of text among the characters that were not marked as damaged."""
    sound = data.replace(SUBSTITUTE, b"")
    return legible(sound) if len(sound) > _SOUND * len(data) else 0.0


def _spoken(text: str) -> list[Spoken]:
    return [entry for entry in read_wire(text) if isinstance(entry, Spoken)]


def _set_otherwise(address: Serial, right: Serial) -> Iterator[Finding]:
    """What to change, when a line was understood with other settings than it was given with."""
    if right.baud != address.baud:
        advice = f"here: baud={right.baud} in the stream; or on the device: {address.baud}"
        yield Finding(Symptom.WRONG_SPEED, f"the device sends at {right.baud} baud", advice)
    if right.parity != address.parity and right.parity is not Parity.NONE:
        text = f"the device sends {right.data_bits}{right.parity}{right.stop_bits}"
        advice = f"here: parity={right.parity} in the stream; or on the device: no parity"
        yield Finding(Symptom.WRONG_FORMAT, text, advice)


async def _hear(
    address: AnyAddress, profile: AnalyzerProfile | None, kept: TextIO | None, seconds: float
) -> tuple[list[tuple[LinkState, str]], str]:
    """What the line said about itself, and the transcript of what was said on it."""
    heard = Kept(kept)
    recording = Recording(heard)
    states: list[tuple[LinkState, str]] = []

    def connect(_peer: Peer) -> Ear:
        return Ear(recording, (profile or catalogue()["generic-astm"]) if kept else None)

    line = asyncio.create_task(
        maintain(address, connect, observe=lambda state, text: states.append((state, text)))
    )
    await asyncio.wait((line,), timeout=seconds)
    line.cancel()
    with suppress(asyncio.CancelledError):
        await line
    return states, heard.getvalue()


class Kept(io.StringIO):
    """Text that is in a file as well, before anything is answered."""

    def __init__(self, file: TextIO | None) -> None:
        super().__init__()
        self._file = file

    def flush(self) -> None:
        super().flush()
        if self._file is not None:
            self._file.write(self.getvalue()[self._written :])
            self._file.flush()
            self._written = len(self.getvalue())

    _written = 0


def _connection(address: AnyAddress, states: list[tuple[LinkState, str]]) -> Iterator[Finding]:
    """What a silent network link says by how it was opened."""
    failed = [text for state, text in states if state in (LinkState.RETRYING, LinkState.FAILED)]
    if isinstance(address, TcpListen) and not failed:
        if not any(state is LinkState.UP for state, _ in states):
            yield Finding(
                Symptom.SILENT,
                "nobody dialled: if the device waits for calls as well, both listen",
                f"on the device: host address of this machine, port {address.port}; or here: "
                "tcp:DEVICE:PORT, when the device is the server",
            )
    elif isinstance(address, TcpConnect) and not failed:
        yield Finding(
            Symptom.SILENT,
            "the connection stands, and the device says nothing",
            "on the device: switch automatic sending on, or press send. If it was cut off before, "
            "it may still hold the old connection (half-open) and send there: restart its port; "
            "a device server shows how many connections it has and allows",
        )
    elif failed:
        advice = failed[-1]
        if isinstance(address, TcpConnect):
            advice += ". If the device dials as well, both dial: here tcp-listen:0.0.0.0:PORT"
        yield Finding(Symptom.SILENT, "the link cannot be opened", advice)
