"""A session written by hand goes in over TCP; an independent EHR and a real broker get it.

The EHR is python-hl7's asyncio MLLP server, the broker Mosquitto, the listener mosquitto_sub's
protocol spoken by paho; the message is judged by hl7apy STRICT.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hl7
import hl7.mllp
import jsonschema
import pytest
from clinic import gateway, run_command, until
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from gateway.messages import report_schema

SESSION = (
    (b"\x05", b"\x06"),
    (b"\x021H|\\^&|||H-500^1.0^SN77|||||||P|LIS2-A2|20260105101200\r\x03", None),
    (b"\x022P|1|MRN0001|||DOE^JANE||19700101|F\r\x03", None),
    (b"\x023O|1|26S0042||^^^GLU\\^^^CRP|R\r\x03", None),
    (b"\x024R|1|^^^GLU|5.50|mg/dL|4.0 to 6.0|N||F||OP7||20260105101130\r\x03", None),
    (b"\x025R|2|^^^CRP|<0.5|mg/L||<||F||OP7||20260105101131\r\x03", None),
    (b"\x026C|1|I|hemolyzed &F& turbid|G\r\x03", None),
    (b"\x027L|1|N\r\x03", None),
)


def checked(frame: bytes) -> bytes:
    """A frame with its checksum, summed the slow way."""
    total = sum(frame[1:]) % 256
    return frame + f"{total:02X}".encode() + b"\r\n"


@asynccontextmanager
async def receiver(got: list[str]) -> AsyncIterator[int]:
    """python-hl7's own MLLP server: keeps what it gets, answers with its own ACK."""

    async def serve(reader: hl7.mllp.HL7StreamReader, writer: hl7.mllp.HL7StreamWriter) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                got.append(str(message))
                writer.writemessage(message.create_ack())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.transport.abort()

    server = await hl7.mllp.start_hl7_server(serve, "127.0.0.1", 0, encoding="utf-8")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def mosquitto(folder: Path, port: int) -> AsyncIterator[None]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.fail("mosquitto is missing: run 'make peers'")
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    broker = await asyncio.create_subprocess_exec(
        program, "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        for _ in range(500):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            break
        yield
    finally:
        broker.terminate()
        await broker.wait()


class Listener:
    """Everything published, by topic, as paho hears it."""

    def __init__(self, port: int) -> None:
        import paho.mqtt.client as paho

        self.heard: dict[str, list[tuple[bytes, bool, Any]]] = {}
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.subscribed = False
        self.client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self.client.on_connect = lambda client, *_: client.subscribe("clinic/#", 1)
        self.client.on_message = lambda _c, _u, message: self.heard.setdefault(
            message.topic, []
        ).append((message.payload, message.retain, message.properties))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def configuration(folder: Path, device: int, ehr: int, broker: int) -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f"""
[gateway]
site = "clinic-a"
timezone = "Europe/Berlin"
data_dir = "data"

[devices.bench]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:{device}"
codes = {{ "GLU" = "2345-7", "CRP" = "1988-5" }}

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ehr}"

[destinations.events]
type = "mqtt"
url = "mqtt://127.0.0.1:{broker}"
patient_data = "full"

[destinations.drop]
type = "file"
directory = "outgoing"
""",
        encoding="utf-8",
    )
    return path


async def speak(port: int) -> None:
    """The session, each answer checked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for frame, _ in SESSION:
        writer.write(frame if frame == b"\x05" else checked(frame))
        assert await asyncio.wait_for(reader.readexactly(1), 10) == b"\x06"
    writer.write(b"\x04")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.peer
async def test_a_session_by_hand_arrives_everywhere(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device, broker = free_port(), free_port()
    got: list[str] = []
    async with receiver(got) as ehr, mosquitto(tmp_path, broker):
        listener = Listener(broker)
        try:
            await until(lambda: listener.subscribed, what="the subscription")
            config = configuration(tmp_path, device, ehr, broker)
            async with gateway(config):
                await speak(device)
                result = "clinic/v1/clinic-a/lab/bench/result"
                delivery = "clinic/v1/clinic-a/delivery/ehr"
                await until(lambda: got, what="the EHR's message")
                await until(lambda: listener.heard.keys() >= {result, delivery}, what="MQTT")
                await until(lambda: list((tmp_path / "outgoing").glob("*.hl7")), what="the file")
                status, out, err = await run_command("status", "--json", "-c", str(config))
                assert (status, err) == (0, "")
                books = json.loads(out)["books"]["devices"]["bench"]
                assert books["received"] == 1
                assert books["balanced"] is True
            await until(
                lambda: b"offline" in listener.heard["clinic/v1/clinic-a/gateway/status"][-1][0],
                what="the goodbye",
            )
        finally:
            listener.close()

    check_message(got)
    check_publication(listener.heard[result])
    (dropped,) = (tmp_path / "outgoing").glob("*.hl7")
    assert dropped.read_bytes().decode().rstrip("\r") == got[0].rstrip("\r")


def check_message(got: list[str]) -> None:
    assert len(got) == 1
    strict = parse_message(got[0], validation_level=VALIDATION_LEVEL.STRICT)
    assert strict.validate()
    message = hl7.parse(got[0])
    assert str(message.segment("MSH")[9]) == "ORU^R01^ORU_R01"
    assert str(message.segment("PID")[3]).startswith("MRN0001")
    values = [(str(s[2]), str(s[3][0][0]), str(s[5])) for s in message.segments("OBX")]
    assert values == [("NM", "2345-7", "5.50"), ("SN", "1988-5", "<^0.5")]
    notes = [str(note[3]) for note in message.segments("NTE")]
    assert any(r"hemolyzed \F\ turbid" in note for note in notes), notes


def check_publication(messages: list[tuple[bytes, bool, Any]]) -> None:
    ((payload, retained, properties),) = messages
    assert not retained
    assert properties.ContentType == "application/json"
    assert {"id", "type", "time"} <= dict(properties.UserProperty).keys()
    report = json.loads(payload)
    jsonschema.validate(report, report_schema())
    assert report["kind"] == "patient"
    assert report["specimen"]["id"] == "26S0042"
    assert report["patient"]["ids"] == [{"value": "MRN0001", "from": "P.3"}]
    first, second = report["observations"]
    assert first["value"] == {
        "kind": "quantity",
        "comparator": None,
        "number": "5.50",
        "unit": {"device": "mg/dL", "ucum": "mg/dL"},
    }
    assert second["value"]["comparator"] == "<"
    assert first["observed_at"] == "2026-01-05T10:11:30+01:00"
    assert first["operator"] == "OP7"
