"""The demonstration's clinic: what stands in it, on which ports, how the gateway is configured."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.cli.live import Board, DeviceRow
from gateway.cli.run import now
from gateway.profiles import catalogue

ZONE: Final = "Europe/Berlin"
ORDERED: Final = "ordered"
_UNIT: Final = "us-room-1"


@dataclass(frozen=True, slots=True)
class Bench:
    """One simulated analyzer: what it is, what its day is like, how bad its wire is."""

    name: str
    profile: str
    scenario: str
    pause: float
    stream: str
    reach: str
    noisy: bool = False


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listened on a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def served(http: str, spare: int) -> str:
    """Where the API is served: as asked, or on a spare port when somebody else is there."""
    host, _, port = http.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError:
            return f"{host}:{spare}"
    return http


def analyzers(ports: list[int], near: str, far: str) -> tuple[Bench, ...]:
    """``near`` and ``far`` are the ends of the serial line, the gateway's and the analyzer's."""

    def tcp(port: int) -> tuple[str, str]:
        return f"tcp-listen:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}"

    return (
        Bench("haematology", "sysmex-xn-l", "mixed", 4.0, *tcp(ports[0])),
        Bench("chemistry", "erba-xl", "several-specimens", 7.0, *tcp(ports[1]), noisy=True),
        Bench("immunology", "snibe-maglumi", ORDERED, 2.0, *tcp(ports[6])),
        Bench("hba1c-desk", "abbott-afinion-2", "mixed", 5.0, f"serial:{near}", f"serial:{far}"),
    )


def configuration_text(
    benches: tuple[Bench, ...], folder: Path, ports: list[int], site: str
) -> str:
    """The ``gateway.toml`` of the clinic."""
    devices = "".join(
        f'[devices.{b.name}]\nprofile = "{b.profile}"\nstream = "{b.stream}"\n'
        f'orders = "{"required" if b.scenario == ORDERED else "optional"}"\n'
        for b in benches
    )
    return f"""
[gateway]
site = "demo"
timezone = "{ZONE}"
data_dir = "{folder}/data"
processing = "T"
{devices}
[http]
listen = "{site}"

[orders]
listen = "127.0.0.1:{ports[7]}"

[dicom]
listen = "127.0.0.1:{ports[4]}"

[devices.{_UNIT}]
profile = "ultrasound"
ae_title = "VOLUSON"
address = "127.0.0.1/32"

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ports[2]}"
without_patient = "send"
studies = true

[destinations.events]
type = "mqtt"
url = "mqtt://127.0.0.1:{ports[3]}"
protocol = "3.1.1"
"""


def blank_board(benches: tuple[Bench, ...], ports: list[int], folder: Path, site: str) -> Board:
    """What is shown before anything has happened."""
    known = catalogue()
    rows = {
        b.name: DeviceRow(b.name, f"{known[b.profile].vendor} {known[b.profile].model}")
        for b in benches
    }
    rows[_UNIT] = DeviceRow(_UNIT, "ultrasound, GE Voluson S10")
    return Board(
        rows,
        {"ehr": f"mllp 127.0.0.1:{ports[2]}", "events": f"mqtt 127.0.0.1:{ports[3]}"},
        f"Clinic gateway, demonstration (nothing here is real; data in {folder}; Ctrl-C ends it)\n"
        f"API: http://{site}/api/v1/status (any name; the password is in {folder}/data/http.token)",
        clock=now,
    )
