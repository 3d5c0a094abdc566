from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import aiomqtt
import pytest
from amqtt.broker import Broker as AmqttBroker
from brokers import Mosquitto, mosquitto, subscribed
from delivery_bench import (
    QUICK,
    Witness,
    an_entry,
    enqueue,
    now,
    running,
    states,
    until,
)
from paho.mqtt.properties import Properties

from gateway.delivery.base import Patience
from gateway.delivery.courier import Courier
from gateway.delivery.mqtt import Broker, MqttOptions, MqttPublisher, Topics
from gateway.errors import Ambiguous, DeliveryError, Refused, Unreachable
from gateway.notices import (
    Delivered,
    DeliveryParked,
    DeliveryPostponed,
    DestinationChanged,
    Heard,
    LinkChanged,
    LinkState,
)
from gateway.store import MessageState, OutboxMessage, Store

pytestmark = [pytest.mark.peer, pytest.mark.usefixtures("calm_loop")]
STATUS = "clinic/v1/clinic-a/gateway/status"
RESULT = "clinic/v1/clinic-a/lab/analyzer/result"
TOPICS = Topics("clinic", "clinic-a")


@pytest.fixture
def port(free_port: Callable[[], int]) -> int:
    return free_port()


def options(port: int, **changes: object) -> MqttOptions:
    broker = Broker("127.0.0.1", port, "gateway-clinic-a", timeout=5.0)
    return MqttOptions(replace(broker, **changes), TOPICS)


def result(control_id: str, **changes: str) -> OutboxMessage:
    meta = {"content": "result", "device": "analyzer", "id": control_id, "time": "T"} | changes
    body = json.dumps({"id": control_id}).encode()
    return OutboxMessage("events", control_id, control_id, "application/json", body, meta)


@asynccontextmanager
async def publishing(
    store: Store, witness: Witness, chosen: MqttOptions, patience: Patience = QUICK
) -> AsyncIterator[tuple[Courier, MqttPublisher]]:
    publisher = MqttPublisher("events", chosen, clock=now, notices=witness.board)
    async with running(store, publisher, witness, name="events", patience=patience) as courier:
        yield courier, publisher


