"""Time, steps and lists of the data manager."""

from __future__ import annotations

import pytest
from poct1a_probes import (
    DST,
    EOT,
    HEL,
    NOW,
    OBS,
    ack,
    feed,
    now,
    outline,
    started,
    xml,
)

from gateway.protocols import mllp
from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.poct1a import (
    EVENTS,
    OBSERVATIONS,
    START_CONTINUOUS,
    Acknowledged,
    Close,
    Cutoff,
    DataManager,
    Element,
    Ended,
    Ending,
    Identity,
    Kind,
    Listing,
    MessageIncomplete,
    MessageReceived,
    Mode,
    Silent,
    State,
    Topic,
    Verdict,
    group,
    leaf,
    read,
    set_time,
    usual_steps,
)


def test_time_outs_are_as_long_as_devices_need() -> None:
    manager = DataManager(now)
    assert manager.timeout == 120.0
    feed(manager, HEL)
    assert manager.timeout == 60.0
    for declared, seconds in (("1", 30.0), ("120", 120.0), ("999999", 600.0), ("", 60.0)):
        hello = HEL.replace(b'timeout V="60"', b'timeout V="%s"' % declared.encode())
        feed(manager, hello)
        assert manager.timeout == seconds


def test_silence_in_a_topic_ends_the_conversation() -> None:
    manager = started(State.TOPIC)
    assert manager.expire() == Ended(Ending.TIMEOUT)
    assert manager.expire() is None
    assert manager.timeout is None


def test_silence_inside_a_message_keeps_what_came() -> None:
    manager = started(State.TOPIC)
    feed(manager, OBS[:99])
    assert manager.expire() == MessageIncomplete(Cutoff.TIMEOUT, OBS[:99])
    assert outline(feed(manager, OBS)[1]) == ["ACK 3"]


def test_silence_in_continuous_mode_is_probed() -> None:
    manager = started(State.CONTINUOUS)
    assert manager.expire() == Silent()
    assert outline(manager.advance()) == ["KPA"]
    feed(manager, ack("8"))
    assert manager.state is State.CONTINUOUS
    assert manager.expire() == Silent()
    manager.advance()
    assert manager.expire() == Ended(Ending.TIMEOUT)


def test_loss() -> None:
    manager = started(State.TOPIC)
    manager.receive_data(OBS + OBS[:70])
    assert isinstance(manager.connection_lost(), MessageReceived)
    manager.accept()
    assert manager.next_event() == MessageIncomplete(Cutoff.LOST, OBS[:70])
    assert manager.next_event() == Ended(Ending.LOST)
    assert manager.next_event() is None


def test_loss_inside_a_block_keeps_what_came() -> None:
    manager = DataManager(now)
    half = mllp.encode_block(HEL)[:60]
    assert feed(manager, half) == ([], b"")
    assert manager.connection_lost() == MessageIncomplete(Cutoff.LOST, half[1:])
    assert manager.next_event() == Ended(Ending.LOST)


@pytest.mark.parametrize(
    ("hello", "quantity", "mode", "steps"),
    [
        (Identity(), "1", Mode.AUTO, (OBSERVATIONS, Close())),
        (Identity(), "0", Mode.AUTO, (Close(),)),
        (Identity(), "", Mode.AUTO, (OBSERVATIONS, Close())),
        (Identity(topics=("D_EV",)), "0", Mode.AUTO, (EVENTS, Close())),
        (Identity(), "0", Mode.CONTINUOUS, (START_CONTINUOUS,)),
        (
            Identity(profile="CS", directives=("START_CONTINUOUS",)),
            "3",
            Mode.AUTO,
            (START_CONTINUOUS,),
        ),
        (
            Identity(profile="SA", directives=("START_CONTINUOUS",)),
            "3",
            Mode.BASIC,
            (OBSERVATIONS, Close()),
        ),
    ],
)
def test_usual_steps(hello: Identity, quantity: str, mode: Mode, steps: tuple[object, ...]) -> None:
    status = xml("DST.R01", "2", f'<DST><DST.new_observations_qty V="{quantity}"/></DST>')
    assert usual_steps(hello, read(status), mode) == steps


def test_basic_conversation_is_closed_by_us() -> None:
    manager = DataManager(now, mode=Mode.BASIC)
    feed(manager, HEL.replace(b"D_EV", b"DTV"))
    feed(manager, DST)
    assert outline(feed(manager, EOT)[1]) == ["ACK 4", "END"]
    assert feed(manager, ack("5"))[0] == [Acknowledged("5", Verdict.ACCEPTED), Ended(Ending.CLOSED)]


def test_end_of_topic_may_stay_unanswered() -> None:
    manager = DataManager(now, acknowledge_end_of_topic=False)
    feed(manager, HEL)
    feed(manager, DST)
    assert outline(feed(manager, EOT)[1]) == ["REQ RDEV"]


def test_the_clock_is_set() -> None:
    manager = started(State.CONTINUOUS)
    written = manager.step(set_time(NOW))
    assert read(written).at("TM.dttm") == "2025-01-02T10:15:00+00:00"
    assert read(written).at("DTV.command_cd") == "SET_TIME"


def operators(count: int) -> tuple[Element, ...]:
    return tuple(
        group("OPR", leaf("OPR.operator_id", f"OP{n:04}"), leaf("OPR.name", "TEST"))
        for n in range(count)
    )


@pytest.mark.parametrize("size", [600, 1000, 16000])
@pytest.mark.parametrize("count", [0, 1, 7, 200])
def test_lists_fit_the_device(size: int, count: int) -> None:
    manager = started(State.CONTINUOUS, HEL.replace(b'"16000"', b'"%d"' % size))
    written = manager.step(Listing("OPL.R01", Topic.OPERATORS, operators(count)))
    seen: list[str] = []
    while True:
        message = read(written)
        assert len(written) <= size
        if message.kind is Kind.END_OF_TOPIC:
            break
        seen += [scope.at("OPR.operator_id") or "" for scope in message.objects("OPR")]
        _, written = feed(manager, ack(message.control_id or ""))
    assert seen == [f"OP{n:04}" for n in range(count)]
    assert message.at("EOT.topic_cd") == "OPL"


def test_lists_may_be_cut_by_number() -> None:
    manager = started(State.CONTINUOUS)
    listing = Listing("OPL.R02", Topic.OPERATORS, operators(5), max_entries=2)
    written, sizes = manager.step(listing), []
    while (message := read(written)).kind is Kind.OPERATORS:
        sizes.append(len(list(message.objects("OPR"))))
        _, written = feed(manager, ack(message.control_id or ""))
    assert sizes == [2, 2, 1]


def test_an_entry_too_large_for_the_device_is_our_mistake() -> None:
    manager = started(State.CONTINUOUS, HEL.replace(b'"16000"', b'"600"'))
    huge = group("OPR", leaf("OPR.name", "x" * 600))
    with pytest.raises(LocalProtocolError):
        manager.step(Listing("OPL.R01", Topic.OPERATORS, (huge,)))


def test_it_is_known_when_a_list_is_not_answered() -> None:
    manager = started(State.CONTINUOUS)
    assert not manager.listing
    manager.step(Listing("OPL.R01", Topic.OPERATORS, operators(3)))
    assert manager.listing
    assert manager.expire() == Ended(Ending.TIMEOUT)
    assert manager.listing
