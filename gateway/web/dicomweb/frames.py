"""WADO-RS frames and bulk data (PS3.18 10.4.1.1.5 and 6): as stored, or decoded where a client asks
for nothing but plain pixels.

What says no transfer syntax is Explicit VR Little Endian (8.7.3.5.2): ``application/octet-stream``
alone means decoded pixels, with ``transfer-syntax=*`` also what is stored.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from gateway.archive import Instance
from gateway.protocols.dicom.transfer_syntaxes import DEFLATED_LE, EXPLICIT_LE, IMPLICIT_LE
from gateway.rendering.process import Renderer
from gateway.web.dicomweb.addresses import INSTANCE, Shelf, frame_numbers
from gateway.web.dicomweb.media import RELATED, Range, accepted, covers
from gateway.web.dicomweb.multipart import closing, opening

_OCTETS: Final = "application/octet-stream"
_PLAIN: Final = frozenset({IMPLICIT_LE, EXPLICIT_LE, DEFLATED_LE})
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1.2.840.10008.1.2.4.50": "image/jpeg",
        "1.2.840.10008.1.2.4.51": "image/jpeg",
        "1.2.840.10008.1.2.4.57": "image/jpeg",
        "1.2.840.10008.1.2.4.70": "image/jpeg",
        "1.2.840.10008.1.2.4.80": "image/jls",
        "1.2.840.10008.1.2.4.81": "image/jls",
        "1.2.840.10008.1.2.4.90": "image/jp2",
        "1.2.840.10008.1.2.4.91": "image/jp2",
        "1.2.840.10008.1.2.4.201": "image/jphc",
        "1.2.840.10008.1.2.4.202": "image/jphc",
        "1.2.840.10008.1.2.4.203": "image/jphc",
        "1.2.840.10008.1.2.5": "image/dicom-rle",
    }
)
_ELEMENT: Final = re.compile(r"[0-9A-F]{8}(\.[0-9]{1,5}\.[0-9A-F]{8}){0,7}")
PIXELS: Final = "7FE00010"


@dataclass(frozen=True, slots=True)
class Choice:
    """``kind`` of each frame; ``syntax`` where it has to be said; ``bare``: no multipart body."""

    kind: str
    syntax: str = ""
    decoded: bool = False
    bare: bool = False

    @property
    def label(self) -> str:
        return f"{self.kind}; transfer-syntax={self.syntax}" if self.syntax else self.kind


def choice(ranges: Sequence[Range], stored: str, *, single: bool) -> Choice:
    """How frames in that transfer syntax go out; 406 when it is no way that is wanted."""
    kind, syntax = _KINDS.get(stored, _OCTETS), "" if stored in _PLAIN else stored
    for one in ranges:
        bare = not one.covers(RELATED)
        wanted = str(one.parameters.get("type", "*/*")).lower() if not bare else one.kind
        if bare and not (single and (one.covers(kind) or one.covers(_OCTETS))):
            continue
        if _as_stored(one, wanted, kind, stored):
            return Choice(kind, syntax, bare=bare)
        if covers(wanted, _OCTETS) and one.transfer_syntax in ("", EXPLICIT_LE):
            return Choice(_OCTETS, decoded=True, bare=bare)
    raise HTTPException(406, f"frames are {kind} here, or {_OCTETS} when decoded")


def _as_stored(one: Range, wanted: str, kind: str, stored: str) -> bool:
    if one.transfer_syntax in ("*", stored):
        return covers(wanted, kind) or wanted == _OCTETS
    if one.transfer_syntax:
        return one.transfer_syntax == EXPLICIT_LE and stored in _PLAIN and wanted != kind
    return covers(wanted, kind) and (wanted != _OCTETS or stored in _PLAIN)


def add(router: APIRouter, shelf: Shelf, renderer: Renderer) -> None:
    async def answer(request: Request, found: Instance, numbers: Sequence[int]) -> Response:
        single = len(numbers) == 1
        chosen = choice(accepted(request), found.transfer_syntax, single=single)
        asked = {"verb": "frames", "path": shelf.path(found), "numbers": list(numbers)}
        frames = await renderer.look({**asked, "decoded": chosen.decoded})
        if chosen.bare:
            return Response(frames[0], media_type=chosen.label)
        return _related(frames, chosen.kind, chosen.label)

    @router.get(INSTANCE + "/frames/{numbers}")
    async def frames(
        request: Request, study: str, series: str, instance: str, numbers: str
    ) -> Response:
        """Frames; numbers from 1, joined by commas."""
        found = await shelf.one(study, series, instance)
        return await answer(request, found, frame_numbers(numbers))

    @router.get(INSTANCE + "/bulk/{element}")
    async def bulk(
        request: Request, study: str, series: str, instance: str, element: str
    ) -> Response:
        """Where the metadata's BulkDataURI points: all frames, or another long value."""
        found = await shelf.one(study, series, instance)
        if element == PIXELS:
            return await answer(request, found, ())
        if not _ELEMENT.fullmatch(element):
            raise HTTPException(404, "there is no such value")
        asked = {"verb": "bulk", "path": shelf.path(found), "element": element}
        ranges = accepted(request)
        if not any(one.parts(_OCTETS) or one.covers(_OCTETS) for one in ranges):
            raise HTTPException(406, f"only {_OCTETS} can be had")
        values = await renderer.look(asked)
        if not any(one.parts(_OCTETS) for one in ranges):
            return Response(values[0], media_type=_OCTETS)
        return _related(values, _OCTETS, _OCTETS)


def _related(parts: Sequence[bytes], kind: str, label: str) -> Response:
    boundary = secrets.token_hex(16)
    body = b"".join(opening(boundary, label) + part for part in parts) + closing(boundary)
    return Response(body, media_type=f'{RELATED}; type="{kind}"; boundary={boundary}')
