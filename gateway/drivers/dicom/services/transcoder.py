"""What of a stored instance goes out: its bytes, or the same made plain by a process of its own,
under the identity its study has.

Decoders have faults and need memory by the gigabyte; neither is to be the gateway's.  What comes
out (``gateway.imaging.transcoding``) lies in a file without a name in the archive's ``incoming``
folder until it is sent.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from gateway.archive import Archive, Instance
from gateway.archive.shelves import PART
from gateway.drivers.dicom.service import Payload
from gateway.errors import Refused
from gateway.imaging.outgoing import Content, Outgoing
from gateway.imaging.transcoding import MISTAKE
from gateway.rendering.process import Unrenderable

SECONDS: Final = 300.0
_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is sent, and under which identity correction; None: as received."""

    payload: Payload
    correction: int | None


class Transcoder:
    """One for all that send from an archive."""

    def __init__(self, archive: Archive, outgoing: Outgoing, *, seconds: float = SECONDS) -> None:
        self._archive = archive
        self._outgoing = outgoing
        self._seconds = seconds
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def prepared(self, instance: Instance, transfer_syntax: str) -> Prepared:
        """The data set as stored, or made into that plain syntax; with its study's correction.
        ``Refused`` if it cannot be."""
        try:
            content = await self._outgoing.content(instance)
            if instance.transfer_syntax == transfer_syntax:
                payload = Payload(content.open, content.start, content.size)
            elif content.correction is None:
                payload = await self._plain(content.stored.path, instance, transfer_syntax)
            else:
                payload = await self._corrected(content, instance, transfer_syntax)
        except Unrenderable as error:
            raise Refused(f"its identity correction cannot be applied: {error}") from None
        except OSError as error:
            raise Refused(f"the stored file cannot be read ({error.strerror})") from None
        return Prepared(payload, content.correction)

    async def _corrected(self, content: Content, instance: Instance, wanted: str) -> Payload:
        """From a file that carries the correction, for as long as the decoder reads it."""
        with tempfile.NamedTemporaryFile(
            dir=self._archive.shelves.incoming, suffix=PART
        ) as carrying:
            await self._archive.run(_copy, content, carrying)
            return await self._plain(Path(carrying.name), instance, wanted)

    async def _plain(self, path: Path, instance: Instance, wanted: str) -> Payload:
        file = await self._archive.run(self._file)
        try:
            async with self._turn, asyncio.timeout(self._seconds):
                await _make(file, path, instance.transfer_syntax, wanted)
            return Payload(lambda: file, 0, os.fstat(file.fileno()).st_size)
        except TimeoutError:
            file.close()
            raise Refused("decoding it took too long") from None
        except BaseException:
            file.close()
            raise

    def _file(self) -> BinaryIO:
        return cast("BinaryIO", tempfile.TemporaryFile(dir=self._archive.shelves.incoming))


def _copy(content: Content, target: IO[bytes]) -> None:
    with content.open() as source:
        shutil.copyfileobj(source, target)
    target.flush()


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
