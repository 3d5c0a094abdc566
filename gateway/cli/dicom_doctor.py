"""``gateway doctor dicom:AET@HOST:PORT``: one DICOM peer, from the cable to the single context."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.cli import dicom_findings as findings
from gateway.cli.dicom_findings import Kind
from gateway.cli.symptoms import Finding
from gateway.config import Configuration, DicomDestination, load
from gateway.control import NotRunning, ask_running
from gateway.delivery.tls import client_context
from gateway.drivers.dicom import Remote
from gateway.drivers.dicom.probe import (
    BASIC,
    Answered,
    Unconnected,
    ask,
    ask_for_reports,
    connect,
    is_unknown_name,
    storage_contexts,
)
from gateway.errors import ConfigurationError
from gateway.imaging_services import tls_files

PREFIX: Final = "dicom:"
_ADDRESS: Final = re.compile(r"([^@\\]{1,16})@(\[[0-9A-Fa-f:.]+\]|[^:@\s\[\]]+):(\d{1,5})")
_DEFAULT: Final = "GATEWAY"


@dataclass(frozen=True, slots=True)
class Patient:
    """Whom to examine, and as whom.  ``commitment`` and ``reports``: the configuration counts on
    them."""

    remote: Remote
    calling: str
    kind: Kind = Kind.UNKNOWN
    commitment: bool = False
    reports: bool = False


def examine_peer(text: str, config: Path, calling: str | None, seconds: float) -> list[Finding]:
    """ConfigurationError for an address that is none."""
    match = _ADDRESS.fullmatch(text.removeprefix(PREFIX))
    if match is None or not 0 < int(match[3]) < 65536:
        form = "dicom:AET@HOST:PORT, AET of 1 to 16 characters, PORT 1 to 65535"
        raise ConfigurationError([f"'{text}' is no peer; write {form}"])
    configuration = load(config) if config.is_file() else None
    remote = Remote(match[1].strip(), match[2].strip("[]"), int(match[3]))
    chosen = _chosen(remote, configuration, calling)
    print(f"{chosen.remote}, called as {chosen.calling}", file=sys.stderr)
    found = list(_strangers(configuration, remote))
    return found + asyncio.run(_examined(chosen, seconds))


def _chosen(remote: Remote, configuration: Configuration | None, calling: str | None) -> Patient:
    """As the configuration has the peer, where it has it."""
    if configuration is None or configuration.dicom is None:
        return Patient(remote, calling or _DEFAULT)
    ours = calling or configuration.dicom.ae_title
    for destination in configuration.destinations.values():
        if isinstance(destination, DicomDestination) and destination.address == str(remote):
            context = client_context(tls_files(destination)) if destination.tls else None
            found = Remote(remote.ae_title, remote.host, remote.port, context)
            return Patient(found, ours, Kind.ARCHIVE, commitment=destination.commitment)
    for unit in configuration.ultrasounds.values():
        if (unit.ae_title, unit.port) == (remote.ae_title, remote.port):
            return Patient(remote, ours, Kind.UNIT, reports=True)
    return Patient(remote, ours)


async def _examined(patient: Patient, seconds: float) -> list[Finding]:
    remote, calling = patient.remote, patient.calling
    try:
        await connect(remote, seconds)
    except Unconnected as error:
        cause = error.__cause__
        unknown = is_unknown_name(cause)
        return [findings.unconnected(cause, remote.host, remote.port, unknown)]
    first = await ask(remote, calling, BASIC, seconds=seconds)
    if first.refused is not None and first.negotiation is None:
        return [findings.refused(first.refused, remote.ae_title, calling)]
    told = list(findings.established(first))
    stored: list[Answered] = []
    for contexts in storage_contexts():
        answer = await ask(remote, calling, contexts, seconds=seconds)
        stored.append(answer)
        if answer.refused is not None and answer.negotiation is None:
            told.append(findings.refused(answer.refused, remote.ae_title, calling))
            break
    told.extend(findings.storage(stored, patient.kind))
    if patient.kind is not Kind.UNIT:
        told.append(findings.commitment(first, patient.commitment))
    if patient.kind is not Kind.ARCHIVE:
        reports = await ask_for_reports(remote, calling, seconds=seconds)
        told.append(findings.reports(reports, patient.reports))
    return told


def _strangers(configuration: Configuration | None, remote: Remote) -> Iterator[Finding]:
    """What our own node, if it runs, has seen of the peer."""
    if configuration is None:
        return
    try:
        status: Mapping[str, Any] = ask_running(configuration.gateway.data_dir, "status", {})
    except NotRunning:
        return
    callers: Sequence[Mapping[str, Any]] = (status.get("imaging") or {}).get("unknown_callers", ())
    yield from findings.strangers(callers, _address(remote.host), remote.ae_title)


def _address(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None)[0][4][0])
    except OSError:
        return host
