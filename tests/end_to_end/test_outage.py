"""The EHR is away while 10,000 results come in; then it is back: all arrive, in order, once.

And: a serial analyzer over a real pty, a disk that fills up, an EHR that refuses.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clinic import GatewayProcess, gateway, glucose, run_command, until

from gateway.protocols.astm import Dialect, Endings, Timers
from simulators.analyzer import Analyzer
from simulators.ehr import Answer, Ehr
from simulators.pipe import open_pipe
from simulators.ptys import cable

BACKLOG = int(os.environ.get("GATEWAY_BACKLOG", "10000"))
WHOLE = Dialect(endings=Endings.MESSAGE, max_text=60_000, timers=Timers().scaled(0.2))


def configuration(folder: Path, stream: str, ehr: int, data: Path | None = None) -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f"""
[gateway]
site = "outage"
timezone = "UTC"
data_dir = "{data or folder / "data"}"

[devices.bench]
profile = "generic-astm"
stream = "{stream}"
codes = {{ "GLU" = "2345-7" }}

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ehr}"
""",
        encoding="utf-8",
    )
    return path


def memory(process: GatewayProcess) -> int:
    """Resident MiB of the gateway."""
    assert process.process is not None
    status = Path(f"/proc/{process.process.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def specimens(ehr: Ehr) -> list[str]:
    return [
        next(s for s in m.split(b"\r") if s.startswith(b"SPM|")).split(b"|")[2].decode()[1:]
        for m in ehr.inbox.messages
    ]


@pytest.mark.timeout(400)
async def test_ten_thousand_results_wait_for_the_ehr(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device, ehr_port = free_port(), free_port()
    config = configuration(tmp_path, f"tcp-listen:127.0.0.1:{device}", ehr_port)
    async with gateway(config) as process:
        before = memory(process)
        analyzer = Analyzer(WHOLE, lambda: open_pipe(f"tcp:127.0.0.1:{device}"))
        for number in range(BACKLOG):
            await analyzer.send([b"".join(glucose(f"S{number:06d}", "MRN1", f"{number}.5"))])
        await analyzer.aclose()
        status, out, _ = await run_command("status", "--json", "-c", str(config))
        assert status == 0
        assert json.loads(out)["destinations"]["ehr"]["queued"] == BACKLOG
        ehr = Ehr()
        await ehr.listen("127.0.0.1", ehr_port)
        try:
            await until(lambda: ehr.received >= BACKLOG, within=240, what="the backlog")
            grown = memory(process) - before
        finally:
            await ehr.aclose()
    arrived = specimens(ehr)
    assert arrived == [f"S{number:06d}" for number in range(BACKLOG)]
    assert grown < 150, f"{grown} MiB more than at the start"


async def test_a_serial_analyzer_over_a_pty(tmp_path: Path) -> None:
    ehr = Ehr()
    ehr_port = await ehr.listen("127.0.0.1", 0)
    try:
        with cable() as (near, far):
            config = configuration(tmp_path, f"serial:{near}?baud=9600", ehr_port)
            async with gateway(config):
                analyzer = Analyzer(
                    Dialect(timers=Timers().scaled(0.1)),
                    lambda: open_pipe(f"serial:{far}"),
                    retry=0.1,
                )
                await analyzer.send(glucose("S1", "MRN1", "5.50"))
                await until(lambda: ehr.received, what="the EHR's message")
                await analyzer.aclose()
    finally:
        await ehr.aclose()
    assert specimens(ehr) == ["S1"]


async def test_a_refusing_ehr_stops_its_lane_until_a_person_resumes(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device = free_port()
    ehr = Ehr([Answer.AR, Answer.AA])
    ehr_port = await ehr.listen("127.0.0.1", 0)
    config = configuration(tmp_path, f"tcp-listen:127.0.0.1:{device}", ehr_port)

    async def destination() -> dict[str, object]:
        _, out, _ = await run_command("status", "--json", "-c", str(config))
        found: dict[str, object] = json.loads(out)["destinations"]["ehr"]
        return found

    try:
        async with gateway(config):
            analyzer = Analyzer(Dialect(), lambda: open_pipe(f"tcp:127.0.0.1:{device}"))
            for number in range(3):
                await analyzer.send(glucose(f"S{number}", "MRN1", f"{number}.5"))
            await analyzer.aclose()
            await until(lambda: ehr.received, what="the first try")
            stopped = await destination()
            assert stopped["stopped"]
            assert stopped["queued"] == 3
            assert ehr.received == 1
            tester = ("-c", str(config), "--user", "tester")
            status, out, _ = await run_command("resend", "3", *tester)
            why = "it is stopped (answered AR); see 'gateway resume ehr'"
            assert (status, out) == (
                0,
                f"message 3 queued for ehr\n  not sent to ehr yet: {why}\n",
            )
            status, _, err = await run_command("resume", "her", *tester)
            assert status == 2
            assert err == ("gateway: unknown destination 'her'; did you mean 'ehr'? known: ehr\n")
            assert ehr.received == 1
            assert await run_command("resume", "ehr", *tester) == (0, "ehr goes on\n", "")
            await until(lambda: ehr.received == 4, what="the rest")
            assert await run_command("resume", "ehr", *tester) == (0, "ehr was not stopped\n", "")
        status, out, _ = await run_command("resend", "1", *tester)
        assert (status, out.splitlines()[1:]) == (
            0,
            ["  not sent to ehr yet: the gateway does not run"],
        )
        status, _, err = await run_command("resume", "ehr", *tester)
        assert (status, err) == (
            1,
            "gateway: the gateway does not run; start it with 'gateway run'\n",
        )
    finally:
        await ehr.aclose()
    assert specimens(ehr) == ["S0", "S0", "S1", "S2"]
    assert ehr.inbox.messages[0] == ehr.inbox.messages[1]


async def test_a_destination_that_a_person_paused_stays_so_until_it_is_resumed(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device, ehr = free_port(), Ehr([Answer.AA])
    config = configuration(
        tmp_path, f"tcp-listen:127.0.0.1:{device}", await ehr.listen("127.0.0.1", 0)
    )
    tester, why = ("-c", str(config), "--user", "tester"), ("--reason", "new server")

    async def shown() -> tuple[object, object]:
        _, out, _ = await run_command("status", "--json", "-c", str(config))
        found: dict[str, object] = json.loads(out)["destinations"]["ehr"]
        return found["stopped"], found["queued"]

    try:
        async with gateway(config):
            status, _, err = await run_command("pause", "her", *why, *tester)
            assert (status, "did you mean 'ehr'" in err) == (2, True)
            assert (await run_command("pause", "ehr", "--reason", " ", *tester))[0] == 2
            paused = await run_command("pause", "ehr", *why, *tester)
            assert paused == (0, "ehr is paused\n", "")
            analyzer = Analyzer(Dialect(), lambda: open_pipe(f"tcp:127.0.0.1:{device}"))
            await analyzer.send(glucose("S1", "MRN1", "5.5"))
            await analyzer.aclose()
            assert await shown() == ("paused: new server", 1)
        async with gateway(config):
            assert await shown() == ("paused: new server", 1)
            assert ehr.received == 0
            assert await run_command("resume", "ehr", *tester) == (0, "ehr goes on\n", "")
            await until(lambda: ehr.received == 1, what="what waited")
        async with gateway(config):
            assert await shown() == (None, 0)
    finally:
        await ehr.aclose()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own; needs the right to mount."""
    import subprocess

    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.peer
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
async def test_a_full_disk_acknowledges_nothing_and_recovers_by_itself(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device = free_port()
    ehr = Ehr()
    ehr_port = await ehr.listen("127.0.0.1", 0)
    try:
        with small_disk(tmp_path / "disk", "24m") as disk:
            stream = f"tcp-listen:127.0.0.1:{device}"
            config = configuration(tmp_path, stream, ehr_port, disk / "data")
            async with gateway(config):
                analyzer = Analyzer(
                    Dialect(timers=Timers().scaled(0.02)),
                    lambda: open_pipe(f"tcp:127.0.0.1:{device}"),
                    retry=0.2,
                )
                await analyzer.send(glucose("S0", "MRN1", "1.5"))
                await until(lambda: ehr.received == 1, what="the first result")
                filler = disk / "filler"
                await asyncio.to_thread(_fill, filler)

                def noticed() -> bool:
                    return "store.alarm" in config.with_suffix(".log").read_text(encoding="utf-8")

                sending = asyncio.create_task(analyzer.send(glucose("S1", "MRN1", "2.5")))
                await until(noticed, what="the alarm")
                assert not sending.done(), "acknowledged although the disk is full"
                filler.unlink()
                async with asyncio.timeout(60):
                    await sending
                await until(lambda: ehr.received == 2, within=60, what="the second result")
                await analyzer.aclose()
    finally:
        await ehr.aclose()
    assert specimens(ehr) == ["S0", "S1"]


def _fill(path: Path) -> None:
    with path.open("wb") as file:
        block = b"\0" * 65536
        try:
            while True:
                file.write(block)
                file.flush()
        except OSError:
            return
