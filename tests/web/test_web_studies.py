"""Studies over HTTP and by command, and a token file that must not be used."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import Result
from test_dicomweb import file_bytes, related
from typer.testing import CliRunner
from web_site import Clinic, clinic

from gateway.cli.commands import app
from gateway.config import load
from gateway.errors import ConfigurationError, StreamUnavailable
from gateway.imaging.forwarding import Forwardings
from gateway.orders import patients
from gateway.orders.model import Identifier, Person
from gateway.rendering.process import Renderer, Unrenderable
from gateway.web.server import Site, _listener, serving
from gateway.web.token import load_token


@pytest_asyncio.fixture
async def site(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Clinic]:
    dicom = f'[dicom]\nlisten = "127.0.0.1:{free_port()}"\n'
    async with clinic(tmp_path, free_port, dicom) as made:
        body, head = related([file_bytes("examples_palette.dcm")])
        answer = await made.client.post("/dicom-web/studies", content=body, headers=head)
        assert answer.status_code == 200
        yield made


async def test_a_study_is_listed_shown_and_cannot_be_linked_to_nothing(site: Clinic) -> None:
    [study] = (await site.client.get("/api/v1/studies?state=unmatched")).json()
    place = f"/api/v1/studies/{study['uid']}"
    shown = (await site.client.get(place)).json()
    assert shown["series"][0]["instances"] == 1
    assert shown["suggestions"] == []
    asked = {"order": "NONE", "user": "ada"}
    assert (await site.client.post(f"{place}/link", json=asked)).status_code == 409
    assert (await site.client.post(f"{place}/link", json={"user": "ada"})).status_code == 422
    assert (await site.client.post("/api/v1/studies/9/link", json=asked)).status_code == 404
    reason = {"reason": "r", "user": "ada"}
    assert (await site.client.post(f"{place}/unlink", json=reason)).status_code == 409
    moving = {**reason, "patient_id": "NOBODY"}
    assert (await site.client.post(f"{place}/move", json=moving)).status_code == 409


async def test_the_commands_show_the_same(site: Clinic, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(f'[gateway]\nsite = "t"\ntimezone = "UTC"\ndata_dir = "{tmp_path}/data"\n')
    [study] = (await site.client.get("/api/v1/studies")).json()

    async def command(*arguments: str) -> tuple[int, str]:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "studies", *arguments, "-c", str(config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"},
        )
        out, _ = await running.communicate()
        return int(running.returncode or 0), out.decode()

    status, told = await command("list")
    assert (status, study["uid"] in told) == (0, True)
    status, told = await command("show", study["uid"])
    assert (status, "1 images, unmatched" in told) == (0, True)
    status, told = await command("link", study["uid"], "NONE", "--user", "ada")
    assert (status, "no such order" in told) == (1, True)
    status, told = await command("forward", study["uid"], "--reason", "r", "--user", "ada")
    assert (status, "of type dicom there are: none" in told) == (1, True)
    out = tmp_path / "study.zip"
    status, told = await command("export", study["uid"], "-o", str(out), "--user", "ada")
    assert (status, "1 images and a DICOMDIR" in told) == (0, True)
    with zipfile.ZipFile(out) as made:
        assert min(made.namelist()) == "DICOMDIR"
    assert (out.stat().st_mode & 0o777, list(tmp_path.glob("*.part"))) == (0o600, [])
    status, told = await command("export", study["uid"], "-o", str(out), "--user", "ada")
    assert (status, "exists already" in told) == (2, True)


async def test_what_is_in_quarantine_is_listed_copied_and_closed(
    site: Clinic, tmp_path: Path
) -> None:
    other = file_bytes("examples_palette.dcm").replace(b"OB^^^^", b"OC^^^^")
    body, head = related([other])
    refused = await site.client.post("/dicom-web/studies", content=body, headers=head)
    assert refused.status_code == 409
    [case] = (await site.client.get("/api/v1/quarantine")).json()
    assert case["reason"] == "conflict"
    place = f"/api/v1/quarantine/{case['id']}/close"
    assert (await site.client.post(place, json={"user": "ada"})).status_code == 409
    missing = {"user": "ada", "reason": "seen"}
    assert (await site.client.post("/api/v1/quarantine/99/close", json=missing)).status_code == 404
    config, out = tmp_path / "gateway.toml", tmp_path / "copy.dcm"
    config.write_text(f'[gateway]\nsite = "t"\ntimezone = "UTC"\ndata_dir = "{tmp_path}/data"\n')

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["quarantine", *arguments, "-c", str(config)])

    listed = await asyncio.to_thread(command, "list")
    assert (listed.exit_code, "conflict" in listed.output) == (0, True)
    wrong = await asyncio.to_thread(command, "save", "abc", "-o", str(out))
    assert isinstance(wrong.exception, ConfigurationError)
    copied = ("save", str(case["id"]), "-o", str(out), "--user", "ada")
    saved = await asyncio.to_thread(command, *copied)
    assert (saved.exit_code, out.read_bytes()[-5000:]) == (0, other[-5000:])
    assert out.stat().st_mode & 0o777 == 0o600
    closed = ("close", str(case["id"]), "--reason", "sent twice", "--user", "ada")
    assert (await asyncio.to_thread(command, *closed)).exit_code == 0
    assert (await site.client.get("/api/v1/quarantine")).json() == []
    entries = (await site.client.get("/api/v1/audit")).json()["entries"]
    done = {(e["actor"], e["action"]) for e in entries}
    assert {("ada", "save quarantine"), ("ada", "close quarantine")} <= done


async def test_a_study_is_exported_in_somebody_s_name(site: Clinic) -> None:
    [study] = (await site.client.get("/api/v1/studies")).json()
    place = f"/api/v1/studies/{study['uid']}/export"
    assert (await site.client.get(place)).status_code == 409
    assert (await site.stranger.get(place, params={"user": "ada"})).status_code == 401
    assert (await site.client.get("/api/v1/studies/9/export?user=ada")).status_code == 404
    answer = await site.client.get(place, params={"user": "ada"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as made:
        assert made.testzip() is None
        [image] = [name for name in made.namelist() if name != "DICOMDIR"]
        assert made.read(image).endswith(file_bytes("examples_palette.dcm")[-100_000:])
    entries = (await site.client.get("/api/v1/audit")).json()["entries"]
    assert ("ada", "export study") in {(e["actor"], e["action"]) for e in entries}
    assert site.parts.modalities is not None
    index = site.parts.modalities.archive.index
    [instance] = await index.instances(study["uid"])
    await index.checked(instance, sound=False)
    refused = await site.client.get(place, params={"user": "ada"})
    assert (refused.status_code, "damaged" in refused.text) == (409, True)


def test_a_token_others_may_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "token"
    load_token(file)
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="may be read by others"):
        load_token(file)
    file.write_text("short")
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match="fewer than"):
        load_token(file)


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "clinic.example"])
def test_beyond_this_machine_only_with_a_certificate(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="certificate_file"):
        _listener(Site(f"{host}:0", tmp_path / "token"))
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\nsite = "t"\ntimezone = "UTC"\ndata_dir = "d"\n[http]\nlisten = "{host}:8080"\n'
    )
    with pytest.raises(ConfigurationError, match="certificate_file"):
        load(config)


async def test_a_decoder_that_takes_too_long_or_too_much_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(file_bytes("examples_rgb_color.dcm"))
    asked = {
        "verb": "picture",
        "path": str(file),
        "frame": 1,
        "window": None,
        "cut": [],
        "view": [],
        "size": [],
        "format": "png",
        "quality": 90,
    }
    with pytest.raises(Unrenderable, match="too long"):
        await Renderer(seconds=0.01).look(asked)
    with pytest.raises(Unrenderable):
        await Renderer(memory=48 * 1024 * 1024).look(asked)
    file.write_bytes(b"no dicom")
    with pytest.raises(Unrenderable, match="decoded"):
        await Renderer().look(asked)


async def test_a_port_or_certificate_that_cannot_be_used_is_told(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with clinic(tmp_path, free_port) as site:
        taken = Site(f"127.0.0.1:{site.port}", tmp_path / "token")
        store = site.parts.store
        with pytest.raises(StreamUnavailable, match="cannot listen"):
            async with serving(taken, site.parts.desk.ask, site.notices, store):
                pass
        file = tmp_path / "no.pem"
        file.write_text("nothing")
        broken = Site("127.0.0.1:0", tmp_path / "token", file, file)
        with pytest.raises(ConfigurationError, match="certificate"):
            async with serving(broken, site.parts.desk.ask, site.notices, store):
                pass


async def test_what_a_pacs_took_and_promised_is_counted(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    more = f'[dicom]\nlisten = "127.0.0.1:{free_port()}"'
    async with clinic(tmp_path, free_port, more) as site:
        body, head = related([file_bytes("examples_rgb_color.dcm"), file_bytes("test-SR.dcm")])
        await site.client.post("/dicom-web/studies", content=body, headers=head)
        forwardings = Forwardings(site.parts.store.engine)
        for number in (1, 2):
            await forwardings.sent("pacs", number, "1.2.840.10008.1.2.1", None)
        await site.parts.store.engine.write(
            lambda c: c.execute("UPDATE forwardings SET state = 'committed' WHERE instance = 1").get
        )
        told = (await site.client.get("/metrics")).text
        for state, count in (("sent", 1), ("committed", 1), ("asked", 0), ("refused", 0)):
            line = f'gateway_images_forwarded{{destination="pacs",state="{state}"}} {count}.0'
            assert line in told
        status = (await site.client.get("/api/v1/status")).json()
        assert status["imaging"]["forwarded"]["pacs"]["committed"] == 1


async def test_what_takes_two_people_is_noted_first(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    more = f'[dicom]\nlisten = "127.0.0.1:{free_port()}"\nfour_eyes = true'
    person = Person((Identifier("MRN7"),), "ROE^ANN", "1970-01-01", "F")
    async with clinic(tmp_path, free_port, more) as site:
        body, head = related([file_bytes("examples_palette.dcm")])
        await site.client.post("/dicom-web/studies", content=body, headers=head)
        await site.parts.store.engine.write(lambda c: patients.register(c, person, 1))
        [study] = (await site.client.get("/api/v1/studies")).json()
        config = tmp_path / "gateway.toml"
        config.write_text(
            f'[gateway]\nsite = "t"\ntimezone = "UTC"\ndata_dir = "{tmp_path}/data"\n'
        )
        asked = ("studies", "move", study["uid"], "MRN7", "--reason", "x", "--user", "ada")
        noted = await asyncio.to_thread(CliRunner().invoke, app, [*asked, "-c", str(config)])
        assert (noted.exit_code, noted.output[:6]) == (0, "noted;")
        place, move = f"/api/v1/studies/{study['uid']}/move", {"patient_id": "MRN7", "reason": "x"}
        for user, status in (("ada", 202), ("bob", 200)):
            answer = await site.client.post(place, json={**move, "user": user})
            assert answer.status_code == status
