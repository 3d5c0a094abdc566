"""A study that was moved to another patient, on every way out of a whole gateway; and damage."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydicom import Dataset, dcmread
from pynetdicom import AE, build_role, evt
from services_site import UNIT, now, until
from stills import ULTRASOUND, Still, still

from gateway.app import Running, running
from gateway.config.shape import shaped
from gateway.notices import Noticeboard
from gateway.orders import patients
from gateway.orders.model import Identifier, Person
from gateway.store.moments import to_micros

EXPLICIT = "1.2.840.10008.1.2.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY, SERIES = "2.25.1", "2.25.1.1"
ADA = {"user": "ada", "reason": "wrong row of the worklist"}


@dataclass
class Pacs:
    got: list[Dataset] = field(default_factory=list)

    def store(self, event: Any) -> int:
        self.got.append(event.dataset)
        return 0


@contextmanager
def listening(pacs: Pacs, port: int) -> Iterator[None]:
    ae = AE(ae_title="PACS")
    ae.add_supported_context(ULTRASOUND, EXPLICIT)
    handlers = [(evt.EVT_C_STORE, pacs.store)]
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield
    finally:
        server.shutdown()


@dataclass(frozen=True)
class Clinic:
    parts: Running
    client: httpx.AsyncClient

    @property
    def port(self) -> int:
        assert self.parts.modalities is not None
        return self.parts.modalities.port

    async def patient(self, number: str, name: str) -> None:
        person = Person((Identifier(number, "EHR", "MR"),), name, "1980-02-03", "F")
        at = to_micros(now())
        await self.parts.store.engine.write(lambda c: patients.register(c, person, at))

    async def move(self, number: str) -> dict[str, Any]:
        place = f"/api/v1/studies/{STUDY}/move"
        answer = await self.client.post(place, json={**ADA, "patient_id": number})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@asynccontextmanager
async def clinic(folder: Path, pacs: int, http: int, **pacs_more: Any) -> AsyncIterator[Clinic]:
    chosen = shaped(
        {
            "gateway": {"site": "clinic", "timezone": "Europe/Berlin", "data_dir": folder},
            "http": {"listen": f"127.0.0.1:{http}"},
            "devices": {
                "us-room-2": {"profile": "ultrasound", "ae_title": UNIT, "address": "127.0.0.1/32"}
            },
            "dicom": {"listen": "127.0.0.1:0"},
            "destinations": {
                "pacs": {"type": "dicom", "address": f"PACS@127.0.0.1:{pacs}", **pacs_more}
            },
        }
    )
    async with running(chosen, notices=Noticeboard(now), clock=now) as parts:
        head = {"authorization": f"Bearer {(folder / 'http.token').read_text().strip()}"}
        url = f"http://127.0.0.1:{http}"
        async with httpx.AsyncClient(base_url=url, headers=head, timeout=60) as client:
            yield Clinic(parts, client)


def sends(port: int, *images: Still) -> None:
    ae = AE(ae_title=UNIT)
    ae.add_requested_context(ULTRASOUND, EXPLICIT)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    for image in images:
        assert association.send_c_store(image.content).Status == 0
    association.release()


def wanted() -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel, found.StudyInstanceUID = "STUDY", STUDY
    return found


def by_get(port: int) -> list[Dataset]:
    unit = Pacs()
    ae = AE(ae_title=UNIT)
    ae.add_requested_context(GET)
    ae.add_requested_context(ULTRASOUND, EXPLICIT)
    role = build_role(ULTRASOUND, scp_role=True)
    handlers = [(evt.EVT_C_STORE, unit.store)]
    association = ae.associate("127.0.0.1", port, ext_neg=[role], evt_handlers=handlers)
    assert [s.Status for s, _ in association.send_c_get(wanted(), GET)][-1] == 0
    association.release()
    return unit.got


def by_move(port: int, pacs: Pacs) -> list[Dataset]:
    before = len(pacs.got)
    ae = AE(ae_title=UNIT)
    ae.add_requested_context(MOVE)
    association = ae.associate("127.0.0.1", port)
    assert [s.Status for s, _ in association.send_c_move(wanted(), "PACS", MOVE)][-1] == 0
    association.release()
    return pacs.got[before:]


def parts_of(answer: httpx.Response) -> list[bytes]:
    mark = answer.headers["content-type"].rpartition("boundary=")[2].encode()
    return [p.split(b"\r\n\r\n", 1)[1] for p in answer.content.split(b"\r\n--" + mark)[1:-1]]


async def by_wado(site: Clinic) -> list[Dataset]:
    answer = await site.client.get(f"/dicom-web/studies/{STUDY}")
    assert answer.status_code == 200
    return [dcmread(io.BytesIO(part)) for part in parts_of(answer)]


async def by_metadata(site: Clinic) -> list[Dataset]:
    answer = await site.client.get(f"/dicom-web/studies/{STUDY}/metadata")
    return [Dataset.from_json(one, lambda _: b"") for one in answer.json()]


async def by_zip(site: Clinic) -> list[Dataset]:
    answer = await site.client.get(f"/api/v1/studies/{STUDY}/export", params={"user": "ada"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as made:
        names = [name for name in made.namelist() if name != "DICOMDIR"]
        return [dcmread(io.BytesIO(made.read(name))) for name in names]


def corrected(found: Dataset) -> tuple[str, str, str]:
    """Whose it is, and whose it was."""
    [entry] = found.OriginalAttributesSequence
    assert entry.ModifyingSystem == "GATEWAY"
    [before] = entry.ModifiedAttributesSequence
    return found.PatientID, str(found.PatientName), before.PatientID


async def test_the_right_name_on_every_way(tmp_path: Path, free_port: Callable[[], int]) -> None:
    pacs, port, count = Pacs(), free_port(), 3
    images = [still(number) for number in range(1, count + 1)]
    with listening(pacs, port):
        async with clinic(tmp_path / "data", port, free_port()) as site:
            await site.patient("MRN7", "ROE^MARY")
            await asyncio.to_thread(sends, site.port, *images[:2])

            async def forwarded() -> bool:
                return len(pacs.got) == 2

            await until(forwarded)
            moved = await site.move("MRN7")
            assert moved["outdated_at"] == ["pacs"]
            await asyncio.to_thread(sends, site.port, images[2])

            async def third() -> bool:
                return len(pacs.got) == 3

            await until(third)
            assert corrected(pacs.got[2]) == ("MRN7", "ROE^MARY", "TEST-1")
            place = f"/api/v1/studies/{STUDY}/forward"
            answer = await site.client.post(place, json={**ADA, "to": "pacs"})
            assert answer.status_code == 200, answer.text

            async def anew() -> bool:
                return len(pacs.got) == 3 + count

            await until(anew)
            ways = {
                "forward": pacs.got[3:],
                "C-GET": await asyncio.to_thread(by_get, site.port),
                "C-MOVE": await asyncio.to_thread(by_move, site.port, pacs),
                "WADO-RS": await by_wado(site),
                "metadata": await by_metadata(site),
                "ZIP": await by_zip(site),
            }
    expected = [("MRN7", "ROE^MARY", "TEST-1")] * count
    assert {way: [corrected(one) for one in found] for way, found in ways.items()} == dict.fromkeys(
        ways, expected
    )


async def test_a_study_moved_while_its_images_arrive_is_moved_whole(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Whatever went to the PACS before the word is known to be outdated there, nothing else."""
    pacs, port, count = Pacs(), free_port(), 12
    images = [still(number) for number in range(1, count + 1)]
    with listening(pacs, port):
        async with clinic(tmp_path / "data", port, free_port()) as site:
            await site.patient("MRN7", "ROE^MARY")
            await asyncio.to_thread(sends, site.port, images[0])
            sending = asyncio.create_task(asyncio.to_thread(sends, site.port, *images[1:]))
            await site.move("MRN7")
            await sending

            async def all_there() -> bool:
                return len(pacs.got) == count

            await until(all_there)
            assert site.parts.modalities is not None
            forwardings = site.parts.modalities.services.forwardings

            async def noted() -> bool:
                [state] = await forwardings.of_study(STUDY)
                return state.instances == count

            await until(noted)
            [state] = await forwardings.of_study(STUDY)
            files = await by_wado(site)
    assert [one.PatientID for one in files] == ["MRN7"] * count
    assert [one.PatientID for one in pacs.got].count("TEST-1") == state.outdated


async def test_a_study_without_one_of_its_files_comes_without_it(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    images = [still(number) for number in (1, 2, 3)]
    async with clinic(tmp_path / "data", free_port(), free_port(), devices=[]) as site:
        await asyncio.to_thread(sends, site.port, *images)
        assert site.parts.modalities is not None
        archive = site.parts.modalities.archive
        one, two, _ = await archive.index.instances(STUDY)
        path = archive.shelves.path(one.path)
        path.write_bytes(path.read_bytes()[:-10])
        await archive.index.checked(two, sound=False)
        answer = await site.client.get(f"/dicom-web/studies/{STUDY}")
        assert answer.status_code == 206
        [left] = parts_of(answer)
        assert left.endswith(images[2].data_set)
        for image in images[:2]:
            place = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{image.uid}"
            assert (await site.client.get(place)).status_code == 410
