"""Doctor and spy on live streams: real sockets, real processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.cli.doctor import holding
from gateway.protocols.astm import Direction, encode_frame, read_capture, read_wire, said

ROOT = Path(__file__).parents[2]
RECORDS = (r"H|\^&|||DEMO", "P|1|MRN1", "O|1|26S1", "R|1|^^^GLU|5.4|mmol/L||||F", "L|1|N")
FRAMES = [encode_frame(n, f"{text}\r".encode()) for n, text in enumerate(RECORDS, 1)]

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def device(talk: Talk) -> AsyncIterator[int]:
    """A device that is the server."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def gateway(*arguments: str, folder: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert b"Traceback" not in err, err.decode()
    return process.returncode or 0, out.decode()


async def asks_and_sends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for piece in (b"\x05", *FRAMES):
        writer.write(piece)
        assert await reader.readexactly(1) == b"\x06"
    writer.write(b"\x04")


async def asks_for_ever(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x05\x05\x05")


async def test_an_active_doctor_takes_a_message_and_keeps_it(tmp_path: Path) -> None:
    async with device(asks_and_sends) as port:
        arguments = ("doctor", f"tcp:127.0.0.1:{port}", "--active", "--for", "2")
        status, out = await gateway(*arguments, folder=tmp_path)
    assert (status, out.split(":")[0]) == (0, "sound")
    (kept,) = tmp_path.glob("doctor-*.wire")
    assert kept.stat().st_mode & 0o077 == 0
    (one,) = read_capture(said(read_wire(kept.read_text(encoding="utf-8")), Direction.DEVICE))
    assert one.complete


async def test_a_listening_doctor_sends_nothing(tmp_path: Path) -> None:
    async with device(asks_for_ever) as port:
        status, out = await gateway(
            "doctor", f"tcp:127.0.0.1:{port}", "--for", "1", folder=tmp_path
        )
    assert (status, out.split(":")[0]) == (1, "no-answer")
    assert list(tmp_path.iterdir()) == []


HL7 = b"\x0bMSH|^~\\&|X|L|||20260105||ORU^R01|77|P|2.5.1\rOBR|1||S1\rOBX|1|NM|GLU||5|g/L\r\x1c\r"


async def test_a_capture_answers_in_the_device_s_language(tmp_path: Path) -> None:
    got: list[bytes] = []

    async def sends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HL7)
        got.append(await reader.readuntil(b"\x1c\r"))

    async with device(sends) as port:
        arguments = ("capture", f"tcp:127.0.0.1:{port}", "-o", "x.wire", "--profile", "generic-hl7")
        status, _ = await gateway(*arguments, "--answer", "--for", "2", folder=tmp_path)
    assert status == 0
    assert b"MSA|AA|77" in got[0]
    entries = read_wire((tmp_path / "x.wire").read_text(encoding="utf-8"))
    assert said(entries, Direction.DEVICE) == HL7
    assert said(entries, Direction.HOST) == got[0]


async def test_a_doctor_of_a_connection_that_says_nothing(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with device(silent) as port:
        status, out = await gateway(
            "doctor", f"tcp:127.0.0.1:{port}", "--for", "1", folder=tmp_path
        )
    assert (status, out.split(":")[0]) == (1, "silent")
    assert "half-open" in out


async def test_a_doctor_of_a_device_server_that_is_taken(tmp_path: Path) -> None:
    async def full(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with device(full) as port:
        status, out = await gateway(
            "doctor", f"tcp:127.0.0.1:{port}", "--for", "1", folder=tmp_path
        )
    assert (status, out.split(":")[0]) == (1, "silent")
    assert "takes one connection" in out


async def test_a_spy_hears_both_wires(tmp_path: Path) -> None:
    async def asks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x05")

    async def answers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x06")

    async with device(asks) as one, device(answers) as other:
        streams = (f"tcp:127.0.0.1:{one}", f"tcp:127.0.0.1:{other}")
        arguments = ("spy", *streams, "-o", "day.wire", "--for", "1.5")
        status, _ = await gateway(*arguments, folder=tmp_path)
    assert status == 0
    entries = read_wire((tmp_path / "day.wire").read_text(encoding="utf-8"))
    assert said(entries, Direction.DEVICE) == b"\x05"
    assert said(entries, Direction.HOST) == b"\x06"


def test_who_holds_a_port(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.touch()
    code = f"f = open({str(port)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        assert any(f"process {holder.pid})" in one for one in holding(port))
        holder.communicate(b"\n", timeout=30)
    assert holding(port) == []
