"""The HTTP API on a real socket: who may, what is answered, how it stops."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from web_site import Clinic, clinic, until

from gateway.notices import FrameRefused, Heard


@pytest_asyncio.fixture
async def site(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, free_port) as made:
        yield made


ROUTES = (
    ("GET", "/api/v1/status"),
    ("GET", "/api/v1/devices"),
    ("GET", "/api/v1/reports"),
    ("GET", "/api/v1/reports/x"),
    ("POST", "/api/v1/reports/x/move"),
    ("GET", "/api/v1/qc"),
    ("POST", "/api/v1/qc/release"),
    ("GET", "/api/v1/held"),
    ("POST", "/api/v1/held/1/release"),
    ("POST", "/api/v1/held/1/discard"),
    ("GET", "/api/v1/deliveries"),
    ("POST", "/api/v1/deliveries/1/resend"),
    ("GET", "/api/v1/orders"),
    ("GET", "/api/v1/orders/1"),
    ("GET", "/api/v1/patients"),
    ("GET", "/api/v1/patients/1"),
    ("GET", "/api/v1/studies"),
    ("GET", "/api/v1/studies/1.2"),
    ("POST", "/api/v1/studies/1.2/link"),
    ("GET", "/api/v1/books"),
    ("GET", "/api/v1/audit"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/dicom-web/studies"),
    ("POST", "/dicom-web/studies"),
    ("GET", "/nothing"),
)


async def test_nothing_is_answered_without_the_token(site: Clinic) -> None:
    wrong = ("", "Bearer x", "Basic !!!", "Basic eDp5", f"Digest {site.token}", "Bearer")
    for method, path in ROUTES:
        for header in wrong:
            head = {"authorization": header} if header else {}
            answer = await site.stranger.request(method, path, headers=head, content=b"{")
            assert answer.status_code == 401, (method, path, header)
            assert answer.json()["error"]
            assert "www-authenticate" in answer.headers


async def test_the_token_works_as_bearer_and_as_password(site: Clinic) -> None:
    basic = base64.b64encode(f"ada:{site.token}".encode()).decode()
    for header in (f"Bearer {site.token}", f"bearer {site.token}", f"Basic {basic}"):
        answer = await site.stranger.get("/api/v1/status", headers={"authorization": header})
        assert answer.status_code == 200
    assert (await site.client.get("/api/v1/status")).json()["site"] == "test"


async def test_the_token_file_is_the_owners(site: Clinic, tmp_path: Path) -> None:
    file = tmp_path / "data" / "http.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(base64.urlsafe_b64decode(site.token + "==")) == 32


async def test_health_and_metrics_need_no_token_on_this_machine(site: Clinic) -> None:
    assert (await site.stranger.get("/healthz")).json() == {"store": "well"}
    site.notices.post(FrameRefused("bench", "checksum"))
    told = (await site.stranger.get("/metrics")).text
    assert "gateway_store_well 1.0" in told
    assert 'gateway_frames_refused_total{device="bench",reason="checksum"} 1.0' in told
    assert 'gateway_link{device="bench",state="waiting"} 1.0' in told


async def test_every_answer_carries_the_strict_headers(site: Clinic) -> None:
    for client, path in ((site.client, "/api/v1/status"), (site.stranger, "/api/v1/status")):
        head = (await client.get(path)).headers
        assert head["x-content-type-options"] == "nosniff"
        assert head["content-security-policy"].startswith("default-src 'none'")
        assert head["cache-control"] == "no-store"
        assert "server" not in head


async def test_a_report_with_its_bytes_and_messages(site: Clinic) -> None:
    await site.send_glucose("S1")
    delivered = "/api/v1/reports?state=delivered"
    async with asyncio.timeout(10):
        while not (found := (await site.client.get(delivered)).json()):
            await asyncio.sleep(0.01)
    [report] = found
    assert (report["device"], report["specimen"], report["kind"]) == ("bench", "S1", "patient")
    whole = (await site.client.get(f"/api/v1/reports/{report['id']}")).json()
    assert "R|1|^^^GLU|5.5|mg/dL" in whole["bytes"]
    assert whole["report"]["observations"][0]["value"]["number"] == "5.5"
    [message] = whole["messages"]
    assert message["body"].startswith("MSH|^~\\&|")
    assert message["state"] == "delivered"
    listed = (await site.client.get("/api/v1/deliveries?destination=drop")).json()
    assert [m["id"] for m in listed] == [message["id"]]
    again = await site.client.post(f"/api/v1/deliveries/{message['id']}/resend", json={"user": "a"})
    assert again.status_code == 200
    for query in (
        "device=other",
        "kind=qc",
        "state=held",
        "specimen=S2",
        "since=2099-01-01T00:00Z",
    ):
        assert (await site.client.get(f"/api/v1/reports?{query}")).json() == [], query


async def test_a_held_report_is_discarded_in_somebodys_name(site: Clinic) -> None:
    await site.send_glucose("S1", code="ODD")
    async with asyncio.timeout(10):
        while not (found := (await site.client.get("/api/v1/held")).json()):
            await asyncio.sleep(0.01)
    [held] = found
    assert held["problems"][0]["code"] == "unknown-test"
    place = f"/api/v1/held/{held['id']}"
    shown = (await site.client.get(place)).json()
    assert "^^^ODD" in shown["bytes"]
    nobody = await site.client.post(f"{place}/discard", json={"reason": "test"})
    assert nobody.status_code == 409
    assert "who" in nobody.json()["error"]
    for act in ("discard", "release"):
        unreasoned = await site.client.post(f"{place}/{act}", json={"user": "ada"})
        assert unreasoned.status_code == 409
        assert "needs a reason" in unreasoned.json()["error"]
    done = await site.client.post(
        f"{place}/discard",
        json={"reason": "control run"},
        auth=("ada", site.token),
    )
    assert done.json() == {"id": held["id"], "discarded": True}
    trail = (await site.client.get("/api/v1/audit")).json()
    assert trail["whole"]
    assert trail["entries"][0]["actor"] == "ada"
    books = (await site.client.get("/api/v1/books")).json()
    row = books["devices"]["bench"]
    assert (row["received"], row["discarded"], row["balanced"]) == (1, 1, True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/api/v1/reports/none", None, 404),
        ("GET", "/api/v1/held/7", None, 404),
        ("POST", "/api/v1/held/7/release", {"user": "a"}, 404),
        ("POST", "/api/v1/held/7/discard", {"user": "a", "reason": "r"}, 404),
        ("POST", "/api/v1/deliveries/7/resend", {"user": "a"}, 404),
        ("GET", "/api/v1/held/x", None, 422),
        ("GET", "/api/v1/reports?state=odd", None, 422),
        ("GET", "/api/v1/reports?limit=0", None, 422),
        ("GET", "/api/v1/books?day=monday", None, 422),
        ("POST", "/api/v1/held/7/discard", {"more": 1}, 422),
        ("DELETE", "/api/v1/held/7", None, 405),
    ],
)
async def test_mistakes_are_told_as_json(
    site: Clinic, method: str, path: str, body: object, status: int
) -> None:
    answer = await site.client.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_a_wrong_value_is_not_repeated_in_the_answer(site: Clinic) -> None:
    answer = await site.client.get("/api/v1/reports?since=DOE-JANE-CANARY")
    assert answer.status_code == 422
    assert "CANARY" not in answer.text


async def test_another_sites_page_cannot_act(site: Clinic) -> None:
    for head in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = await site.client.post("/api/v1/held/1/release", headers=head, json={})
        assert answer.status_code == 403
    own = {"origin": site.url, "sec-fetch-site": "same-origin"}
    answer = await site.client.post("/api/v1/held/1/release", headers=own, json={"user": "a"})
    assert answer.status_code == 404


async def test_bodies_are_bounded(site: Clinic) -> None:
    long = await site.client.post("/api/v1/held/1/release", content=b"x" * 70_000)
    assert long.status_code == 413
    packed = {"content-encoding": "gzip"}
    zipped = await site.client.post("/api/v1/held/1/release", content=b"x", headers=packed)
    assert zipped.status_code == 415


async def test_events_are_heard_and_a_gap_is_filled(site: Clinic) -> None:
    async def first(head: dict[str, str]) -> dict[str, str]:
        got: dict[str, str] = {}
        async with site.client.stream("GET", "/api/v1/events", headers=head) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                key, _, value = line.partition(": ")
                got[key] = value
                if key == "retry":
                    site.notices.post(Heard("bench"))
                if key == "data":
                    return got
        return got

    async with asyncio.timeout(10):
        heard = await first({})
        assert heard["event"] == "Heard"
        assert json.loads(heard["data"])["device"] == "bench"
        site.notices.post(FrameRefused("bench", "checksum"))
        missed = await first({"last-event-id": heard["id"]})
    assert missed["event"] == "FrameRefused"


async def test_the_api_describes_itself(site: Clinic) -> None:
    document = (await site.client.get("/api/v1/openapi.json")).json()
    for _, path in ROUTES:
        if path.startswith("/api/v1/") and "openapi" not in path:
            assert any(_fits(known, path) for known in document["paths"]), path


def _fits(known: str, path: str) -> bool:
    one, two = known.split("/"), path.split("/")
    return len(one) == len(two) and all(
        a == b or a.startswith("{") for a, b in zip(one, two, strict=True)
    )


async def test_it_stops_at_once_with_an_event_stream_open(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    opened, ended = asyncio.Event(), asyncio.Event()

    async def listen(client: httpx.AsyncClient) -> None:
        try:
            async with client.stream("GET", "/api/v1/events") as answer:
                async for _ in answer.aiter_lines():
                    opened.set()
        finally:
            ended.set()

    async with clinic(tmp_path, free_port) as site:
        head = {"authorization": f"Bearer {site.token}"}
        async with httpx.AsyncClient(base_url=site.url, headers=head) as other:
            listening = asyncio.create_task(listen(other))
            async with asyncio.timeout(5):
                await opened.wait()
            before = time.monotonic()
            await site.client.aclose()
            stopping = asyncio.create_task(until(ended.is_set, 5))
    assert time.monotonic() - before < 2
    await asyncio.gather(listening, stopping, return_exceptions=True)


async def test_a_result_is_moved_to_the_patient_a_person_names(
    site: Clinic, tmp_path: Path
) -> None:
    await site.send_glucose("26S0042")
    folder = tmp_path / "out"
    await until(lambda: list(folder.glob("*.hl7")), within=30)
    (report,) = (await site.client.get("/api/v1/reports?specimen=26S0042")).json()
    path = f"/api/v1/reports/{report['id']}/move"
    for body in ({"patient_id": "MRN2", "user": "ada"}, {"reason": "swapped", "user": "ada"}):
        answer = await site.client.post(path, json=body)
        assert answer.status_code == 409
        assert "reason" in answer.json()["error"] or "what was wrong" in answer.json()["error"]
    asked = {"patient_id": "MRN2", "reason": "swapped", "user": "ada"}
    answer = await site.client.post(path, json=asked)
    assert answer.status_code == 200
    await until(lambda: len(list(folder.glob("*.hl7"))) == 3, within=30)
    shown = (await site.client.get(f"/api/v1/reports/{answer.json()['moved_to']}")).json()
    assert shown["report"]["patient"]["ids"] == [{"value": "MRN2", "from": "moved"}]
    assert "|MRN2|" in shown["messages"][0]["body"]
    assert shown["moved_from"] == report["id"]
    withdrawn = (await site.client.get(f"/api/v1/reports/{report['id']}")).json()
    assert withdrawn["moved_to"] == shown["id"]
    assert "|MRN1|" in withdrawn["messages"][1]["body"]
    assert "|W|" in withdrawn["messages"][1]["body"]
    nobody = await site.client.post("/api/v1/reports/x/move", json=asked)
    assert nobody.status_code == 404


QC = """
[qc]
hold_patients = true
[qc.materials.QC01]
lot = "7"
targets = { "GLU" = { mean = 5.0, sd = 0.1 } }
"""


async def test_a_failed_control_holds_until_a_person_releases_it(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with clinic(tmp_path, free_port, QC) as site:
        await site.send_glucose("26S0001", "5.1")
        await site.send_glucose("QC01", "9.9")
        await site.send_glucose("26S0002", "5.2")
        await site.send_glucose("26S0003", "5.3")
        async with asyncio.timeout(30):
            while len((await site.client.get("/api/v1/held")).json()) < 2:
                await asyncio.sleep(0.01)
        (row,) = (await site.client.get("/api/v1/qc?device=bench")).json()
        assert (row["test"], row["lot"], row["value"]) == ("GLU", "7", "9.9")
        assert (row["verdict"], row["rules"]) == ("failed", ["1-2s", "1-3s"])
        asked = {"device": "bench", "test": "GLU", "user": "ada", "results": True}
        answer = await site.client.post("/api/v1/qc/release", json=asked)
        assert answer.status_code == 409
        asked["reason"] = "wrong vial"
        assert (await site.client.post("/api/v1/qc/release", json=asked)).json()["results"] == [
            1,
            2,
        ]
        assert (await site.client.get("/api/v1/held")).json() == []
        (row,) = (await site.client.get("/api/v1/qc")).json()
        assert (row["verdict"], row["released_by"]) == ("released", "ada")
        await site.send_glucose("26S0004", "5.4")
        folder = tmp_path / "out"
        await until(lambda: len(list(folder.glob("*.hl7"))) == 4, within=30)
        bodies = b"".join(path.read_bytes() for path in folder.glob("*.hl7"))
        assert b"QC01" not in bodies
        trail = (await site.client.get("/api/v1/audit")).json()["entries"]
        assert [entry["action"] for entry in trail] == ["release", "release", "release control"]
        assert (await site.client.post("/api/v1/qc/release", json=asked)).status_code == 404
