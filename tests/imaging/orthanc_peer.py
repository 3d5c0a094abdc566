"""Orthanc as an independent peer, started on free ports and ended with the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from services_site import until

ORTHANC = "/usr/sbin/Orthanc"


class Orthanc:
    """``start`` and ``stop`` keep its storage, as a restart does."""

    def __init__(
        self,
        folder: Path,
        dicom: int,
        http: int,
        modality: tuple[str, int],
        more: Mapping[str, Any],
    ) -> None:
        self.dicom = dicom
        self.http = http
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orthanc.json").write_text(
            json.dumps(
                {
                    "Name": "peer",
                    "StorageDirectory": str(folder / "db"),
                    "IndexDirectory": str(folder / "db"),
                    "HttpPort": http,
                    "RemoteAccessAllowed": False,
                    "AuthenticationEnabled": False,
                    "DicomAet": "ORTHANC",
                    "DicomPort": dicom,
                    "DicomCheckCalledAet": False,
                    "DicomModalities": {
                        "gateway": {
                            "AET": modality[0],
                            "Host": "127.0.0.1",
                            "Port": modality[1],
                            "AllowStorageCommitment": True,
                        }
                    },
                    "Plugins": [],
                    "OverwriteInstances": True,
                    "StableAge": 1,
                    "HttpDescribeErrors": True,
                    **more,
                }
            )
        )

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                ORTHANC, str(self._folder / "orthanc.json"), stdout=log, stderr=log
            )
        await until(self._answers)

    async def stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def get(self, path: str) -> Any:
        async with self._client() as client:
            return (await client.get(path)).raise_for_status().json()

    async def post(self, path: str, content: Any) -> Any:
        async with self._client() as client:
            answer = await client.post(
                path, content=content if isinstance(content, bytes) else json.dumps(content)
            )
            return answer.raise_for_status().json()

    async def file(self, identity: str) -> bytes:
        """An instance as it keeps it."""
        async with self._client() as client:
            return (await client.get(f"/instances/{identity}/file")).raise_for_status().content

    async def delete(self, path: str) -> None:
        async with self._client() as client:
            (await client.delete(path)).raise_for_status()

    async def instances(self) -> int:
        return int((await self.get("/statistics"))["CountInstances"])

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.http}", timeout=30)

    async def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, (self._folder / "log").read_text()
        try:
            await self.get("/system")
        except httpx.TransportError:
            return False
        return True


@asynccontextmanager
async def orthanc(
    folder: Path,
    dicom: int,
    http: int,
    modality: tuple[str, int],
    *,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncIterator[Orthanc]:
    """``more`` is added to its configuration."""
    peer = Orthanc(folder, dicom, http, modality, more)
    try:
        await peer.start()
        yield peer
    finally:
        await peer.stop()
