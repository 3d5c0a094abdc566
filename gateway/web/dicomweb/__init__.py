"""DICOMweb (PS3.18): QIDO-RS, WADO-RS and STOW-RS over the image archive.

Stored bytes go out as they came in, except where an identity correction says otherwise; what must
be looked into is looked into by ``gateway.rendering``.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from gateway.archive import Archive, Filed
from gateway.drivers.dicom.services.transcoder import Transcoder
from gateway.rendering.process import Renderer
from gateway.store import Engine
from gateway.web.dicomweb import frames, metadata, query, rendered, retrieve, store
from gateway.web.dicomweb.addresses import Shelf


def routes(archive: Archive, engine: Engine, filed: Callable[[Filed], None]) -> APIRouter:
    """``filed`` hears of everything STOW-RS stored."""
    router = APIRouter(tags=["dicom-web"])
    query.add(router, engine)
    renderer = Renderer()
    shelf = Shelf(archive, engine, renderer)
    retrieve.add(router, shelf, Transcoder(archive, shelf.outgoing))
    metadata.add(router, shelf, renderer)
    frames.add(router, shelf, renderer)
    rendered.add(router, shelf, renderer)
    store.add(router, archive, filed)
    return router
