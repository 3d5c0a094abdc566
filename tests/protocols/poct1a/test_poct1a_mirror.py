"""The data manager against its mirror."""

from __future__ import annotations

from random import Random

import pytest
from poct1a_probes import (
    feed,
    now,
    sliced,
    xml,
)

from gateway.protocols.poct1a import (
    DataManager,
    Delivered,
    Device,
    Element,
    Identity,
    Kind,
    MessageReceived,
    State,
    Wrapping,
    group,
    leaf,
    read,
)

ME = Identity(
    vendor="DEMO",
    model="POC",
    serial="S1",
    timeout=60,
    max_message=16000,
    profile="SA",
    topics=("D_EV",),
    directives=("START_CONTINUOUS",),
)


def service(number: int) -> Element:
    value = group("OBS", leaf("OBS.observation_id", "X"), leaf("OBS.value", str(number), U="%"))
    return group("SVC", leaf("SVC.role_cd", "OBS"), group("PT", value))


def converse(
    device: Device, manager: DataManager, to_manager: bytes, random: Random
) -> tuple[list[str], list[str]]:
    """Both ends over a wire that cuts anywhere: values taken, keys delivered."""
    taken: list[str] = []
    delivered: list[str] = []
    while to_manager:
        to_device = b""
        for chunk in sliced(to_manager, random):
            events, answer = feed(manager, chunk)
            to_device += answer
            for event in events:
                if isinstance(event, MessageReceived):
                    taken += [scope.at("OBS.value") or "" for scope in event.message.observations]
        to_manager = b""
        for chunk in sliced(to_device, random):
            device.receive_data(chunk)
            while (event := device.next_event()) is not None:
                match event:
                    case MessageReceived():
                        to_manager += device.accept()
                    case Delivered(key):
                        delivered.append(key)
                        to_manager += device.advance()
                    case _:
                        to_manager += device.advance()
    return taken, delivered


@pytest.mark.parametrize("wrapping", [Wrapping.BARE, Wrapping.MLLP])
@pytest.mark.parametrize("seed", range(5))
def test_the_mirror_delivers_everything_once(wrapping: Wrapping, seed: int) -> None:
    device, manager = Device(ME, now, wrapping=wrapping), DataManager(now)
    for number in range(7):
        device.offer(str(number), "OBS.R01", (service(number),))
    device.offer("e", "EVS.R01", (group("EVT", leaf("EVT.description", "x")),))
    random = Random(seed)
    taken, delivered = converse(device, manager, device.start(), random)
    assert taken == [str(number) for number in range(7)]
    assert delivered == [*taken, "e"]
    assert device.undelivered == ()
    assert manager.state is State.CONTINUOUS
    taken, delivered = converse(
        device, manager, device.offer("7", "OBS.R01", (service(7),)), random
    )
    assert (taken, delivered) == (["7"], ["7"])
    converse(device, manager, device.keep_alive(), random)
    converse(device, manager, device.end(), random)
    assert device.ended
    assert manager.ended


def test_the_mirror_keeps_what_was_not_acknowledged() -> None:
    device, manager = Device(ME, now), DataManager(now)
    device.offer("a", "OBS.R01", (service(1),))
    written = device.start()
    while OBS_NAME not in written:
        _, answer = feed(manager, written)
        device.receive_data(answer)
        written = b""
        while (event := device.next_event()) is not None:
            written += device.accept() if isinstance(event, MessageReceived) else device.advance()
    assert device.undelivered == ("a",)
    again, other = DataManager(now), Device(ME, now)
    other.offer("a", "OBS.R01", (service(1),))
    assert converse(other, again, other.start(), Random(1))[1] == ["a"]


OBS_NAME = b"<OBS.R01>"


def test_the_mirror_does_not_repeat_what_was_refused() -> None:
    device, manager = Device(ME, now), DataManager(now)
    device.offer("a", "OBS.R01", (service(1),))
    device.offer("b", "OBS.R01", (service(2),))
    written, delivered = device.start(), []
    while written:
        manager.receive_data(written)
        answer = b""
        while (event := manager.next_event()) is not None:
            if isinstance(event, MessageReceived):
                first = event.kind is Kind.OBSERVATION and b'value V="1"' in event.raw
                answer += manager.refuse() if first else manager.accept()
            else:
                answer += manager.advance()
        device.receive_data(answer)
        written = b""
        while (seen := device.next_event()) is not None:
            if isinstance(seen, Delivered):
                delivered.append(seen.key)
            written += device.accept() if isinstance(seen, MessageReceived) else device.advance()
    assert delivered == ["b"]
    assert device.undelivered == ("a",)


def test_the_mirror_cannot_follow_an_unknown_request() -> None:
    device = Device(ME, now)
    device.receive_data(xml("REQ.R01", "5", '<REQ><REQ.request_cd V="XXXX"/></REQ>'))
    device.next_event()
    assert read(device.accept()).at("ESC.esc_control_id") == "5"
