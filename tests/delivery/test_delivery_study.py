"""A study from the unit to a person's link and to a real broker: the contract's HTTP and topic."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from brokers import mosquitto, subscribed
from pydicom.data import get_testdata_file

from gateway.app import running
from gateway.config import parse
from gateway.notices import Noticeboard

pytestmark = pytest.mark.peer

TOPIC = "clinic/v1/clinic-a/imaging/us-room-2/study"
FILE = "examples_palette.dcm"
PERSONAL = (b"OB", b"11-05-25-142825", b"MRN1", b"DOE")


def now() -> datetime:
    return datetime.now(UTC)


async def order(port: int) -> None:
    """An imaging order over MLLP."""
    segments = (
        r"MSH|^~\&|EHR|CLINIC|GATEWAY|C|20260105100000||OMI^O23^OMI_O23|1|P|2.5",
        "PID|1||MRN1^^^EHR^MR||DOE^JANE||19700101|F",
        "ORC|NW|A1",
        "OBR|1|A1||76942^US guidance^C4",
        "IPC|ACC1|RP1||S1|US|||ROOM2|CX50",
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x0b" + "".join(f"{s}\r" for s in segments).encode() + b"\x1c\r")
    assert b"MSA|AA" in await reader.readuntil(b"\x1c\r")
    writer.close()
    await writer.wait_closed()


async def test_a_study_is_told_of_linked_and_told_of_again(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    broker, http, dicom, mllp = (free_port() for _ in range(4))
    text = f"""
[gateway]
site = "clinic-a"
timezone = "UTC"
data_dir = "{tmp_path}/data"
[http]
listen = "127.0.0.1:{http}"
[orders]
listen = "127.0.0.1:{mllp}"
[dicom]
listen = "127.0.0.1:{dicom}"
[devices.us-room-2]
profile = "ultrasound"
ae_title = "CX50"
address = "127.0.0.1/32"
[destinations.events]
type = "mqtt"
url = "mqtt://127.0.0.1:{broker}"
"""
    chosen = parse(text, tmp_path / "gateway.toml")
    async with (
        mosquitto(tmp_path, broker),
        subscribed(broker) as heard,
        running(chosen, notices=Noticeboard(now), clock=now),
    ):
        await order(mllp)
        sending = await asyncio.create_subprocess_exec(
            *("storescu", "-aet", "CX50", "127.0.0.1", str(dicom), str(get_testdata_file(FILE)))
        )
        assert await sending.wait() == 0
        token = (tmp_path / "data" / "http.token").read_text().strip()
        head = {"authorization": f"Bearer {token}"}
        base = f"http://127.0.0.1:{http}/api/v1"
        async with httpx.AsyncClient(base_url=base, headers=head) as client:
            [study] = (await client.get("/studies", params={"state": "unmatched"})).json()
            place = f"/studies/{study['uid']}"
            shown = (await client.get(place)).json()
            assert (shown["instances"], shown["series"][0]["modality"]) == (1, "US")
            first = await told(heard, 1)
            assert (first["study"], first["match"]) == (study["uid"], "unmatched")
            assert (first["instances"], first["series"][0]["instances"]) == (1, 1)
            asked = {"order": "A1", "user": "ada", "reason": "seen"}
            linked = await client.post(f"{place}/link", json=asked)
            assert (linked.status_code, linked.json()["match"]) == (200, "matched")
            again = await client.post(f"{place}/link", json=asked)
            assert again.status_code == 409
            assert (await client.get("/studies", params={"state": "unmatched"})).json() == []
            second = await told(heard, 2)
            assert (second["study"], second["match"]) == (study["uid"], "matched")
            entries = (await client.get("/audit")).json()["entries"]
            assert ("ada", "link study") in {(e["actor"], e["action"]) for e in entries}
        for message in heard.messages:
            assert not any(word in bytes(message.payload) for word in PERSONAL), message.topic
        [message, *_] = heard.on(TOPIC)
        assert (message.qos, message.retain) == (1, False)


async def told(heard: Any, count: int) -> dict[str, Any]:
    """What the topic said last, once it has said so much."""
    messages = await heard.until(TOPIC, count)
    found: dict[str, Any] = json.loads(messages[count - 1].payload)
    return found
