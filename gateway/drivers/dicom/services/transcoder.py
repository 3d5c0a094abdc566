"""What of a stored instance goes out: its bytes, or the same made plain by a process of its own.

Decoders have faults and need memory by the gigabyte; neither is to be the gateway's.  What comes
out (``gateway.imaging.transcoding``) lies in a file without a name in the archive's ``incoming``
folder until it is sent.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, Final, cast

from gateway.archive import Archive, Instance
from gateway.drivers.dicom.service import Payload
from gateway.errors import Refused
from gateway.imaging.transcoding import MISTAKE

SECONDS: Final = 300.0
_AT_ONCE: Final = 2


class Transcoder:
    """One for all that send from an archive."""

    def __init__(self, archive: Archive, *, seconds: float = SECONDS) -> None:
        self._archive = archive
        self._seconds = seconds
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def payload(self, instance: Instance, transfer_syntax: str) -> Payload:
        """The data set as stored, or made into that plain syntax.  ``Refused`` if it cannot be."""
        path = self._archive.shelves.path(instance.path)
        if instance.transfer_syntax == transfer_syntax:
            return Payload(lambda: path.open("rb"), instance.start, instance.size)
        file = await self._archive.run(self._file)
        try:
            async with self._turn, asyncio.timeout(self._seconds):
                await _make(file, path, instance.transfer_syntax, transfer_syntax)
            return Payload(lambda: file, 0, os.fstat(file.fileno()).st_size)
        except TimeoutError:
            file.close()
            raise Refused("decoding it took too long") from None
        except BaseException:
            file.close()
            raise

    def _file(self) -> BinaryIO:
        return cast("BinaryIO", tempfile.TemporaryFile(dir=self._archive.shelves.incoming))


async def _make(file: BinaryIO, path: Path, stored: str, wanted: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-W", "ignore", "-m", "gateway.imaging.transcoding"),
        *(path, stored, wanted),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=file,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == MISTAKE:
        raise Refused(said.decode(errors="replace").strip())
    if process.returncode:
        raise Refused(f"it cannot be decoded (the decoder ended with {process.returncode})")
