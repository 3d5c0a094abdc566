"""No text of a device, whatever is in it, changes the shape of a message."""

from __future__ import annotations

from dataclasses import replace

import hl7
import oru_samples as samples
from hypothesis import given, settings
from hypothesis import strategies as st
from oru_strategies import EXAMPLES, ORDERS, REPORTS, TEXTS

from gateway.messages import (
    DESTINATION_PROFILES,
    DestinationProfile,
    NotEncodable,
    Obstacle,
    Order,
    encode,
    verify,
)
from gateway.protocols.hl7 import read
from gateway.protocols.mllp import Block, Decoder, encode_block
from gateway.report import Absent, AbsentReason, Quantity, Report, Text, Unit

PROFILES = st.sampled_from(list(DESTINATION_PROFILES.values()))
EXPECTED_REFUSALS = {
    Obstacle.EMPTY,
    Obstacle.HL7_NULL,
    Obstacle.TOO_LONG,
    Obstacle.UNENCODABLE_CHARACTER,
}


@settings(max_examples=EXAMPLES, deadline=None)
@given(report=REPORTS, order=ORDERS, profile=PROFILES)
def test_no_text_changes_the_shape_of_a_message(
    report: Report, order: Order | None, profile: DestinationProfile
) -> None:
    envelope = replace(samples.ENVELOPE, order=order, domains=samples.DOMAINS)
    try:
        message = encode(report, envelope, profile)
    except NotEncodable as refusal:
        if refusal.obstacle not in EXPECTED_REFUSALS:
            raise
        return
    verify(message, report, envelope, profile)
    assert _blocks(message) == [message]
    text = message.decode(profile.charset.codec)
    names = [line[:3] for line in text.split("\r")[:-1]]
    assert names.count("OBX") == len(report.observations)
    assert all(name in profile.segments for name in names)
    assert names == [str(segment[0]) for segment in hl7.parse(text)]
    _reads_back(text, report)


def _blocks(message: bytes) -> list[bytes]:
    decoder = Decoder()
    decoder.receive_data(encode_block(message))
    found = iter(decoder.next_event, None)
    return [event.body for event in found if isinstance(event, Block)]


def _reads_back(text: str, report: Report) -> None:
    """The tolerant reader, a third reading of the same message, finds the ids and the texts."""
    message = read(text)
    patient = message.first("PID")
    assert patient is not None
    ids = [patient.at(3, repetition=n + 1) for n in range(len(report.patient.ids))]
    assert ids == [one.value for one in report.patient.ids]
    for segment, observation in zip(message.all("OBX"), report.observations, strict=True):
        assert segment.at(3, 4 if observation.code.loinc else 1) == observation.code.device
        if isinstance(observation.value, Text):
            lines = segment.at(2) == "FT"
            assert segment.at(5) == seen(observation.value.text, "\n" if lines else " ")
        if isinstance(observation.value, Quantity) and segment.at(2) == "NM":
            assert segment.field(5) == observation.value.number


def seen(text: str, line_break: str) -> str:
    """The documented substitutions, once more in other words."""
    text = text.replace("\r\n", "\n")
    kept = (
        line_break
        if character in "\n\r\x85\u2028\u2029"
        else " "
        if character == "\t"
        else ""
        if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0
        else character
        for character in text
    )
    return "".join(kept)


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS)
def test_one_text_in_every_field_at_once(text: str) -> None:
    """What identifies is left alone here; everything else holds the same text."""
    report = replace(
        samples.BASE,
        patient=replace(samples.BASE.patient, name=text, sex=text),
        specimen=replace(samples.BASE.specimen, type=text),
        observations=(
            replace(
                samples.WBC,
                code=replace(samples.WBC.code, display=text),
                value=Quantity("5.50", None, Unit(text)),
                flags=(text,),
                range=text,
                operator=text,
                notes=(text, text),
            ),
            replace(samples.WBC, value=Absent(AbsentReason.ERROR), raw=text),
        ),
        notes=(text,),
    )
    for profile in DESTINATION_PROFILES.values():
        try:
            message = encode(report, samples.ENVELOPE, profile)
        except NotEncodable as refusal:
            if refusal.obstacle not in EXPECTED_REFUSALS:
                raise
            continue
        verify(message, report, samples.ENVELOPE, profile)
        assert message.count(b"OBX|") - message.count(b"\\F\\OBX|") >= 2
        assert len(read(message.decode(profile.charset.codec)).all("OBX")) == 2
        assert _blocks(message) == [message]
