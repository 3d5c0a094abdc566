"""STOW-RS (PS3.18 10.5): the same way onto disk as C-STORE, and as late an answer.

Parts are streamed into the archive; a part whose head is no Part 10 file is refused and the rest
goes on.  200 when everything is stored, 202 when some is, 409 when nothing is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.archive import Archive, Filed, Header, Offered, Reception, Verdict
from gateway.archive.file_meta import PREAMBLE, read_file_meta
from gateway.errors import StoreError, StoreFull
from gateway.protocols.dicom import is_valid_uid
from gateway.web.dicomweb.addresses import address
from gateway.web.dicomweb.attributes import RETRIEVE_URL
from gateway.web.dicomweb.multipart import BadMultipart, Begin, Data, End, Reader, boundary_of
from gateway.web.dicomweb.query import JSON

PARTS: Final = 1000
_HEAD: Final = 64 * 1024
_NO_ROOM, _MISMATCH, _UNREADABLE = 0xA700, 0xA900, 0xC000
_CONFLICT, _FAILED = 0x0111, 0x0110
_REASONS: Final = {
    Verdict.CONFLICT: _CONFLICT,
    Verdict.MISMATCH: _MISMATCH,
    Verdict.UNREADABLE: _UNREADABLE,
}


@dataclass(slots=True)
class Outcome:
    """What the answer lists."""

    stored: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    studies: set[str] = field(default_factory=set)

    def take(self, request: Request, part: Part) -> None:
        offered, header = part.offered, part.header
        item: dict[str, Any] = {}
        if offered is not None:
            item["00081150"] = {"vr": "UI", "Value": [offered.sop_class_uid]}
            item["00081155"] = {"vr": "UI", "Value": [offered.sop_instance_uid]}
        if part.reason is not None:
            item["00081197"] = {"vr": "US", "Value": [part.reason]}
            self.failed.append(item)
        elif header is not None:
            self.studies.add(address(request, header.study_uid))
            uids = header.study_uid, header.series_uid, header.sop_instance_uid
            item[RETRIEVE_URL] = {"vr": "UR", "Value": [address(request, *uids)]}
            self.stored.append(item)

    def answer(self) -> JSONResponse:
        body: dict[str, Any] = {RETRIEVE_URL: {"vr": "UR"}}
        if len(self.studies) == 1:
            body[RETRIEVE_URL]["Value"] = list(self.studies)
        if self.failed:
            body["00081198"] = {"vr": "SQ", "Value": self.failed}
        if self.stored:
            body["00081199"] = {"vr": "SQ", "Value": self.stored}
        reasons = {item["00081197"]["Value"][0] for item in self.failed}
        if not self.failed:
            status = 200 if self.stored else 400
        elif self.stored:
            status = 202
        else:
            status = 503 if reasons <= {_NO_ROOM, _FAILED} else 409
        return JSONResponse(body, status, media_type=JSON)


class Part:
    """One instance on its way in."""

    def __init__(self, archive: Archive, study: str | None, host: str) -> None:
        self._archive = archive
        self._study = study
        self._host = host
        self._head = bytearray()
        self._reception: Reception | None = None
        self.offered: Offered | None = None
        self.header: Header | None = None
        self.reason: int | None = None

    async def take(self, data: bytes) -> None:
        if self.reason is not None:
            return
        if self._reception is None:
            self._head += data
            data = self._begun()
        if self._reception is not None and data:
            try:
                await self._run(_take, self._reception, data)
            except StoreError as error:
                self.reason = _NO_ROOM if isinstance(error, StoreFull) else _FAILED

    async def conclude(self) -> Filed | None:
        """Files it; ``reason`` tells what kept it out."""
        if self._reception is None and self.reason is None:
            self.reason = _UNREADABLE
        if self._reception is None or self.reason is not None:
            return None
        try:
            return await self._filed(self._reception)
        except StoreError as error:
            self.reason = _NO_ROOM if isinstance(error, StoreFull) else _FAILED
            return None

    async def discard(self) -> None:
        if self._reception is not None:
            await self._archive.run(self._reception.discard)

    def _begun(self) -> bytes:
        """The data set's first bytes, once the head of the file is there."""
        meta = _meta(bytes(self._head))
        if meta is None:
            if len(self._head) > _HEAD:
                self.reason = _UNREADABLE
            return b""
        values, start = meta
        sop_class, uid, syntax = (values.get(element, "") for element in (0x0002, 0x0003, 0x0010))
        if not all(map(is_valid_uid, (sop_class, uid, syntax))):
            self.reason = _UNREADABLE
            return b""
        self.offered = Offered(sop_class, uid, syntax, None, "STOW-RS", host=self._host)
        self._reception = self._archive.receive(self.offered)
        rest = bytes(self._head[start:])
        self._head.clear()
        return rest

    async def _filed(self, reception: Reception) -> Filed | None:
        await self._run(reception.complete)
        arrived = reception.arrived()
        self.header = header = arrived.header
        if self._study is not None and (header is None or header.study_uid != self._study):
            await self._archive.run(reception.discard)
            self.reason = _MISMATCH
            return None
        self._reception = None  # the row may be written from here on: the file stays
        filed = await self._archive.file(arrived)
        self.reason = _REASONS.get(filed.verdict)
        return filed

    async def _run(self, call: Callable[..., None], *arguments: object) -> None:
        """In a thread of the archive; waited for when the request is given up meanwhile, so that
        nothing is discarded while it is written."""
        doing = asyncio.ensure_future(self._archive.run(call, *arguments))
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait({doing})
            raise


def _take(reception: Reception, data: bytes) -> None:
    """In a thread of the archive."""
    pieces = [memoryview(data)]
    reception.digest(pieces)
    reception.write(pieces)


def add(router: APIRouter, archive: Archive, filed: Callable[[Filed], None]) -> None:
    async def take(request: Request, study: str | None) -> JSONResponse:
        boundary = boundary_of(request.headers.get("content-type", ""))
        if boundary is None:
            raise HTTPException(415, 'send multipart/related; type="application/dicom"')
        host = request.client.host if request.client else ""
        return (await _received(request, Reader(boundary), archive, study, host, filed)).answer()

    @router.post("/studies")
    async def store(request: Request) -> JSONResponse:
        """Stores instances of any study."""
        return await take(request, None)

    @router.post("/studies/{study}")
    async def store_study(request: Request, study: str) -> JSONResponse:
        """Stores instances of this study only."""
        return await take(request, study)


async def _received(
    request: Request,
    reader: Reader,
    archive: Archive,
    study: str | None,
    host: str,
    filed: Callable[[Filed], None],
) -> Outcome:
    outcome, part = Outcome(), None
    try:
        async for chunk in request.stream():
            for event in reader.feed(chunk):
                match event:
                    case Begin():
                        if len(outcome.stored) + len(outcome.failed) >= PARTS:
                            raise HTTPException(413, f"more than {PARTS} parts")
                        part = Part(archive, study, host)
                    case Data(data) if part is not None:
                        await part.take(data)
                    case End() if part is not None:
                        done = await part.conclude()
                        if done is not None:
                            filed(done)
                        outcome.take(request, part)
                        part = None
                    case _:
                        pass
    finally:
        if part is not None:
            await part.discard()
    if not reader.over:
        raise BadMultipart("the body ends before its closing boundary")
    return outcome


def _meta(head: bytes) -> tuple[dict[int, str], int] | None:
    """The file meta group, once it is whole; the sender's preamble is not looked at."""
    if len(head) < len(PREAMBLE):
        return None
    try:
        return read_file_meta(PREAMBLE[:128] + head[128:])
    except ValueError:
        return None
