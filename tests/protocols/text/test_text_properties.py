"""What holds for every text device: slicing, the way back, damaged bytes, any bytes at all."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_probes import FUZZ, conversation, sliced, slicings
from text_samples import SAMPLES

from gateway.protocols.errors import RemoteProtocolError
from gateway.protocols.events import Integrity, MessageReceived
from gateway.protocols.text import CODECS

NAMES = sorted(CODECS)
ANCHORED = [name for name in NAMES if CODECS[name].framing.anchored]


def test_every_codec_has_a_sample() -> None:
    assert sorted(SAMPLES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_any_slicing_gives_one_message(name: str) -> None:
    codec = CODECS[name]
    integrity = Integrity.CHECKED if codec.checked else Integrity.UNCHECKED
    raw = SAMPLES[name].rstrip(b"\n") if name == "eurolyser" else SAMPLES[name]
    for chunks in slicings(SAMPLES[name]):
        events, _, _ = conversation(codec.framing, chunks)
        assert events == [MessageReceived(raw, integrity)]


@pytest.mark.parametrize("name", ANCHORED)
def test_several_messages_joined_with_noise(name: str) -> None:
    stream = b"\r\n\xff" + SAMPLES[name] + b"\r\n" + SAMPLES[name] * 2 + b"\x04\r\n"
    expected, _, junk = conversation(CODECS[name].framing, [stream])
    assert [event.raw for event in expected] == [SAMPLES[name]] * 3
    assert junk == 8
    for chunks in slicings(stream):
        assert conversation(CODECS[name].framing, chunks) == (expected, b"", junk)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_reads_the_same(name: str) -> None:
    codec = CODECS[name]
    fields = codec.decode(SAMPLES[name])
    assert not fields.problems
    again = codec.decode(codec.encode(fields))
    assert [row.name for row in again.rows] == [row.name for row in fields.rows]
    for row, other in zip(fields.rows, again.rows, strict=True):
        assert {name: row.at(name) for name in row.values if name != "raw"} == {
            name: other.at(name) for name in row.values if name != "raw"
        }
        assert row.blobs == other.blobs
    events, _, _ = conversation(codec.framing, [codec.encode(fields)])
    assert [type(event) for event in events] == [MessageReceived]


@pytest.mark.parametrize("name", ["horiba-abx", "mini-vidas"])
def test_every_damaged_byte_is_found_where_there_is_a_sum(name: str) -> None:
    raw, codec = SAMPLES[name], CODECS[name]
    for index in range(len(raw)):
        for bit in (1, 2, 4, 8, 16, 32, 64, 128):
            damaged = raw[:index] + bytes([raw[index] ^ bit]) + raw[index + 1 :]
            events, _, _ = conversation(codec.framing, [damaged])
            for event in events:
                if isinstance(event, MessageReceived):
                    # Only a hexadecimal digit in its other case says the same.
                    assert event.raw.lower() == raw.lower()
                    assert event.raw[:-7] == raw[:-7]


@pytest.mark.parametrize("name", ["sysmex-kx21n", "sysmex-kx21", "sysmex-uc1000"])
def test_a_lost_byte_never_gives_results(name: str) -> None:
    raw, codec = SAMPLES[name], CODECS[name]
    for index in range(len(raw)):
        events, _, _ = conversation(codec.framing, [raw[:index] + raw[index + 1 :]])
        for event in events:
            if isinstance(event, MessageReceived):
                assert not codec.decode(event.raw).rows


@pytest.mark.parametrize("name", NAMES)
def test_every_damaged_byte_is_survived(name: str) -> None:
    codec = CODECS[name]
    random = Random(7)
    for index in range(len(SAMPLES[name])):
        raw = bytearray(SAMPLES[name])
        raw[index] = random.randrange(256)
        for event in conversation(codec.framing, [bytes(raw)])[0]:
            if isinstance(event, MessageReceived):
                codec.decode(event.raw)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=FUZZ, deadline=1000)
@given(data=st.data())
def test_any_bytes_in_any_slicing(name: str, data: st.DataObject) -> None:
    """No crash, nothing lost, nothing invented, the same events however they are cut."""
    codec = CODECS[name]
    pieces = st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [SAMPLES[name], SAMPLES[name][:-2], b"\x02", b"\x03", b"\x10", b"\x05CTR\x03"]
        ),
    )
    stream = b"".join(data.draw(st.lists(pieces, max_size=6)))
    random = Random(data.draw(st.integers(0, 1000)))
    events, written, junk = conversation(codec.framing, [stream])
    assert sum(event.size for event in events) + junk == len(stream)
    at = 0
    for event in events:
        at = stream.index(event.raw, at) + event.size
    for event in events:
        if isinstance(event, MessageReceived):
            codec.decode(event.raw)
    if stream:
        assert conversation(codec.framing, sliced(stream, random)) == (events, written, junk)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=FUZZ, deadline=1000)
@given(raw=st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused(name: str, raw: bytes) -> None:
    with suppress(RemoteProtocolError):
        assert CODECS[name].decode(raw).at("no.such") is None


WORST = {
    "spaces": b" ",
    "digits": b"1",
    "commas": b"a,",
    "lines": b"x\r",
    "records": b"Data No.: 1\r\n",
    "fields": b"\x1eaa",
    "pairs": b"a\x16b\x08",
    "words": b"Na 1 ",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", sorted(WORST))
@pytest.mark.parametrize("name", NAMES)
def test_the_worst_message_of_the_limit_is_read_in_a_moment(name: str, unit: str) -> None:
    codec, sample = CODECS[name], SAMPLES[name]
    size = codec.framing.limit - len(sample)
    half = len(sample) // 2
    body = (WORST[unit] * (size // len(WORST[unit])))[:size]
    begun = process_time()
    with suppress(RemoteProtocolError):
        codec.decode(sample[:half] + body + sample[half:])
    conversation(codec.framing, [sample[:half], body, sample[half:]])
    assert process_time() - begun < 1.0
