"""``gateway studies export``: a study as a ZIP with a DICOMDIR, for a stick or a colleague."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from gateway.cli.asking import ask, who
from gateway.config import load
from gateway.errors import ConfigurationError, GatewayError
from gateway.imaging.export import Packing, packing_of, zipped

_PART = ".part"


def export_study(path: Path, uid: str, output: Path, partial: bool, user: str | None) -> int:
    """Writes the file when it is complete, or not at all."""
    configuration = load(path)
    if output.exists():
        raise ConfigurationError([f"{output}: exists already"])
    answer = ask(configuration, "studies.export", uid=uid, partial=partial, user=who(user))
    section = configuration.dicom
    folder = section.archive_dir if section is not None else None
    packing = packing_of(answer, folder or configuration.gateway.data_dir / "archive")
    part = output.with_name(output.name + _PART)
    try:
        asyncio.run(_write(packing, part))
        part.rename(output)
    except OSError as error:
        raise GatewayError(f"{output}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    print(f"{output}: {len(packing.items)} images and a DICOMDIR; it names the patient")
    if answer["missing"]:
        print(f"{answer['missing']} images of the study are not in it", file=sys.stderr)
        return 1
    return 0


async def _write(packing: Packing, part: Path) -> None:
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file, Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("export", total=packing.size)
        async for piece in zipped(packing):
            await asyncio.to_thread(file.write, piece)
            progress.advance(task, len(piece))
        await asyncio.to_thread(os.fsync, file.fileno())
