"""WADO-RS (PS3.18 10.4): instances as stored, or in Explicit VR Little Endian for a client that
accepts nothing else.  One that names no transfer syntax gets what is stored; each part says what.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from gateway.archive import Archive, Instance
from gateway.archive.file_meta import file_meta
from gateway.drivers.dicom.services.transcoder import Transcoder
from gateway.errors import Refused
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE
from gateway.web.dicomweb.addresses import INSTANCE, SERIES, STUDY, Shelf
from gateway.web.dicomweb.media import RELATED, Range, accepted
from gateway.web.dicomweb.multipart import closing, opening

_CHUNK: Final = 256 * 1024
_DICOM: Final = "application/dicom"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``syntaxes``: None for whatever is stored; ``bare``: one instance, no multipart body."""

    syntaxes: frozenset[str] | None
    bare: bool

    def syntax(self, stored: str) -> str:
        """In which one an instance goes; 406 when in none."""
        if self.syntaxes is None or stored in self.syntaxes:
            return stored
        if EXPLICIT_LE in self.syntaxes:
            return EXPLICIT_LE
        raise HTTPException(406, f"stored as {stored}, it can be had so or in {EXPLICIT_LE}")


def wanted(ranges: Sequence[Range], *, single: bool) -> Wanted:
    """406 when no DICOM file is."""
    related = [one for one in ranges if one.parts(_DICOM)]
    bare = [one for one in ranges if single and not related and one.covers(_DICOM)]
    if not related and not bare:
        raise HTTPException(406, f'only {RELATED}; type="{_DICOM}" can be had')
    syntaxes = frozenset(one.transfer_syntax for one in related or bare)
    return Wanted(None if syntaxes & {"", "*"} else syntaxes, bool(bare))


def add(router: APIRouter, shelf: Shelf, transcoder: Transcoder) -> None:
    async def answer(request: Request, found: Sequence[Instance], *, single: bool) -> Response:
        asked = wanted(accepted(request), single=single)
        kept = await shelf.whole(found)
        files = Files(shelf, transcoder, [(one, asked.syntax(one.transfer_syntax)) for one in kept])
        first = await files.first()
        if asked.bare:
            return StreamingResponse(files.plainly(first), media_type=_DICOM)
        boundary = secrets.token_hex(16)
        kind = f'{RELATED}; type="{_DICOM}"; boundary={boundary}'
        status = 200 if len(kept) == len(found) else 206
        return StreamingResponse(files.parts(first, boundary), status, media_type=kind)

    @router.get(STUDY)
    async def study_files(request: Request, study: str) -> Response:
        """Every instance of a study."""
        return await answer(request, await shelf.all(study), single=False)

    @router.get(SERIES)
    async def series_files(request: Request, study: str, series: str) -> Response:
        """Every instance of a series."""
        return await answer(request, await shelf.all(study, series), single=False)

    @router.get(INSTANCE)
    async def instance_file(request: Request, study: str, series: str, instance: str) -> Response:
        """One instance."""
        return await answer(request, [await shelf.one(study, series, instance)], single=True)


@dataclass(slots=True)
class _Part10:
    """A file to be given out: ``head``, then what ``file`` holds from where it stands."""

    head: bytes
    file: BinaryIO


class Files:
    """Part 10 files piece by piece, as they lie in the archive, decoded, or with a correction."""

    def __init__(
        self, shelf: Shelf, transcoder: Transcoder, found: Sequence[tuple[Instance, str]]
    ) -> None:
        self._archive: Archive = shelf.archive
        self._outgoing = shelf.outgoing
        self._transcoder = transcoder
        self._found = found

    async def first(self) -> _Part10:
        """Opened before anything is answered: what is wrong with it has a status of its own."""
        try:
            return await self._opened(*self._found[0])
        except Refused as error:
            raise HTTPException(406, error.reason) from None

    async def plainly(self, first: _Part10) -> AsyncIterator[bytes]:
        async for piece in self._pieces(first):
            yield piece

    async def parts(self, first: _Part10, boundary: str) -> AsyncIterator[bytes]:
        for number, (instance, syntax) in enumerate(self._found):
            opened = await self._opened(instance, syntax) if number else first
            yield opening(boundary, f"{_DICOM}; transfer-syntax={syntax}")
            async for piece in self._pieces(opened):
                yield piece
        yield closing(boundary)

    async def _pieces(self, opened: _Part10) -> AsyncIterator[bytes]:
        try:
            if opened.head:
                yield opened.head
            while piece := await self._archive.run(opened.file.read, _CHUNK):
                yield piece
        finally:
            await self._archive.run(opened.file.close)

    async def _opened(self, instance: Instance, syntax: str) -> _Part10:
        if syntax == instance.transfer_syntax:
            content = await self._outgoing.content(instance)
            return _Part10(b"", await self._archive.run(content.open))
        payload = (await self._transcoder.prepared(instance, syntax)).payload
        file = await self._archive.run(payload.open)
        await self._archive.run(file.seek, payload.offset)
        return _Part10(file_meta(instance.sop_class, instance.uid, syntax, ""), file)
