"""The page of a study: for whoever holds its link, until it expires; nobody in the address."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pydicom
import pytest
import pytest_asyncio
from click.testing import Result
from PIL import Image
from test_dicomweb import file_bytes, stow
from typer.testing import CliRunner
from web_site import Clinic, clinic

from gateway.cli.commands import app
from gateway.web.study_links import BadLink, Expired, StudyLinks
from gateway.web.token import load_token

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
DECISION = {"user": "ada", "reason": "for Dr Roe"}


@pytest_asyncio.fixture
async def site(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, free_port, f'[dicom]\nlisten = "127.0.0.1:{free_port()}"') as made:
        yield made


def named(name: str, **values: str) -> bytes:
    read = pydicom.dcmread(io.BytesIO(file_bytes(name)))
    read.StudyInstanceUID = "2.25.7"
    for keyword, value in values.items():
        setattr(read, keyword, value)
    written = io.BytesIO()
    read.save_as(written)
    return written.getvalue()


async def given(site: Clinic) -> str:
    answer = await site.client.post("/api/v1/studies/2.25.7/page", json=DECISION)
    assert answer.status_code == 200, answer.text
    url = str(answer.json()["url"])
    assert url.startswith(f"{site.url}/s/")
    return url.removeprefix(site.url)


async def test_who_holds_the_link_sees_the_study(site: Clinic) -> None:
    person = {"PatientName": "<b>DOE^JANE", "PatientID": "MRN1", "PatientBirthDate": "19700101"}
    await stow(site, named("examples_palette.dcm", **person), named("test-SR.dcm", **person))
    link = await given(site)
    assert not any(text in link for text in ("2.25.7", "MRN1", "DOE"))
    page = await site.stranger.get(link)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "img-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    for told in ("&lt;b&gt;DOE, JANE", "MRN1", "1970-01-01", "<dd>2</dd>", f'"{link[3:]}/1.jpg"'):
        assert told in page.text
    assert "<b>" not in page.text
    assert "DOE" not in page.text.split("</title>")[0]
    picture = await site.stranger.get(f"{link}/1.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(picture.content)).size) <= 1024
    for number in ("0", "01", "2", "0000000010", "-1", "x", "9" * 40):  # a report has no picture
        assert (await site.stranger.get(f"{link}/{number}.jpg")).status_code == 404
    found = (await site.client.get("/api/v1/audit")).json()["entries"]
    told = [(one["actor"], one["action"], one["detail"]) for one in found]
    assert ("ada", "give study page", "for Dr Roe") in told
    assert ("link", "open study page", "from 127.0.0.1") in told


async def test_the_link_opens_nothing_else(site: Clinic) -> None:
    await stow(site, named("examples_palette.dcm"))
    link = await given(site)
    changed = link[:-1] + ("A" if link[-1] != "A" else "B")
    for path in (changed, f"{changed}/1.jpg", "/s/x", "/s/", "/s/%C3%A9"):
        assert (await site.stranger.get(path)).status_code in (401, 404), path
    for path in ("/api/v1/studies", "/dicom-web/studies", f"{link}/x", "/s"):
        assert (await site.stranger.get(path)).status_code in (401, 404), path
    assert (await site.stranger.post(link)).status_code == 401
    unasked = await site.client.post("/api/v1/studies/2.25.7/page", json={"user": "ada"})
    assert unasked.status_code == 409
    nothing = await site.client.post("/api/v1/studies/2.25.8/page", json=DECISION)
    assert nothing.status_code == 404
    assert (
        await site.stranger.post("/api/v1/studies/2.25.7/page", json=DECISION)
    ).status_code == 401


def test_a_link_ends_with_its_time_and_with_its_key() -> None:
    now = NOW

    def links(key: bytes = b"k" * 32) -> StudyLinks:
        return StudyLinks("https://gateway.example/x/", key, 30, lambda: now)

    url = links().of(7)
    base, _, text = url.rpartition("/")
    assert base == "https://gateway.example/x/s"
    assert links().read(text) == 7
    now = NOW + timedelta(days=30) - timedelta(seconds=1)
    assert links().read(text) == 7
    now = NOW + timedelta(days=30)
    with pytest.raises(Expired):
        links().read(text)
    now = NOW
    flipped = text[:5] + ("A" if text[5] != "A" else "B") + text[6:]
    for bad in ("", "x", "é", text[:-1], text + "A", flipped, text.upper()):
        with pytest.raises(BadLink):
            links().read(bad)
    with pytest.raises(BadLink):
        links(b"another").read(text)


async def test_an_expired_link_says_so(site: Clinic) -> None:
    await stow(site, named("examples_palette.dcm"))
    key = load_token(site.parts.store.engine.directory / "http.token").derived("study page")
    link = StudyLinks("", key, 1, lambda: datetime.now(UTC) - timedelta(days=2)).of(1)
    answer = await site.stranger.get(link)
    assert answer.status_code == 410
    assert "expired" in answer.json()["error"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


async def test_the_command_gives_the_same_link(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    more = f'[dicom]\nlisten = "127.0.0.1:{port}"'
    async with clinic(tmp_path, free_port, more) as site:
        await stow(site, named("examples_palette.dcm"))
        text = (
            f'[gateway]\nsite = "test"\ntimezone = "Europe/Berlin"\ndata_dir = "{tmp_path}/data"\n'
        )
        config = tmp_path / "gateway.toml"
        config.write_text(f'{text}[http]\naddress = "{site.url}"\npage_days = 2\n')
        asked = ("studies", "page", "2.25.7", "--reason", "x", "--user", "ada", "-c", str(config))
        done = await asyncio.to_thread(run, *asked)
        assert done.exit_code == 0, done.output
        link, told = done.output.splitlines()
        assert told == "for 2 days, to whoever has it; the page names the patient"
        assert (await site.stranger.get(link.removeprefix(site.url))).status_code == 200
        config.write_text(text)
        done = await asyncio.to_thread(run, *asked)
        assert "no [http] section" in str(done.exception)
