"""The doctor and DICOM peers: what independent ones take, and what stands in the way of others."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    Verification,
)
from typer.testing import CliRunner

from gateway.app import running
from gateway.cli.commands import app
from gateway.config import parse
from gateway.errors import ConfigurationError
from gateway.notices import Noticeboard

HEAD = '[gateway]\nsite = "t"\ntimezone = "UTC"\ndata_dir = "data"\n'


async def doctor(folder: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Its exit status and findings."""
    command = ["doctor", *arguments, "--json", "-c", str(folder / "gateway.toml")]
    done = await asyncio.to_thread(CliRunner().invoke, app, command)
    if isinstance(done.exception, ConfigurationError):
        return 2, []
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done.exit_code, json.loads(done.stdout)


def said(findings: list[dict[str, Any]]) -> str:
    return "\n".join(finding["said"] for finding in findings)


@contextmanager
def storescp(port: int, folder: Path, *options: str) -> Iterator[None]:
    command = ["storescp", *options, "-aet", "DCMTK", "-od", str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as peer:
        try:
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert peer.poll() is None
            yield
        finally:
            peer.terminate()


@contextmanager
def node(
    port: int, *classes: str, syntaxes: list[str] | None = None, **settings: Any
) -> Iterator[None]:
    """A pynetdicom peer called NODE."""
    ae = AE(ae_title="NODE")
    for uid in classes:
        ae.add_supported_context(uid, syntaxes or ["1.2.840.10008.1.2.1"])
    for name, value in settings.items():
        setattr(ae, name, value)
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda _: 0)]
    )
    try:
        yield
    finally:
        server.shutdown()


