"""A running gateway keeps only what its configuration needs: the process lists its modules."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = '[gateway]\nsite = "a"\ntimezone = "UTC"\ndata_dir = "data"\n'
LAB = '[devices.x]\nprofile = "vitros"\nstream = "tcp-listen:127.0.0.1:{}"\n'
ULTRASOUND = """
[devices.us]
profile = "ultrasound"
ae_title = "VOLUSON"
address = "127.0.0.1/32"

[dicom]
listen = "127.0.0.1:{}"
"""
FILES = '[destinations.ehr]\ntype = "file"\ndirectory = "out"\n'
NEVER = {"numpy", "PIL", "rich", "typer", "openpyxl", "pynetdicom", "amqtt", "serial"}
CHECKING = {"pydantic", "pydantic_core", "annotated_types"}
WEB = {"fastapi", "starlette", "uvicorn", "prometheus_client", "jinja2"}
BROKER = {"aiomqtt", "paho"}
UNUSED = NEVER | CHECKING | WEB | BROKER | {"pydicom", "serialx"}
PROGRAM = """
import atexit, sys
from pathlib import Path
from gateway.cli import main

def tell():
    loaded = (name for name, module in sys.modules.items() if module is not None)
    Path("modules").write_text("\\n".join(sorted(loaded)))

atexit.register(tell)
main()
"""


async def modules(folder: Path, text: str) -> set[str]:
    """What is loaded at the end of a gateway that was ready."""
    (folder / "gateway.toml").write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "run"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    said = await asyncio.wait_for(process.stdout.readline(), 90)
    process.terminate()
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert said == b"ready\n", errors
    assert process.returncode == 0
    return set((folder / "modules").read_text().split())


@pytest.mark.parametrize("devices", [LAB, ULTRASOUND, LAB + ULTRASOUND], ids=["lab", "us", "both"])
async def test_a_gateway_without_pages_and_broker(
    devices: str, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    ports = [free_port() for _ in range(devices.count("{}"))]
    found = await modules(tmp_path, SITE + devices.format(*ports) + FILES)
    assert found >= {"gateway.app", "gateway.config.sections", "apsw"}
    assert not found & UNUSED
    assert not [name for name in found if name.startswith("hl7apy")]


async def test_pages_and_a_broker_bring_their_own(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    text = (
        SITE
        + LAB.format(free_port())
        + f'[http]\nlisten = "127.0.0.1:{free_port()}"\n'
        + f'[destinations.b]\ntype = "mqtt"\nurl = "mqtt://127.0.0.1:{free_port()}"\n'
    )
    found = await modules(tmp_path, text)
    assert found >= {"fastapi", "pydantic", "aiomqtt"}
    assert not found & (NEVER | {"pydicom"})
