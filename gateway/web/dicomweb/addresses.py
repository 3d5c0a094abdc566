"""What an address of the archive names: a study, a series, an instance, frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request
from starlette.exceptions import HTTPException

from gateway.archive import Archive, Instance
from gateway.archive.sweep import GONE
from gateway.imaging.correction import correction_of
from gateway.imaging.outgoing import Outgoing
from gateway.rendering.process import Renderer
from gateway.store import Engine

STUDY: Final = "/studies/{study}"
SERIES: Final = STUDY + "/series/{series}"
INSTANCE: Final = SERIES + "/instances/{instance}"


class Shelf:
    """Finds what an address names; 404 when there is nothing."""

    def __init__(self, archive: Archive, engine: Engine, renderer: Renderer) -> None:
        self.archive = archive
        self._engine = engine
        self.outgoing = Outgoing(archive, engine, renderer)

    async def correction(self, study: str) -> dict[str, Any] | None:
        """What is to be changed on the way out."""
        found = await self._engine.read(lambda c: correction_of(c, study))
        return None if found is None else found.instruction()

    def here(self, found: Sequence[Instance]) -> Sequence[Instance]:
        """Those whose files can be given back; 410 when there is none."""
        kept = [one for one in found if one.state not in GONE]
        if not kept:
            raise HTTPException(410, "its files are not here any more; a PACS keeps them")
        return kept

    async def whole(self, found: Sequence[Instance]) -> Sequence[Instance]:
        """Those whose files are as they came, as far as is known; 410 when there is none."""
        sound = [one for one in self.here(found) if one.state == "stored"]
        kept = [one for one in sound if await self.outgoing.whole(one)]
        if not kept:
            raise HTTPException(410, "its files are damaged or missing; see 'gateway status'")
        return kept

    async def all(self, study: str, series: str | None = None) -> Sequence[Instance]:
        found = await self.archive.index.instances(study, series)
        if not found:
            raise HTTPException(404, "there is nothing by that UID")
        return found

    async def one(self, study: str, series: str, instance: str) -> Instance:
        for found in await self.archive.index.instances(study, series):
            if found.uid == instance:
                return self.here([found])[0]
        raise HTTPException(404, "there is no such instance")

    def path(self, instance: Instance) -> str:
        return str(self.archive.shelves.path(instance.path))


def address(request: Request, study: str, series: str = "", instance: str = "") -> str:
    """The absolute address of a resource, below the name it was asked for by."""
    parts = (("studies", study), ("series", series), ("instances", instance))
    tail = "".join(f"/{name}/{uid}" for name, uid in parts if uid)
    return f"{str(request.base_url).rstrip('/')}/dicom-web{tail}"


def pictured(found: Sequence[Instance]) -> Sequence[Instance]:
    """Those with a picture that is here."""
    return [one for one in found if one.rows and one.state not in GONE]


def frame_numbers(text: str) -> list[int]:
    """From 1, as an address has them."""
    each = text.split(",")
    if len(each) > 1000 or not all(e.isascii() and e.isdigit() and 0 < len(e) < 8 for e in each):
        raise HTTPException(400, "frames are numbers from 1, joined by commas")
    return [int(number) for number in each]