@pytest.mark.peer
async def test_each_syntax_of_each_class_is_told(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    with storescp(port, tmp_path, "+xa"):
        status, found = await doctor(tmp_path, f"dicom:DCMTK@127.0.0.1:{port}")
    text = said(found)
    assert status == 0, text
    assert "OFFIS_DCMTK" in text
    assert "C-ECHO: answered" in text
    [taken] = [
        f
        for f in found
        if f["said"].startswith("offered US, US Multi-frame, ") and "accepted" in f["said"]
    ]
    assert "Explicit LE" in taken["said"]
    assert "JPEG Baseline" in taken["said"]
    [refused] = [
        f
        for f in found
        if f["said"].startswith("offered US, US Multi-frame, ") and "refused" in f["said"]
    ]
    assert "HTJ2K" in refused["said"]
    assert "decoded before it is sent" in refused["advice"]
    assert "Storage Commitment: refused" in text


@pytest.mark.peer
async def test_a_peer_that_takes_cine_only_as_it_was_made(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, h264 = free_port(), "1.2.840.10008.1.2.4.102"
    with node(
        port, Verification, UltrasoundMultiFrameImageStorage, syntaxes=[h264, "1.2.840.10008.1.2"]
    ):
        _, found = await doctor(tmp_path, f"dicom:NODE@127.0.0.1:{port}")
        assert "offered US Multi-frame as Implicit LE, H.264 4.1; accepted" in said(found)
    with node(port, UltrasoundMultiFrameImageStorage, syntaxes=[h264]):
        status, found = await doctor(tmp_path, f"dicom:NODE@127.0.0.1:{port}")
    assert status == 1
    assert "offered US Multi-frame only as H.264 4.1; accepted" in said(found)
    assert any("in Explicit VR Little Endian at least" in f["advice"] for f in found)
    assert "C-ECHO: verification is not accepted" in said(found)


@pytest.mark.peer
async def test_rejections_in_words(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    with node(port, Verification, require_called_aet=True):
        status, [finding] = await doctor(tmp_path, f"dicom:OTHER@{address}")
        assert (status, finding["symptom"]) == (1, "rejected")
        assert "does not call itself OTHER" in finding["advice"]
    with node(port, Verification, require_calling_aet=["SOMEBODY"]):
        status, [finding] = await doctor(tmp_path, f"dicom:NODE@{address}")
        assert "calling AE title not recognized" in finding["said"]
        assert "enter GATEWAY" in finding["advice"]
        status, found = await doctor(tmp_path, f"dicom:NODE@{address}", "--aet", "SOMEBODY")
        assert "C-ECHO: answered" in said(found)
        assert "it stores nothing" in said(found)
        assert status == 1
    with node(port, Verification, maximum_associations=0):
        status, [finding] = await doctor(tmp_path, f"dicom:NODE@{address}")
        assert "try again" in finding["advice"]


async def test_no_peer_at_all(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    status, [finding] = await doctor(tmp_path, f"dicom:NODE@127.0.0.1:{port}")
    assert (status, finding["symptom"]) == (1, "unreachable")
    assert f"nothing listens on port {port}" in finding["said"]
    status, [finding] = await doctor(tmp_path, "dicom:NODE@no-such-host.invalid:104")
    assert (status, finding["symptom"]) == (1, "unreachable")
    assert "no-such-host.invalid" in finding["said"] + finding["advice"]
    for wrong in ("dicom:NODE", "dicom:@host:104", "dicom:NODE@host:99999"):
        assert await doctor(tmp_path, wrong) == (2, [])


async def test_something_that_speaks_no_dicom(tmp_path: Path) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(web, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        status, [finding] = await doctor(tmp_path, f"dicom:NODE@127.0.0.1:{port}")
    assert (status, finding["symptom"]) == (1, "rejected")
    assert "there is no association" in finding["said"]
    assert "TLS" in finding["advice"]


async def test_a_silent_listener(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        status, [finding] = await doctor(tmp_path, f"dicom:X@127.0.0.1:{port}", "--for", "0.3")
    assert (status, finding["symptom"]) == (1, "rejected")


@pytest.mark.peer
async def test_a_configured_archive_must_commit(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    peer = f'[destinations.pacs]\ntype = "dicom"\naddress = "NODE@127.0.0.1:{port}"\n'
    config = tmp_path / "gateway.toml"
    config.write_text(f'{HEAD}[dicom]\nae_title = "GW7"\n{peer}commitment = true\n')
    classes = (Verification, UltrasoundImageStorage, UltrasoundMultiFrameImageStorage)
    with node(port, *classes, require_calling_aet=["GW7"]):
        status, found = await doctor(tmp_path, f"dicom:NODE@127.0.0.1:{port}")
        [finding] = [f for f in found if f["fault"]]
        assert (status, "Storage Commitment: refused" in finding["said"]) == (1, True)
    with node(port, *classes, StorageCommitmentPushModel):
        status, found = await doctor(tmp_path, f"dicom:NODE@127.0.0.1:{port}")
    assert (status, [f for f in found if f["fault"]]) == (0, [])


async def test_an_unknown_unit_is_told_how_to_be_let_in(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, unit = free_port(), free_port()
    text = f'{HEAD}[dicom]\nlisten = "127.0.0.1:{port}"\n'.replace('"data"', f'"{tmp_path}/data"')
    config = tmp_path / "gateway.toml"
    config.write_text(text)

    def now() -> datetime:
        return datetime.now(UTC)

    def call() -> bool:
        ae = AE(ae_title='NEW"UNIT')
        ae.add_requested_context(Verification)
        association = ae.associate("127.0.0.1", port)
        done = bool(association.is_established and association.send_c_echo().Status == 0)
        association.release()
        return done

    async with running(parse(text, config), notices=Noticeboard(now), clock=now) as parts:
        assert await asyncio.to_thread(call)
        status = await parts.desk.ask("status", {})
        with node(unit, Verification):
            code, found = await doctor(tmp_path, f"dicom:NODE@127.0.0.1:{unit}")
    [caller] = status["imaging"]["unknown_callers"]
    assert (caller["address"], caller["times"]) == ("127.0.0.1", 1)
    added = parse(text + caller["add"].replace("NAME", "us-2"), config)
    assert added.ultrasounds["us-2"].ae_title == 'NEW"UNIT'
    assert (code, found[0]["symptom"]) == (1, "unknown-caller")
    assert found[0]["advice"] == caller["add"]
