"""An archive that is configured by name, and calls with its commitment reports."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from services_site import site, until
from test_forward_service import Archive, archive, kept, promise

NAME = "pacs.clinic.example"


async def test_it_is_known_when_its_name_is_found_and_by_each_of_its_addresses(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name server was switched on together with the gateway, and answers later."""
    monkeypatch.setattr("gateway.imaging_services.addresses.SOON", 0.05)
    loop, port, peer = asyncio.get_running_loop(), free_port(), Archive()
    look, answers = loop.getaddrinfo, asyncio.Event()

    async def looked_up(host: Any, at: Any, **more: Any) -> Any:
        if host != NAME:
            return await look(host, at, **more)
        if not answers.is_set():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        away = await look("192.0.2.77", at, **more)
        return [*away, *await look("127.0.0.1", at, **more)][:: 1 if at is None else -1]

    monkeypatch.setattr(loop, "getaddrinfo", looked_up)
    pacs = {"type": "dicom", "address": f"PACS@{NAME}:{port}", "commitment": True}
    with archive(port, peer):
        async with site(tmp_path, destinations={"pacs": pacs}) as clinic:
            [uid] = await kept(clinic, 1)
            answers.set()

            async def asked() -> bool:
                return bool(peer.asked)

            await until(asked)
            assert await asyncio.to_thread(promise, clinic.port, peer.asked.pop()) == 0
            assert await clinic.services.forwardings.committed_elsewhere(uid)
