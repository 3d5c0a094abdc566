"""Any slicing of the bytes, and any cutting into fragments, gives the same events."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest
from dicom_wire import ECHO, EVERYTHING, STILL, Pair, events, join, joined
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.dicom import (
    Association,
    AssociationRequested,
    CEchoRQ,
    CommandReceived,
    CStoreRQ,
    DataReceived,
    Event,
    ReleaseRequested,
    Role,
    Settings,
    negotiate,
    propose,
)
from gateway.protocols.dicom.dimse import write_message
from gateway.protocols.dicom.pdu import PDataTF, Pdv
from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE

EXAMPLES = int(os.environ.get("DICOM_EXAMPLES", "50"))
STORE = CStoreRQ(
    message_id=2, affected_sop_class_uid=ULTRASOUND_IMAGE, affected_sop_instance_uid="1.2.3"
)
REQUEST = propose("GATEWAY", "VOLUSON", [ECHO, STILL])
DATA = bytes(range(256)) * 3


def conversation() -> bytes:
    """All a requestor says from the request to the release; its units are tiny."""
    pair = Pair(acceptor=Settings(max_pdu_length=128))
    echo = pair.requestor.send(1, CEchoRQ(message_id=1))
    pair.to_acceptor(echo)
    pair.to_requestor(pair.acceptor.send(1, CEchoRQ(message_id=1).response(0)))
    store = join(pair.requestor.stream(3, STORE, [DATA[:100], DATA[100:]], len(DATA)))
    return echo + store + pair.requestor.release()


REST = conversation()
WHOLE = REQUEST.encode() + REST


def heard(
    association: Association, pieces: Iterator[bytes], *, in_place: bool, at_once: bool = False
) -> list[Event]:
    """The events of an acceptor that answers what must be answered.

    ``at_once``: data sets are asked for many pieces at a time.
    """
    found: list[Event] = []
    for piece in pieces:
        if in_place:
            association.receive_data(piece)
        else:
            room = association.get_buffer()
            room[: len(piece)] = piece
            association.buffer_updated(len(piece))
        data = association.next_data() if at_once else []
        found += [DataReceived(3, 2, memoryview(bytes(view)), last=False) for view in data]
        for event in events(association):
            found.append(event)
            if isinstance(event, AssociationRequested):
                association.accept(negotiate(event.request, EVERYTHING))
            if isinstance(event, CommandReceived) and isinstance(event.message, CEchoRQ):
                association.send(event.context.id, event.message.response(0))
    return joined(found)


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return (data[start:end] for start, end in itertools.pairwise(edges))


def fresh() -> Association:
    return Association(Role.ACCEPTOR, Settings(max_pdu_length=128, receive_buffer=2048))


EXPECTED = heard(fresh(), iter([REQUEST.encode(), REST]), in_place=True)


def test_the_conversation_is_what_we_think() -> None:
    assert [type(event) for event in EXPECTED] == [
        AssociationRequested,
        CommandReceived,
        CommandReceived,
        DataReceived,
        ReleaseRequested,
    ]
    assert isinstance(EXPECTED[3], DataReceived)
    assert EXPECTED[3].data == DATA
    assert EXPECTED[3].last


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 11, 12, 13, 64, 127, 134, 1000])
def test_slices_of_one_size(size: int, in_place: bool, at_once: bool) -> None:
    # Nothing may follow the request before its answer, so that edge is always there.
    first, rest = REQUEST.encode(), REST
    pieces = [first[n : n + size] for n in range(0, len(first), size)]
    pieces += [rest[n : n + size] for n in range(0, len(rest), size)]
    found = heard(fresh(), iter(pieces), in_place=in_place, at_once=at_once)
    assert found == EXPECTED


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(st.integers(0, 5000), max_size=30),
    st.lists(st.integers(0, 5000), max_size=30),
    st.booleans(),
    st.booleans(),
)
def test_any_slices(first: list[int], rest: list[int], in_place: bool, at_once: bool) -> None:
    pieces = itertools.chain(cut(REQUEST.encode(), first), cut(REST, rest))
    small = (piece[n : n + 1024] for piece in pieces for n in range(0, len(piece), 1024))
    assert heard(fresh(), small, in_place=in_place, at_once=at_once) == EXPECTED


def units(values: list[Pdv], per_unit: list[int]) -> bytes:
    """The values spread over units as the numbers say, one at least in each."""
    out, counts = [], itertools.cycle(per_unit or [1])
    while values:
        count = 1 + next(counts) % 4
        out.append(PDataTF(tuple(values[:count])).encode())
        values = values[count:]
    return b"".join(out)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(st.integers(0, 1000), max_size=12),
    st.lists(st.integers(0, 1000), max_size=12),
    st.lists(st.integers(0, 3), max_size=6),
    st.lists(st.integers(0, 5000), max_size=20),
    st.booleans(),
)
def test_any_fragments(
    command_cuts: list[int],
    data_cuts: list[int],
    per_unit: list[int],
    slices: list[int],
    at_once: bool,
) -> None:
    command = write_message(STORE, has_data=True).encode()
    fragments = []
    for is_command, whole, cuts in ((True, command, command_cuts), (False, DATA, data_cuts)):
        pieces = list(cut(whole, cuts))
        fragments += [
            Pdv(3, is_command, n == len(pieces) - 1, piece) for n, piece in enumerate(pieces)
        ]
    pair = Pair()
    pieces = cut(units(fragments, per_unit), slices)
    found = heard(pair.acceptor, pieces, in_place=True, at_once=at_once)
    assert found == [
        CommandReceived(pair.acceptor.contexts[3], STORE, has_data=True),
        DataReceived(3, 2, memoryview(DATA), last=True),
    ]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.binary(max_size=2000),
    st.lists(st.integers(0, 2000), max_size=10),
    st.integers(32, 500),
)
def test_any_buffers_any_unit_size(data: bytes, cuts: list[int], max_length: int) -> None:
    pair = Pair(acceptor=Settings(max_pdu_length=max_length))
    buffers = [bytearray(piece) for piece in cut(data, cuts)]
    found = joined(
        event
        for unit in pair.requestor.stream(3, STORE, buffers, len(data))
        for event in pair.to_acceptor(b"".join(unit))
    )
    assert found[1:] == [DataReceived(3, 2, memoryview(data), last=True)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.binary(max_size=300),
    st.lists(st.integers(0, 1500), max_size=8),
)
def test_damage_within_a_data_set_is_found_alike(noise: bytes, places: list[int]) -> None:
    """Tiny units of a data set, then bytes that are no unit."""
    rest = REST[: len(REST) - 10 - 50]
    whole, pieces = fresh(), fresh()
    for association in (whole, pieces):
        heard(association, iter([REQUEST.encode()]), in_place=True)
    expected = heard(whole, iter([rest, noise]), in_place=True)
    sliced = itertools.chain(cut(rest, places), cut(noise, places))
    found = heard(pieces, sliced, in_place=True, at_once=True)
    assert found == expected
    assert pieces.state is whole.state


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_garbage_ends_alike_however_it_is_cut(data: bytes, places: list[int]) -> None:
    whole, pieces = fresh(), fresh()
    expected = heard(whole, iter([data]), in_place=True)
    assert heard(pieces, cut(data, places), in_place=True) == expected
    assert pieces.state is whole.state
    assert pieces.must_close is whole.must_close
