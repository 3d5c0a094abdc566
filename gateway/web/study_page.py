"""The page of one study behind a link that somebody was given: whose it is and its pictures.

The link is the right to look; each look stands in the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from gateway.archive import Archive, Instance, Study
from gateway.names import name_parts
from gateway.rendering.process import Renderer
from gateway.web.dicomweb.addresses import pictured
from gateway.web.dicomweb.views import View, drawn
from gateway.web.parts import Parts
from gateway.web.study_links import PATH, BadLink, Expired, StudyLinks

_MOST: Final = 200
_VIEW: Final = View(size=(1024, 1024))
_POLICY: Final = "default-src 'none'; img-src 'self'; frame-ancestors 'none'"


def routes(parts: Parts, archive: Archive, links: StudyLinks) -> APIRouter:
    router, renderer = APIRouter(include_in_schema=False), Renderer()

    @router.get(PATH + "{link}")
    async def page(request: Request, link: str) -> HTMLResponse:
        """The page."""
        study = await _study(parts, archive, links, link)
        host = request.client.host if request.client else ""
        await parts.ask("studies.looked", {"uid": study.uid, "host": host})
        pictures = await _pictured(archive, study)
        text = "\n".join(_lines(study, link, len(pictures)))
        return HTMLResponse(text, headers={"content-security-policy": _POLICY})

    @router.get(PATH + "{link}/{number}.jpg")
    async def picture(link: str, number: str) -> Response:
        """One of its pictures, by number from 1."""
        study = await _study(parts, archive, links, link)
        pictures = await _pictured(archive, study)
        if number not in map(str, range(1, len(pictures) + 1)):
            raise HTTPException(404, "there is no such picture")
        path = str(archive.shelves.path(pictures[int(number) - 1].path))
        asked = {**drawn(_VIEW, "jpeg"), "path": path, "frame": "middle"}
        [image] = await renderer.look(asked)
        return Response(image, media_type="image/jpeg")

    return router


async def _study(parts: Parts, archive: Archive, links: StudyLinks, link: str) -> Study:
    try:
        number = links.read(link)
    except BadLink as error:
        raise HTTPException(404, str(error)) from None
    except Expired as error:
        raise HTTPException(410, str(error)) from None
    uid = await parts.engine.read(
        lambda c: c.execute("SELECT uid FROM studies WHERE id = ?", (number,)).get
    )
    study = await archive.index.study(str(uid), corrected=True)
    if study is None:
        raise HTTPException(404, "there is no such study any more")
    return study


async def _pictured(archive: Archive, study: Study) -> Sequence[Instance]:
    return pictured(await archive.index.instances(study.uid))[:_MOST]


def _lines(study: Study, link: str, pictures: int) -> Iterator[str]:
    """The title names nobody: browsers keep it."""
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">\n<title>Imaging study</title>'
    yield "</head>\n<body>\n<h1>Imaging study</h1>\n<dl>"
    for term, text in _facts(study):
        if text:
            yield f"<dt>{term}</dt><dd>{escape(text)}</dd>"
    yield f"<dt>Images</dt><dd>{study.instances}</dd>\n</dl>"
    for number in range(1, pictures + 1):
        source = f"{escape(link)}/{number}.jpg"
        yield f'<p><img src="{source}" alt="image {number}" loading="lazy"></p>'
    yield "</body>\n</html>"


def _facts(study: Study) -> Iterator[tuple[str, str]]:
    family, given = (*name_parts(study.patient_name), "", "")[:2]
    yield "Patient", ", ".join(part for part in (family, given) if part)
    yield "Patient ID", study.patient_id
    yield "Born", _day(study.birth_date)
    yield "Date", _day(study.study_date)
    yield "Accession number", study.accession
    yield "Description", study.description


def _day(date: str) -> str:
    digits = date.replace(".", "")
    whole = len(digits) == 8 and digits.isdigit()
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if whole else date
