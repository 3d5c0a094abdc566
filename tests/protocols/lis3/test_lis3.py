"""LIS3: literal messages, notice-request-data, damaged bytes, any slicing."""

from __future__ import annotations

import os
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.events import (
    Cutoff,
    Damage,
    Integrity,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)
from gateway.protocols.lis3 import (
    ACK,
    Acknowledged,
    Delivered,
    Device,
    Entry,
    Host,
    HostEvent,
    Requested,
    Unanswered,
    decode,
    encode,
)

FUZZ = int(os.environ.get("GATEWAY_FUZZ", "60"))

NOTICE = (
    b"\x02SMP_NEW_AV\x1c\x1eaMOD\x1d0500\x1d\x1d\x1d\x1ciIID\x1d1\x1d\x1d\x1d\x1c"
    b"rSEQ\x1d17\x1d\x1d\x1d\x1c\x1e\x03"
)
NOTICE += b"%02X\x04" % (sum(NOTICE) % 256)
REQUEST = NOTICE[:-4].replace(b"SMP_NEW_AV", b"SMP_REQ") + b"\x03"
REQUEST += b"%02X\x04" % (sum(REQUEST) % 256)
RESULTS = (
    Entry("iPID", "TEST1"),
    Entry("rDATE", "02Jan2025"),
    Entry("mpH", "7.38"),
    Entry("mpCO2", "41.2", "mmHg", ("ABOVE", "CAL")),
    Entry("cHCO3act", "-----", "mmol/L"),
)
DATA = encode(
    "SMP_NEW_DATA",
    (Entry("aMOD", "0500"), Entry("iIID", "1"), Entry("rSEQ", "17"), *RESULTS),
)


def received(raw: bytes) -> MessageReceived:
    return MessageReceived(raw, Integrity.CHECKED)


def feed(host: Host, data: bytes) -> tuple[list[HostEvent], bytes]:
    events, written = [], b""
    host.receive_data(data)
    while (event := host.next_event()) is not None:
        events.append(event)
        if isinstance(event, MessageReceived):
            written += host.accept()
        elif isinstance(event, MessageDamaged):
            written += host.refuse()
    return events, written


def test_the_fixed_acknowledgment() -> None:
    assert ACK == b"\x02\x06\x030B\x04"


def test_a_message_is_written_as_the_device_writes_it() -> None:
    entries = (Entry("aMOD", "0500"), Entry("iIID", "1"), Entry("rSEQ", "17"))
    assert encode("SMP_NEW_AV", entries) == NOTICE
    assert encode("ID_REQ") == b"\x02ID_REQ\x1c\x1e\x0313\x04"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("iPID", "TEST1"),
        ("rSEQ", "17"),
        ("rDATE", "02Jan2025"),
        ("mpH.value", "7.38"),
        ("mpH.unit", None),
        ("mpCO2.unit", "mmHg"),
        ("mpCO2.exceptions", "ABOVE\x17CAL"),
        ("cHCO3act.value", "-----"),
    ],
)
def test_where_it_stands(path: str, text: str | None) -> None:
    message = decode(DATA)
    assert message.name == "SMP_NEW_DATA"
    assert message.at(path) == text
    assert [row.name for row in message.rows] == ["mpH", "mpCO2", "cHCO3act"]


def test_notice_request_data() -> None:
    host = Host()
    host.receive_data(NOTICE)
    assert host.next_event() == received(NOTICE)
    assert host.accept() == ACK + REQUEST
    assert host.timeout == 30.0
    assert feed(host, ACK) == ([Acknowledged()], b"")
    assert feed(host, DATA) == ([received(DATA)], ACK)
    assert host.timeout is None


def test_one_request_at_a_time_and_none_twice() -> None:
    host = Host()
    second = encode("QC_NEW_AV", (Entry("aMOD", "0500"), Entry("iIID", "1"), Entry("rSEQ", "18")))
    asked = encode("QC_REQ", (Entry("aMOD", "0500"), Entry("iIID", "1"), Entry("rSEQ", "18")))
    _, written = feed(host, NOTICE + second + NOTICE + second)
    assert written == ACK + REQUEST + ACK * 3
    assert feed(host, DATA)[1] == ACK + asked


def test_a_sample_that_is_gone_frees_the_line() -> None:
    host = Host()
    feed(host, NOTICE)
    gone = encode("SMP_NOT_AV", (Entry("rSEQ", "17"),))
    assert feed(host, gone) == ([received(gone)], ACK)
    assert host.timeout is None


