"""Both directions on one line: host query, order download, collisions, interrupts."""

from __future__ import annotations

import random

import pytest
from astm_link import Joined, Station, clean, noisy, split
from astm_play import ACK, ENQ, EOT, FRAMES, HEADER, NAK, PANEL

from gateway.protocols.astm import (
    Accepted,
    Busy,
    Delivered,
    Dialect,
    Enquiry,
    Failed,
    Failure,
    FrameReceived,
    Framing,
    Incomplete,
    Interrupted,
    Line,
    Role,
    Timers,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.errors import LocalProtocolError

QUERY = (HEADER, b"Q|1|^S0001||ALL||||||||O\r", b"L|1|N\r")
ORDER = (HEADER, b"P|1\r", b"O|1|S0001||^^^GLU|R||||||A\r", b"L|1|F\r")


def joined(seed: int, forth: object = None, back: object = None) -> Joined:
    rng = random.Random(seed)
    device, host = Station.of(Role.INSTRUMENT), Station.of(Role.HOST)
    faults = (forth or split(rng), back or split(rng))
    return Joined(device, host, faults, rng)  # type: ignore[arg-type]


def hear(line: Line, *data: bytes) -> list[object]:
    """The events when these bytes arrive, each answered by accepting."""
    happened: list[object] = []
    for piece in data:
        line.receive_data(piece)
        while (event := line.next_event()) is not None:
            happened.append(event)
            if line.receiver.awaiting:
                line.accept()
    return happened


def test_a_host_query_and_its_answer() -> None:
    pair = joined(1)
    pair.first.line.send(QUERY)
    pair.run()
    assert pair.second.complete == [b"".join(QUERY)]
    pair.second.line.send(ORDER)
    pair.run()
    assert pair.first.complete == [b"".join(ORDER)]
    assert pair.first.line.idle
    assert pair.second.line.idle


@pytest.mark.parametrize("seed", range(20))
def test_both_begin_at_once_and_both_messages_arrive(seed: int) -> None:
    pair = joined(seed)
    pair.first.line.send(QUERY)
    pair.second.line.send(ORDER)
    pair.run()
    assert pair.first.complete == [b"".join(ORDER)]
    assert pair.second.complete == [b"".join(QUERY)]
    assert not pair.first.failed
    assert not pair.second.failed


@pytest.mark.parametrize("seed", range(60))
def test_both_directions_over_bad_wires(seed: int) -> None:
    rng = random.Random(seed)
    faults = noisy(rng, 0.1, "flip", "lose", "shorten", "repeat", "junk")
    pair = joined(seed, faults, faults)
    pair.first.line.send(QUERY)
    pair.second.line.send(ORDER)
    pair.run()
    assert pair.first.complete in ([], [b"".join(ORDER)])
    assert pair.second.complete in ([], [b"".join(QUERY)])


def test_the_host_waits_for_the_instrument_after_a_collision() -> None:
    line = Line(role=Role.HOST)
    line.send(ORDER)
    assert line.data_to_send() == ENQ
    assert hear(line, ENQ) == []
    assert line.data_to_send() == b""
    assert line.timeout == 20
    assert hear(line, ENQ) == [Enquiry()]
    assert line.timeout == 30
    happened = hear(line, *FRAMES, EOT)
    assert isinstance(happened[-1], TransmissionEnded)
    assert line.data_to_send() == ENQ


def test_the_host_asks_again_when_the_instrument_does_not_come() -> None:
    line = Line(Dialect(timers=Timers(contention_host=7)))
    line.send(ORDER)
    hear(line, ENQ)
    line.data_to_send()
    assert line.timeout == 7
    assert line.expire() is None
    assert line.data_to_send() == ENQ
    assert line.timeout == 15


def test_the_instrument_asks_again_after_a_collision() -> None:
    line = Line(role=Role.INSTRUMENT)
    line.send(QUERY)
    line.data_to_send()
    assert hear(line, ENQ) == []
    assert line.timeout == 1
    line.expire()
    assert line.data_to_send() == ENQ


def test_a_message_waits_until_the_line_is_neutral() -> None:
    line = Line()
    hear(line, ENQ, FRAMES[0])
    line.send(ORDER)
    assert line.data_to_send() == b""
    assert line.busy
    with pytest.raises(LocalProtocolError):
        line.send(ORDER)
    with pytest.raises(LocalProtocolError):
        Line().send([])
    hear(line, *FRAMES[1:], EOT)
    assert line.data_to_send() == ENQ


def test_an_enquiry_that_arrived_first_is_heard_first() -> None:
    line = Line()
    line.receive_data(ENQ)
    line.send(ORDER)
    assert line.data_to_send() == b""
    assert line.next_event() == Enquiry()


def test_a_busy_peer_that_wants_to_send_is_heard() -> None:
    line = Line()
    line.send(ORDER)
    assert hear(line, NAK) == [Busy(1)]
    assert hear(line, ENQ) == [Enquiry()]
    hear(line, *FRAMES, EOT)
    line.data_to_send()
    assert hear(line, ACK) == [Accepted(0)]


def test_an_interrupted_instrument_goes_on_unless_told_otherwise() -> None:
    line = Line(role=Role.INSTRUMENT)
    line.send(PANEL)
    assert hear(line, ACK, EOT) == [Accepted(0), Interrupted(1)]
    assert line.data_to_send() == ENQ + FRAMES[0] + FRAMES[1]


def test_an_interrupted_instrument_yields_and_sends_the_rest_later() -> None:
    line = Line(role=Role.INSTRUMENT, yielding=True)
    line.send(PANEL)
    assert hear(line, ACK, ACK) == [Accepted(0), Accepted(1)]
    assert hear(line, EOT) == []
    assert line.data_to_send() == ENQ + FRAMES[0] + FRAMES[1] + EOT
    assert line.busy
    assert line.timeout == 20
    assert hear(line, ENQ) == [Enquiry()]
    hear(line, *FRAMES, EOT)
    assert line.data_to_send() == ENQ
    assert hear(line, ACK)[-1] == Accepted(0)
    assert line.data_to_send() == FRAMES[0]


def test_bytes_behind_the_last_ack_are_the_peers_next_transmission() -> None:
    line = Line()
    line.send(ORDER)
    happened = hear(line, ACK * 5 + ENQ + FRAMES[0])
    assert happened[-3] == Delivered(4)
    assert happened[-2] == Enquiry()
    assert isinstance(happened[-1], FrameReceived)


def test_a_failed_message_is_the_callers_again() -> None:
    line = Line()
    line.send(ORDER)
    assert line.expire() == Failed(Failure.NO_REPLY, 0)
    assert line.data_to_send() == ENQ + EOT
    assert not line.busy
    assert line.idle
    line.send(ORDER)


def test_silence_of_the_sender_frees_the_line_for_what_waits() -> None:
    line = Line()
    hear(line, ENQ, FRAMES[0])
    line.send(ORDER)
    assert line.expire() == TransmissionIncomplete(Incomplete.TIMEOUT, 1)
    assert line.data_to_send() == ENQ


def test_a_lost_connection_tells_of_both_ends() -> None:
    line = Line()
    hear(line, ENQ, FRAMES[0])
    line.send(ORDER)
    assert line.connection_lost() == TransmissionIncomplete(Incomplete.LOST, 1)
    assert line.connection_lost() == Failed(Failure.LOST, 0)
    assert line.connection_lost() is None
    line.send(ORDER)
    assert line.connection_lost() == Failed(Failure.LOST, 0)
    assert not line.busy


def test_refusing_and_interrupting_go_through() -> None:
    line = Line()
    line.receive_data(ENQ)
    line.next_event()
    line.accept()
    line.receive_data(FRAMES[0])
    line.next_event()
    assert line.refuse() == NAK
    line.receive_data(FRAMES[0])
    line.next_event()
    assert line.interrupt() == EOT


def test_bare_lines_speak_both_ways() -> None:
    bare = Dialect(framing=Framing.BARE)
    rng = random.Random(3)
    device, host = Station.of(Role.INSTRUMENT, bare), Station.of(Role.HOST, bare)
    pair = Joined(device, host, (clean, clean), rng)
    device.line.send(QUERY)
    pair.run()
    host.line.send(ORDER)
    pair.run()
    assert host.complete == [b"".join(QUERY)]
    assert device.complete == [b"".join(ORDER)]