async def test_a_result_on_its_topic_with_its_properties(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    await enqueue(store, [result("R1")])
    async with (
        mosquitto(tmp_path, port),
        subscribed(port) as heard,
        publishing(store, witness, options(port)),
    ):
        [published] = await heard.until(RESULT, 1)
        await witness.delivered(1)
    assert published.payload == b'{"id": "R1"}'
    assert (published.qos, published.retain) == (1, False)
    properties = published.properties
    assert isinstance(properties, Properties)
    assert properties.ContentType == "application/json"
    assert properties.PayloadFormatIndicator == 1
    assert 0 < properties.MessageExpiryInterval <= 24 * 3600
    assert dict(properties.UserProperty) == {"id": "R1", "type": "result", "time": "T"}
    assert (await states(store, "events")) == {"R1": MessageState.DELIVERED}


def _told(published: aiomqtt.Message) -> dict[str, str]:
    """Its user properties; every message says what it is, in JSON."""
    assert isinstance(published.properties, Properties)
    assert published.properties.ContentType == "application/json"
    return dict(published.properties.UserProperty)


async def test_every_message_of_the_gateway_has_the_same_properties(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    device, delivery = TOPICS.lab("analyzer", "status"), TOPICS.delivery("ehr")
    async with mosquitto(tmp_path, port), subscribed(port) as heard:
        async with publishing(store, witness, options(port)):
            await witness.became(up=True)
            witness.board.post(LinkChanged("analyzer", LinkState.UP, "10.0.0.1"))
            witness.board.post(Delivered("ehr", 7, "R7", "AA", 0.1))
            [link] = await heard.until(device, 1)
            [sent] = await heard.until(delivery, 1)
        [online, offline] = await heard.until(STATUS, 2)
    told = [_told(one) for one in (link, sent, online, offline)]
    assert [one["type"] for one in told] == ["status", "delivery", "status", "status"]
    assert [one["id"] for one in told] == [
        "analyzer/status",
        "ehr/7/delivered",
        "clinic-a/gateway/status",
        "clinic-a/gateway/status",
    ]
    assert all(datetime.fromisoformat(one["time"]).tzinfo for one in told)


async def test_online_while_it_runs_and_offline_after_a_clean_stop(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    async with mosquitto(tmp_path, port):
        async with publishing(store, witness, options(port)):
            await witness.became(up=True)
            assert (await _retained(port, STATUS))["status"] == "online"
        status = await _retained(port, STATUS)
    assert (status["status"], status["reason"]) == ("offline", "stopped")


async def test_the_last_will_says_offline(tmp_path: Path, port: int, witness: Witness) -> None:
    async with mosquitto(tmp_path, port), subscribed(port) as heard:
        publisher = MqttPublisher("events", options(port), clock=now, notices=witness.board)
        await publisher.open()
        assert publisher._connection is not None
        await publisher._connection.close()
        await heard.until(STATUS, 2)
        assert json.loads(heard.payloads(STATUS)[-1]) == {
            "status": "offline",
            "reason": "connection lost",
        }
        [*_, will] = await heard.until(STATUS, 2)
        assert _told(will)["type"] == "status"


@pytest.mark.parametrize("leaf", ["result", "qc", "event"])
async def test_topics(leaf: str, store: Store, witness: Witness, tmp_path: Path, port: int) -> None:
    await enqueue(store, [result("R1", content=leaf)])
    async with (
        mosquitto(tmp_path, port),
        subscribed(port) as heard,
        publishing(store, witness, options(port)),
    ):
        await heard.until(f"clinic/v1/clinic-a/lab/analyzer/{leaf}", 1)


async def test_what_has_no_topic_is_parked(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    await enqueue(store, [result("R1", content="oru"), result("R2", device="../x"), result("R3")])
    async with mosquitto(tmp_path, port), publishing(store, witness, options(port)):
        await witness.parked(2)
        await witness.delivered(1)


async def test_version_3_1_1_carries_the_payload(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    await enqueue(store, [result("R1")])
    async with (
        mosquitto(tmp_path, port),
        subscribed(port) as heard,
        publishing(store, witness, options(port, modern=False)),
    ):
        [published] = await heard.until(RESULT, 1)
        await witness.delivered(1)
    assert published.payload == b'{"id": "R1"}'


async def test_many_at_once_and_each_lane_in_order(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    batch = [replace(result(f"R{n:04d}"), lane=f"S{n % 50}") for n in range(1_000)]
    await enqueue(store, batch)
    async with (
        mosquitto(tmp_path, port, "allow_anonymous true", "max_queued_messages 0"),
        subscribed(port, RESULT) as heard,
        publishing(store, witness, options(port)),
    ):
        await witness.delivered(1_000)
        await heard.until(RESULT, 1_000)
    numbers = [int(json.loads(payload)["id"][1:]) for payload in heard.payloads(RESULT)]
    assert sorted(numbers) == list(range(1_000))
    for lane in range(50):
        in_lane = [number for number in numbers if number % 50 == lane]
        assert in_lane == sorted(in_lane)


async def test_a_denied_result_is_noticed_and_delivered_when_allowed(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic write clinic/v1/clinic-a/gateway/status\n")
    lines = ("allow_anonymous true", f"acl_file {acl}")
    await enqueue(store, [result("R1")])
    patience = replace(QUICK, refused=(0.05,) * 1_000)
    async with (
        mosquitto(tmp_path, port, *lines) as broker,
        publishing(store, witness, options(port), patience),
    ):
        await witness.until(lambda: bool(witness.of(DeliveryPostponed)))
        assert f"not authorized ({RESULT})" in witness.of(DeliveryPostponed)[0].reason
        assert not witness.of(Delivered)
        acl.write_text("topic readwrite #\n")
        broker.signal(signal.SIGHUP)
        await witness.delivered(1)


async def test_a_topic_that_stays_denied_is_parked_and_the_others_flow(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic write {STATUS}\ntopic write {RESULT}\n")
    await enqueue(store, [result(f"Q{n}", content="qc") for n in range(3)])
    await enqueue(store, [result(f"R{n}") for n in range(50)])
    async with (
        mosquitto(tmp_path, port, "allow_anonymous true", f"acl_file {acl}"),
        publishing(store, witness, options(port)),
    ):
        await witness.delivered(50)
        await witness.parked(3)
    assert all("not authorized" in parked.reason for parked in witness.of(DeliveryParked))


async def test_rights_that_are_taken_away_and_given_back(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    """When nothing at all may be published any more, nothing is parked for it."""
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite #\n")
    async with (
        mosquitto(tmp_path, port, "allow_anonymous true", f"acl_file {acl}") as broker,
        publishing(store, witness, options(port)),
    ):
        await witness.became(up=True)
        acl.write_text("topic read #\n")
        broker.signal(signal.SIGHUP)
        sent = 0
        while not _changed(witness):
            await enqueue(store, [result(f"R{sent:04d}")])
            sent += 1
            await witness.until(lambda n=sent: _changed(witness) or len(witness.of(Delivered)) == n)
        assert "not authorized" in (await witness.became(up=False)).detail
        await enqueue(store, [result(f"S{n:04d}") for n in range(100)])
        acl.write_text("topic readwrite #\n")
        broker.signal(signal.SIGHUP)
        await witness.delivered(sent + 100)
    assert not witness.of(DeliveryParked)


@asynccontextmanager
async def a_fake_broker(port: int, *replies: bytes) -> AsyncIterator[list[bytes]]:
    """Answers the packets it gets with what it is given, one after the other."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            for reply in replies:
                heard.append(await reader.read(65536))
                writer.write(reply)
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    yield heard
    server.close()
    await server.wait_closed()


CONNACK, PUBACK_1 = b"\x20\x03\x00\x00\x00", b"\x40\x02\x00\x01"


async def test_a_broker_that_talks_nonsense(witness: Witness, port: int) -> None:
    """A PUBACK with a property that does not exist: paho raises in the middle of reading."""
    nonsense = b"\x40\x05\x00\x02\x00\x7f\xff" * 3
    async with a_fake_broker(port, CONNACK, PUBACK_1, nonsense) as heard:
        publisher = MqttPublisher("events", options(port), clock=now, notices=witness.board)
        await publisher.open()
        with pytest.raises(Ambiguous):
            await publisher.deliver(an_entry(meta=result("R1").meta))
        assert publisher._connection is None
    assert len(heard) == 3


async def test_a_broker_that_says_why_it_hangs_up(witness: Witness, port: int) -> None:
    taken_over = b"\xe0\x02\x8e\x00"
    async with a_fake_broker(port, CONNACK, PUBACK_1, taken_over):
        publisher = MqttPublisher("events", options(port), clock=now, notices=witness.board)
        await publisher.open()
        with pytest.raises(Ambiguous, match=r"lost \(session taken over\)"):
            await publisher.deliver(an_entry(meta=result("R1").meta))


async def test_last_heard_is_published_after_a_while(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    topic = "clinic/v1/clinic-a/lab/analyzer/status"
    chosen = replace(options(port), heard=0.1)
    async with (
        mosquitto(tmp_path, port),
        subscribed(port) as heard,
        publishing(store, witness, chosen),
    ):
        await witness.became(up=True)
        for _ in range(100):
            witness.board.post(Heard("analyzer"))
        witness.board.post(Heard("no/topic"))
        [told] = await heard.until(topic, 1)
    assert json.loads(told.payload)["last_heard"] is not None


async def test_a_broker_that_denies_the_status_is_noticed_at_the_start(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    async with (
        mosquitto(tmp_path, port, "allow_anonymous true", f"acl_file {acl}"),
        publishing(store, witness, options(port)),
    ):
        change = await witness.became(up=False)
    assert "not authorized" in change.detail
    assert STATUS in change.detail


async def test_user_and_password_from_a_file(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    broker = Mosquitto(
        tmp_path, port, ["allow_anonymous false", f"password_file {tmp_path}/passwords"]
    )
    broker.password("gateway", "s3cret")
    await broker.start()
    chosen = replace(options(port, username="gateway"), password_file=secret)
    try:
        async with publishing(store, witness, chosen):
            assert "not authori" in (await witness.became(up=False)).detail.lower()
            secret.write_text("s3cret\n")
            await witness.became(up=True)
    finally:
        broker.kill()


async def test_a_missing_password_file_is_said(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    chosen = replace(options(port), password_file=tmp_path / "absent")
    async with publishing(store, witness, chosen):
        assert "absent: No such file" in (await witness.became(up=False)).detail


async def test_nothing_is_lost_when_the_broker_is_killed_again_and_again(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    expected = {f"R{number:04d}" for number in range(600)}
    got: set[str] = set()
    async with mosquitto(tmp_path, port) as broker:
        async with publishing(store, witness, options(port)) as (_, publisher):
            for start in range(0, 600, 200):
                await enqueue(store, [result(f"R{n:04d}") for n in range(start, start + 200)])
                await witness.delivered(start + 50)
                broker.kill()
                await witness.became(up=False)
                await broker.start()
            await witness.delivered(600)
            assert publisher.noise.count < 100
        got = {
            name
            for name, state in (await states(store, "events")).items()
            if state is MessageState.DELIVERED
        }
    assert got == expected


async def test_a_broker_that_dies_wakes_those_who_wait(
    witness: Witness, tmp_path: Path, port: int
) -> None:
    """aiomqtt alone would wait for the whole timeout."""
    async with mosquitto(tmp_path, port) as broker:
        chosen = options(port, timeout=3600.0)
        publisher = MqttPublisher("events", chosen, clock=now, notices=witness.board)
        await publisher.open()
        broker.signal(signal.SIGSTOP)
        delivery = asyncio.create_task(publisher.deliver(an_entry(meta=result("R1").meta)))
        connection = publisher._connection
        assert connection is not None
        await until(lambda: bool(connection._waiting))
        broker.kill()
        with pytest.raises(Ambiguous):
            await delivery
        with pytest.raises(Unreachable):
            await publisher.deliver(an_entry(meta=result("R2").meta))


async def test_a_broker_that_hangs_is_given_up_after_the_timeout(
    witness: Witness, tmp_path: Path, port: int
) -> None:
    async with mosquitto(tmp_path, port) as broker:
        chosen = options(port, timeout=0.2)
        publisher = MqttPublisher("events", chosen, clock=now, notices=witness.board)
        await publisher.open()
        broker.signal(signal.SIGSTOP)
        with pytest.raises(Ambiguous, match="did not acknowledge in time"):
            await publisher.deliver(an_entry(meta=result("R1").meta))
        with pytest.raises(Unreachable):
            await publisher.open()
        broker.signal(signal.SIGCONT)
        await publisher.open()
        await publisher.deliver(an_entry(meta=result("R1").meta))
        await publisher._say_goodbye()


async def test_a_lost_connection_is_noticed_and_made_again_without_any_message(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    async with mosquitto(tmp_path, port) as broker, publishing(store, witness, options(port)):
        await witness.became(up=True)
        broker.kill()
        assert "lost" in (await witness.became(up=False)).detail
        await broker.start()
        await witness.became(up=True)
        assert (await _retained(port, STATUS))["status"] == "online"


async def test_a_resend_says_that_it_may_be_one(
    witness: Witness, tmp_path: Path, port: int
) -> None:
    async with mosquitto(tmp_path, port), subscribed(port) as heard:
        publisher = MqttPublisher("events", options(port), clock=now, notices=witness.board)
        await publisher.open()
        await publisher.deliver(an_entry(meta=result("R1").meta, attempts=1))
        [published] = await heard.until(RESULT, 1)
        await publisher._say_goodbye()
    assert published.properties is not None
    assert ("possible_duplicate", "true") in published.properties.UserProperty


async def test_a_message_larger_than_the_broker_takes_is_parked(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    large = replace(result("R1"), body=b'"' + b"x" * 20_000 + b'"')
    await enqueue(store, [large, result("R2")])
    async with (
        mosquitto(tmp_path, port, "allow_anonymous true", "max_packet_size 10000"),
        publishing(store, witness, options(port)),
    ):
        await witness.delivered(1)
        [parked] = await witness.parked()
    assert "larger than the broker takes" in parked.reason


async def test_the_status_of_a_device_is_retained_and_survives_the_broker(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    topic = "clinic/v1/clinic-a/lab/analyzer/status"
    async with mosquitto(tmp_path, port) as broker, publishing(store, witness, options(port)):
        await witness.became(up=True)
        witness.board.post(Heard("analyzer"))
        witness.board.post(LinkChanged("analyzer", LinkState.UP, ""))
        witness.board.post(LinkChanged("other", LinkState.WAITING, ""))
        status = await _retained(port, topic)
        assert (status["state"], status["device"]) == ("up", "analyzer")
        assert status["last_heard"] is not None
        broker.kill()
        await witness.became(up=False)
        witness.board.post(LinkChanged("analyzer", LinkState.RETRYING, "unplugged"))
        await broker.start()
        await witness.became(up=True)
        await until_retained(port, topic, "retrying")
        await until_retained(port, topic.replace("analyzer", "other"), "waiting")


async def test_deliveries_elsewhere_are_told_with_ids_only(
    store: Store, witness: Witness, tmp_path: Path, port: int
) -> None:
    topic = "clinic/v1/clinic-a/delivery/ehr"
    async with (
        mosquitto(tmp_path, port),
        subscribed(port) as heard,
        publishing(store, witness, options(port)),
    ):
        await witness.became(up=True)
        witness.board.post(Delivered("ehr", 7, "report-7", "AA", 0.1))
        witness.board.post(DeliveryParked("ehr", 8, "report-8", "answered AE"))
        await enqueue(store, [result("R1")])
        await witness.delivered(2)
        told = [json.loads(m.payload) for m in await heard.until(topic, 2)]
        await heard.until(RESULT, 1)
    assert [(t["event"], t["message"], t["report"]) for t in told] == [
        ("delivered", 7, "report-7"),
        ("parked", 8, "report-8"),
    ]
    assert heard.on("clinic/v1/clinic-a/delivery/events") == []


async def test_no_broker_at_all_and_a_quick_stop(store: Store, witness: Witness, port: int) -> None:
    async with publishing(store, witness, options(port)):
        change = await witness.became(up=False)
    assert f"no MQTT connection to 127.0.0.1:{port}" in change.detail


@pytest.mark.parametrize("name", ["Analyzer", "a/b", "a+", "#", "", "-a", "a b", "ä", "a" * 64])
def test_only_plain_names_become_topics(name: str) -> None:
    for make in (
        lambda: TOPICS.lab(name, "result"),
        lambda: TOPICS.delivery(name),
        lambda: TOPICS.study(name),
        lambda: Topics("clinic", name),
    ):
        with pytest.raises(ValueError, match="a-z"):
            make()


@pytest.mark.parametrize("root", ["", "/x", "a//b", "a/#", "a/+/b", "a b", "a/"])
def test_a_root_cannot_hold_wildcards_or_gaps(root: str) -> None:
    with pytest.raises(ValueError, match="root"):
        Topics(root, "clinic-a")


async def test_an_entry_without_topic_is_refused_before_the_wire(
    witness: Witness, tmp_path: Path, port: int
) -> None:
    async with mosquitto(tmp_path, port):
        publisher = MqttPublisher("events", options(port), clock=now, notices=witness.board)
        await publisher.open()
        with pytest.raises(DeliveryError) as refused:
            await publisher.deliver(an_entry(meta={}))
        assert isinstance(refused.value, Refused)
        await publisher._say_goodbye()


def _changed(witness: Witness) -> bool:
    return len(witness.of(DestinationChanged)) > 1


async def _retained(port: int, topic: str) -> dict[str, str]:
    async with subscribed(port, topic) as heard:
        [message, *_] = await heard.until(topic, 1)
        return dict(json.loads(message.payload))


async def until_retained(port: int, topic: str, state: str) -> None:
    async with subscribed(port, topic) as heard:
        await until(lambda: any(state.encode() in p for p in heard.payloads(topic)), heard.changed)


async def test_an_embedded_broker_that_speaks_only_3_1_1(
    store: Store, witness: Witness, port: int
) -> None:
    broker = AmqttBroker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    await enqueue(store, [result(f"R{number:04d}") for number in range(100)])
    async with publishing(store, witness, options(port, modern=False)):
        await witness.delivered(100)
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(STATUS, qos=1)
        message = await asyncio.wait_for(anext(client.messages), 10)
    await broker.shutdown()
    assert json.loads(message.payload)["status"] == "offline"