def test_unrequested_data_is_taken_and_leaves_the_request_open() -> None:
    host = Host()
    feed(host, NOTICE)
    edited = encode("SMP_EDIT_DATA", (Entry("rSEQ", "17"), *RESULTS))
    assert feed(host, edited) == ([received(edited)], ACK)
    assert host.expire() == Unanswered("17", 1)


def test_data_that_do_not_come_are_asked_for_again() -> None:
    host = Host()
    feed(host, NOTICE)
    assert host.expire() == Unanswered("17", 1)
    assert host.accept() == REQUEST
    assert host.expire() == Unanswered("17", 2)
    assert host.refuse() == b""
    assert host.timeout is None
    assert host.expire() is None


def test_identification() -> None:
    host = Host(model="LIS", number="GW")
    identity = encode("ID_DATA", (Entry("aMOD", "LIS"), Entry("iIID", "GW")))
    assert feed(host, encode("ID_REQ"))[1] == ACK + identity


def test_a_refused_notice_is_not_asked_for() -> None:
    host = Host()
    host.receive_data(NOTICE)
    host.next_event()
    assert host.refuse() == b""
    assert host.timeout is None


def test_answers_are_asked_for_once() -> None:
    host = Host()
    with pytest.raises(LocalProtocolError):
        host.accept()
    with pytest.raises(LocalProtocolError):
        host.refuse()
    host.receive_data(NOTICE)
    host.next_event()
    with pytest.raises(LocalProtocolError):
        host.next_event()


def test_a_lost_line_forgets_its_requests() -> None:
    host = Host()
    feed(host, NOTICE + NOTICE[:9])
    assert host.connection_lost() == MessageIncomplete(Cutoff.LOST, NOTICE[:9])
    assert host.timeout is None


def test_every_damaged_byte_is_found() -> None:
    for index in range(len(DATA)):
        for bit in range(8):
            damaged = bytearray(DATA)
            damaged[index] ^= 1 << bit
            events, written = feed(Host(), bytes(damaged))
            assert written == b""
            assert not any(isinstance(event, MessageReceived) for event in events)


def test_missing_eot_is_damage_and_the_next_message_survives() -> None:
    events, _ = feed(Host(), DATA[:-1] + NOTICE)
    assert events == [MessageIncomplete(Cutoff.RESTARTED, DATA[:-1]), received(NOTICE)]
    events, _ = feed(Host(), DATA[:-1] + b"x" + NOTICE)
    assert events == [MessageDamaged(Damage.FORMAT, DATA[:-1]), received(NOTICE)]


def test_the_device_delivers_what_it_announced() -> None:
    device, host = Device("0500", "1"), Host()
    to_host, delivered, taken = device.announce("17", RESULTS), [], []
    while to_host:
        events, to_device = feed(host, to_host)
        taken += [decode(event.raw).name for event in events if isinstance(event, MessageReceived)]
        device.receive_data(to_device)
        to_host = b""
        while (event := device.next_event()) is not None:
            if isinstance(event, Delivered):
                delivered.append(event.sequence)
            elif isinstance(event, Requested | MessageReceived):
                to_host += device.accept()
    assert taken == ["SMP_NEW_AV", "SMP_NEW_DATA"]
    assert delivered == ["17"]
    assert device.kept == ()


def test_the_device_says_when_it_has_nothing() -> None:
    device = Device()
    device.receive_data(REQUEST)
    assert device.next_event() == Requested("17")
    assert decode(device.accept()[len(ACK) :]).name == "SMP_NOT_AV"


@settings(max_examples=FUZZ, deadline=1000)
@given(data=st.data())
def test_any_bytes_in_any_slicing(data: st.DataObject) -> None:
    pieces = st.one_of(st.binary(max_size=30), st.sampled_from([NOTICE, DATA, ACK, DATA[:40]]))
    stream = b"".join(data.draw(st.lists(pieces, max_size=6)))
    random = Random(data.draw(st.integers(0, 1000)))
    whole = Host()
    expected = feed(whole, stream)
    cut = Host()
    edges = sorted({0, len(stream), *(random.randrange(len(stream) + 1) for _ in range(8))})
    parts = [feed(cut, stream[a:b]) for a, b in pairwise(edges)]
    events = [event for part, _ in parts for event in part]
    assert (events, b"".join(written for _, written in parts)) == expected
    assert whole.expire() == cut.expire()
