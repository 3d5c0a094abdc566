"""The data manager's conversation, message by message."""

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
    OBS,
    ack,
    feed,
    now,
    outline,
    run,
    sliced,
    slicings,
    started,
    xml,
)

from gateway.protocols import mllp
from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError
from gateway.protocols.poct1a import (
    Acknowledged,
    Damage,
    DataManager,
    Ended,
    Ending,
    Kind,
    Listing,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
    Send,
    State,
    Topic,
    Verdict,
    Wrapping,
    group,
    leaf,
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


@pytest.mark.parametrize("flood", [KPA, mllp.encode_block(KPA)])
def test_a_peer_that_does_not_wait_is_cut_off(flood: bytes) -> None:
    manager = DataManager(now, limit=2000)
    manager.receive_data(flood)
    assert isinstance(manager.next_event(), MessageReceived)
    manager.receive_data(flood * 100)
    with pytest.raises(RemoteProtocolError):
        manager.receive_data(flood * 1000)
