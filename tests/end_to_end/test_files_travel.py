"""A simulated analyzer drops files; the gateway takes them, archives them and delivers once."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from pathlib import Path

from clinic import gateway, run_command, until
from openpyxl import Workbook

CONFIG = """
[gateway]
site = "clinic-a"
timezone = "Europe/Berlin"
data_dir = "./data"

[devices.immunoassay]
profile = "file-drop"
stream = "file:./incoming?settle=1"
columns = { "ID" = "specimen" }
codes = { "GLU" = "2345-7", "CREA" = "2160-0", "CRP" = "1988-5" }

[destinations.drop]
type = "file"
directory = "./outgoing"
without_patient = "send"
"""


def workbook() -> bytes:
    book = Workbook()
    assert book.active is not None
    book.active.append(["ID", "Test", "Result", "Unit"])
    book.active.append(["26X0001", "CRP", 5.4, "mg/L"])
    book.active["C2"].number_format = "0.00"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def simulated(folder: Path, count: int) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "analyzer", "--profile", "file-drop"),
        *("--to", f"file:{folder}", "--count", str(count), "--seed", "3"),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    return await process.wait()


async def test_files_are_taken_once_and_delivered(tmp_path: Path) -> None:
    config, incoming, out = tmp_path / "g.toml", tmp_path / "incoming", tmp_path / "outgoing"
    config.write_text(CONFIG, encoding="utf-8")
    incoming.mkdir()
    sheet = workbook()

    def sent() -> list[str]:
        return [path.read_text(encoding="utf-8") for path in sorted(out.glob("*.hl7"))]

    async with gateway(config):
        assert await simulated(incoming, 2) == 0
        (incoming / "DOE JANE.xlsx").write_bytes(sheet)
        await until(lambda: len(sent()) == 3, what="three messages")
        await until(lambda: not (incoming / "DOE JANE.xlsx").exists(), what="the move")
    (shown,) = [message for message in sent() if "26X0001" in message]
    assert "OBX|1|NM|1988-5" in shown
    assert "|5.40|mg/L" in shown
    assert {path.read_bytes() for path in (incoming / "archive").glob("*.xlsx")} == {sheet}
    async with gateway(config):
        (incoming / "again.xlsx").write_bytes(sheet)
        await until(lambda: not (incoming / "again.xlsx").exists(), what="the second move")
        status, text, _ = await run_command("status", "--json", "-c", str(config))
    assert status == 0
    assert len(sent()) == 3
    assert "DOE" not in config.with_suffix(".log").read_text(encoding="utf-8") + text
    assert len(list((incoming / "archive").glob("*.xlsx"))) == 2


async def test_a_table_is_read_offline_with_columns_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"ID;Konz.;Test\r\n26S1;5.4;GLU\r\n")
    file = str(tmp_path / "r.csv")
    decode = ("decode", file, "--profile", "file-drop", "--as", "json")
    status, out, err = await run_command(*decode)
    assert (status, out) == (0, "")
    assert "malformed-record at headings" in err
    status, out, _ = await run_command(
        *decode, "--column", "ID=specimen", "--column", "Konz.=value"
    )
    assert status == 0
    assert '"id":"26S1"' in out.replace(" ", "")
    status, _, err = await run_command(*decode, "--column", "ID=thing")
    assert status == 2
    assert "meanings: specimen" in err
