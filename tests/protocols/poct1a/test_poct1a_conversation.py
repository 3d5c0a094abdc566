"""The data manager's conversation, literal, and against its mirror."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poct1a_probes import (
    DST,
    END,
    EOT,
    EOT_EVS,
    EVS,
    FUZZ,
    HEL,
    KPA,
    NOW,
    OBS,
    ack,
    feed,
    now,
    outline,
    run,
    sliced,
    slicings,
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
    Damage,
    DataManager,
    Delivered,
    Device,
    Element,
    Ended,
    Ending,
    Identity,
    Kind,
    Listing,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
    Mode,
    Send,
    Silent,
    State,
    Topic,
    Verdict,
    Wrapping,
    group,
    leaf,
    read,
    set_time,
    usual_steps,
)

SCRIPT = [
    (HEL, ["ACK 1"], State.STATUS),
    (DST, ["ACK 2", "REQ ROBS"], State.TOPIC),
    (OBS, ["ACK 3"], State.TOPIC),
    (EOT, ["ACK 4", "REQ RDEV"], State.TOPIC),
    (EVS, ["ACK 5"], State.TOPIC),
    (EOT_EVS, ["ACK 6", "DTV START_CONTINUOUS"], State.CONTINUOUS),
    (KPA, ["ACK 7"], State.CONTINUOUS),
    (OBS, ["ACK 3"], State.CONTINUOUS),
    (END, ["ACK 8"], State.ENDED),
]


def test_the_whole_conversation() -> None:
    manager = DataManager(now)
    for step, (raw, answer, state) in enumerate(SCRIPT):
        events, written = feed(manager, raw)
        assert outline(written) == answer, step
        if "DTV START_CONTINUOUS" in answer:
            events, _ = feed(manager, ack(str(9)))
            assert events == [Acknowledged("9", Verdict.ACCEPTED)]
        assert manager.state is state, step
    assert manager.ended
    assert manager.timeout is None


def test_every_message_is_raised_and_expected() -> None:
    manager = DataManager(now)
    kinds = []
    for raw, answer, _ in SCRIPT:
        events, _ = feed(manager, raw)
        kinds += [(e.kind, e.expected) for e in events if isinstance(e, MessageReceived)]
        if "DTV START_CONTINUOUS" in answer:
            feed(manager, ack("9"))
    assert all(expected for _, expected in kinds)
    assert " ".join(kind for kind, _ in kinds) == "HEL DST OBS EOT EVS EOT KPA OBS END"


def test_an_acknowledgment_is_written_as_devices_read_it() -> None:
    _, written = feed(DataManager(now, first_id=4711), HEL)
    assert written == (
        b'<?xml version="1.0" encoding="UTF-8"?><ACK.R01><HDR>'
        b'<HDR.control_id V="4711"/><HDR.version_id V="POCT1"/>'
        b'<HDR.creation_dttm V="2025-01-02T10:15:00+00:00"/></HDR>'
        b'<ACK><ACK.type_cd V="AA"/><ACK.ack_control_id V="1"/></ACK></ACK.R01>'
    )


def test_nothing_is_acknowledged_before_accept() -> None:
    manager = DataManager(now)
    manager.receive_data(HEL + DST)
    event = manager.next_event()
    assert isinstance(event, MessageReceived)
    assert event.raw == HEL
    assert manager.timeout is None
    with pytest.raises(LocalProtocolError):
        manager.next_event()
    assert outline(manager.accept()) == ["ACK 1"]
    with pytest.raises(LocalProtocolError):
        manager.accept()
    with pytest.raises(LocalProtocolError):
        manager.refuse()
    assert isinstance(manager.next_event(), MessageReceived)
    assert outline(manager.refuse("207")) == ["ACK -2"]
    assert manager.state is State.STATUS


@pytest.mark.parametrize("mllp_wrapped", [False, True])
def test_any_slicing_gives_the_same_conversation(mllp_wrapped: bool) -> None:
    raws = [HEL, DST, OBS, OBS, EOT, EVS, EOT_EVS, KPA, END]
    stream = b"".join(mllp.encode_block(raw) if mllp_wrapped else raw + b"\r\n" for raw in raws)
    expected = run([stream])
    kinds = [event.kind for event in expected[0] if isinstance(event, MessageReceived)]
    assert len(kinds) == 9
    assert expected[0][-1] == Ended(Ending.PEER)
    for chunks in slicings(stream):
        assert run(chunks) == expected


def test_mllp_is_recognised_and_answered_in_kind() -> None:
    manager = DataManager(now)
    events, written = feed(manager, b"\r\n" + mllp.encode_block(HEL))
    assert [event.kind for event in events if isinstance(event, MessageReceived)] == [Kind.HELLO]
    assert written.startswith(b"\x0b<?xml")
    assert written.endswith(b"\x1c\r")
    assert manager.wrapping is Wrapping.MLLP


@pytest.mark.parametrize(
    "body", [b"", b"no xml", OBS + OBS, OBS[:-30] + OBS, OBS[:50], b"\xff" + OBS]
)
def test_a_block_that_is_not_one_message_is_damaged(body: bytes) -> None:
    events, written = feed(DataManager(now), mllp.encode_block(body))
    assert events == [MessageDamaged(Damage.FORMAT, body)]
    assert b'type_cd V="AA"' not in written


def test_a_damaged_message_is_answered_where_it_can_be_named() -> None:
    broken = OBS.replace(b"</PT>", b"")
    events, written = feed(DataManager(now), broken)
    assert events == [MessageDamaged(Damage.FORMAT, broken)]
    assert outline(written) == ["ACK -3"]
    events, written = feed(DataManager(now), b"<OBS.R01></a></OBS.R01>")
    assert [type(event) for event in events] == [MessageDamaged]
    assert written == b""


def test_a_document_type_is_refused_before_it_is_read() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>' + OBS.partition(b"?>")[2]
    events, written = feed(DataManager(now), bomb + HEL)
    assert events[0] == MessageDamaged(Damage.DOCTYPE, bomb)
    assert outline(written) == ["ACK -3", "ACK 1"]


def test_the_size_limit() -> None:
    manager = DataManager(now, limit=2000)
    long = xml("OBS.R01", "9", "<SVC>" + "<x/>" * 1000 + "</SVC>")
    events, _ = feed(manager, long + HEL)
    assert events[0] == MessageDamaged(Damage.OVERSIZE, long[:2000])
    assert isinstance(events[-1], MessageReceived)
    assert events[-1].raw == HEL


def test_an_odd_moment_loses_no_result() -> None:
    manager = DataManager(now)
    (event,), written = feed(manager, OBS)
    assert isinstance(event, MessageReceived)
    assert not event.expected
    assert outline(written) == ["ACK 3"]
    assert manager.state is State.HELLO


def test_unknown_messages_are_kept_and_acknowledged() -> None:
    manager = started(State.CONTINUOUS)
    vendor = xml("NOVA.REAG", "77", '<LOT><LOT.lot_number V="1"/></LOT>')
    (event,), written = feed(manager, vendor)
    assert isinstance(event, MessageReceived)
    assert (event.kind, event.raw) == (Kind.VENDOR, vendor)
    assert outline(written) == ["ACK 77"]


def test_accepted_with_an_error_code_is_a_warning() -> None:
    """A DCA answered a directive with AA and error 300: it took it."""
    manager = started(State.TOPIC)
    feed(manager, EOT)
    feed(manager, EOT_EVS)
    (event,), written = feed(manager, ack("7", "AA", "300"))
    assert event == Acknowledged("7", Verdict.ACCEPTED, "300")
    assert event.warning
    assert written == b""
    assert manager.state is State.CONTINUOUS


def test_continuous_mode_refused_ends_the_conversation() -> None:
    manager = started(State.TOPIC)
    feed(manager, EOT)
    feed(manager, EOT_EVS)
    (event,), written = feed(manager, ack("7", "AE", "203"))
    assert event == Acknowledged("7", Verdict.ERROR, "203")
    assert not event.warning
    assert outline(written) == ["END"]
    events, _ = feed(manager, ack("8"))
    assert events == [Acknowledged("8", Verdict.ACCEPTED), Ended(Ending.CLOSED)]


def test_a_refused_request_is_passed_over() -> None:
    manager = started(State.TOPIC)
    _, written = feed(manager, ack("3", "AE"))
    assert outline(written) == ["REQ RDEV"]


def test_an_acknowledged_request_stays_open() -> None:
    manager = started(State.TOPIC)
    assert feed(manager, ack("3"))[1] == b""
    assert manager.state is State.TOPIC
    assert outline(feed(manager, EOT)[1]) == ["ACK 4", "REQ RDEV"]


def test_an_acknowledgment_of_nothing_changes_nothing() -> None:
    manager = started(State.TOPIC)
    (event,), written = feed(manager, ack("999"))
    assert event == Acknowledged("999", Verdict.ACCEPTED, None, expected=False)
    assert written == b""
    assert manager.state is State.TOPIC


@pytest.mark.parametrize(
    "body",
    [
        '<ACK><ACK.type_cd V="AA"/><ACK.control_id V="7"/></ACK>',
        '<ACK><ACK.type_id V="AA"/><ACK.control_id V="7"/></ACK>',
        '<ACK><ACK.type_cd V="AA"/></ACK>',
    ],
)
def test_sloppy_acknowledgments(body: str) -> None:
    manager = started(State.TOPIC)
    feed(manager, EOT)
    feed(manager, EOT_EVS)
    (event,), _ = feed(manager, xml("ACK.R01", "9", body))
    assert event == Acknowledged("7", Verdict.ACCEPTED)
    assert manager.state is State.CONTINUOUS


def test_escape_ends_the_topic_at_hand() -> None:
    manager = started(State.TOPIC)
    escape = xml("ESC.R01", "50", '<ESC><ESC.esc_control_id V="3"/><ESC.detail_cd V="CNC"/></ESC>')
    _, written = feed(manager, escape)
    assert outline(written) == ["REQ RDEV"]


def test_escape_outside_a_topic_ends_the_conversation() -> None:
    manager = DataManager(now)
    feed(manager, HEL)
    events, written = feed(manager, xml("ESC.R01", "50"))
    assert events[-1] == Ended(Ending.ESCAPED)
    assert written == b""


def test_a_second_hello_begins_anew() -> None:
    manager = started(State.TOPIC)
    assert outline(feed(manager, HEL)[1]) == ["ACK 1"]
    assert manager.state is State.STATUS
    assert outline(feed(manager, DST)[1]) == ["ACK 2", "REQ ROBS"]


def test_patient_check_is_answered_by_a_list() -> None:
    manager = started(State.CONTINUOUS)
    ask = xml(
        "REQ.R01", "60", '<REQ><REQ.request_cd V="RPAT"/><PT><PT.patient_id V="T1"/></PT></REQ>'
    )
    (event,), written = feed(manager, ask)
    assert isinstance(event, MessageReceived)
    assert (event.kind, event.message.at("REQ.request_cd")) == (Kind.REQUEST, "RPAT")
    assert event.raw == ask
    assert written == b""
    patient = group("PT", leaf("PT.patient_id", "T1"))
    assert outline(manager.answer(Listing("PTL.R01", Topic.PATIENTS, (patient,)))) == ["PTL"]


def test_patient_verification_is_answered() -> None:
    manager = started(State.CONTINUOUS)
    feed(manager, xml("PVI.R01", "61", '<PT><PT.patient_id V="T1"/></PT>'))
    assert outline(manager.answer(Send("PVR.R01"))) == ["PVR"]


# Time


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


# Steps and lists


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


def started(state: State, hello: bytes = HEL) -> DataManager:
    """A manager brought to ``state``; control ids used so far end at 3 (topic) or 7."""
    manager = DataManager(now)
    feed(manager, hello)
    feed(manager, DST)
    if state is State.CONTINUOUS:
        feed(manager, EOT)
        feed(manager, EOT_EVS)
        feed(manager, ack("7"))
    assert manager.state is state
    return manager


# Against its mirror

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


# Any bytes

MESSAGES = [
    HEL,
    DST,
    OBS,
    EOT,
    EVS,
    EOT_EVS,
    KPA,
    END,
    ack("3"),
    ack("4", "AE"),
    OBS[:-20],
    OBS[20:],
]


@settings(max_examples=FUZZ, deadline=2000)
@given(data=st.data())
def test_any_bytes_in_any_slicing(data: st.DataObject) -> None:
    pieces = st.one_of(st.binary(max_size=20), st.sampled_from(MESSAGES))
    parts = data.draw(st.lists(pieces, max_size=6))
    if data.draw(st.booleans()):
        parts = [b"\x0b" + part + b"\x1c\r" for part in parts]
    stream = b"".join(parts)
    expected = run([stream])
    for event in expected[0]:
        if isinstance(event, MessageReceived | MessageDamaged | MessageIncomplete):
            assert event.raw in stream
    assert run(sliced(stream, Random(data.draw(st.integers(0, 99))))) == expected
