"""Simulator, bad wire, host, report, HL7: every HL7, POCT1-A and text profile, seeded.

What a device takes for delivered gives just the reports that were meant, once.  Languages without a
check value are not sent over wires that flip bits: nothing could be said of them there but that
their reports are marked as unchecked.  Devices that broadcast cannot know of a loss.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC
from functools import cache

import pytest
from line_play import Host, host_of
from message_talks import talk
from reading_samples import BERLIN, NOW
from test_roundtrip import delivered

from gateway.profiles import (
    AnalyzerProfile,
    Context,
    NotExpressible,
    Protocol,
    catalogue,
    read_transmission,
)
from gateway.profiles.text_views import LIS3
from gateway.protocols import hl7device, lis3, poct1a, text
from gateway.protocols.events import Enquiry, MessageDamaged, MessageReceived
from gateway.report import Kind, Report
from simulators.scenarios import SCENARIOS, Day
from simulators.wire import Fault, flip_bits, split, whole

SPOKEN = (Protocol.HL7, Protocol.POCT1A, Protocol.TEXT)
PROFILES = [one for one in catalogue().values() if one.link.protocol in SPOKEN]
SCENES = ("panel", "several-specimens", "masked", "qc", "resend", "corrected")
MOST_STEPS = 500
MOST_TRIES = 200


def lose(rng: random.Random, probability: float) -> Fault:
    """Some answers never arrive."""

    def fault(chunk: bytes) -> Iterator[bytes]:
        if chunk and rng.random() >= probability:
            yield chunk

    return fault


class Desk:
    """The host: acknowledges as the gateway does and keeps what arrived whole."""

    def __init__(self, profile: AnalyzerProfile) -> None:
        self._link = profile.link
        self._host: Host = host_of(self._link)
        self._greeting = b""
        self.complete: list[bytes] = []

    def hear(self, data: bytes) -> bytes:
        self._host.receive_data(data)
        return self._answers()

    def quiet(self) -> bytes:
        """Nothing came for as long as the host waits."""
        if isinstance(self._host, poct1a.DataManager) or self._host.timeout is None:
            return b""
        event = self._host.expire()
        return (b"" if event is None else self._answer(event)) + self._answers()

    def hung_up(self) -> None:
        while (event := self._host.connection_lost()) is not None:
            self._answer(event)
        self._host, self._greeting = host_of(self._link), b""

    def _answers(self) -> bytes:
        said = b""
        while (event := self._host.next_event()) is not None:
            said += self._answer(event)
        return said

    def _answer(self, event: object) -> bytes:
        match event:
            case poct1a.MessageReceived(message=message):
                if message.kind is poct1a.Kind.HELLO:
                    self._greeting = message.raw
                elif message.kind is poct1a.Kind.OBSERVATION:
                    self.complete.append(self._greeting + message.raw)
                return self._host.accept()
            case hl7device.MessageReceived(raw=raw) | MessageReceived(raw=raw):
                self.complete.append(raw)
                return self._host.accept()
            case hl7device.QueryReceived() | MessageDamaged():
                return self._host.refuse()
            case Enquiry() | lis3.Unanswered():
                return self._host.accept()
            case poct1a.Acknowledged() | poct1a.Silent() | hl7device.Acknowledged():
                assert isinstance(self._host, poct1a.DataManager | hl7device.Peer)
                return self._host.advance()
            case _:
                return b""


def send(profile: AnalyzerProfile, payload: bytes, desk: Desk, wire: tuple[Fault, Fault]) -> None:
    """As devices do: the whole message again until it was acknowledged."""
    for _ in range(MOST_TRIES):
        if _converse(profile, payload, desk, wire):
            return
        desk.hung_up()
    pytest.fail("never delivered")


def _converse(
    profile: AnalyzerProfile, payload: bytes, desk: Desk, wire: tuple[Fault, Fault]
) -> bool:
    towards, back = wire
    device = talk(profile, payload)
    outgoing = device.start()
    for _ in range(MOST_STEPS):
        came = b"".join(a for piece in towards(outgoing) for a in back(desk.hear(piece)))
        if outgoing == came == b"":
            came = desk.quiet()
            if not came:
                return False
        outgoing = device.hear(came) if came else b""
        if device.verdict is not None:
            _finish(profile, outgoing, desk, towards)
            return device.verdict
        if not came and not outgoing:
            continue
    return False


def _finish(profile: AnalyzerProfile, outgoing: bytes, desk: Desk, towards: Fault) -> None:
    for piece in towards(outgoing) if outgoing else ():
        desk.hear(piece)
    if _ends_with_silence(profile):
        desk.quiet()


def _ends_with_silence(profile: AnalyzerProfile) -> bool:
    codec = text.CODECS.get(profile.link.codec or "")
    if profile.link.protocol is not Protocol.TEXT or profile.link.codec == LIS3:
        return False
    return codec is None or bool(codec.calls) or isinstance(codec.framing, text.Silence)


Wire = Callable[[random.Random], tuple[Fault, Fault]]


def cut(rng: random.Random) -> tuple[Fault, Fault]:
    return split(rng), split(rng)


def forgetful(rng: random.Random) -> tuple[Fault, Fault]:
    return split(rng), lose(rng, 0.2)


def garbled(rng: random.Random) -> tuple[Fault, Fault]:
    """Answers arrive spoiled, and the device sends its message again."""
    return split(rng), flip_bits(rng, 0.2)


def noisy(rng: random.Random) -> tuple[Fault, Fault]:
    return flip_bits(rng, 0.3), whole


def _checked(profile: AnalyzerProfile) -> bool:
    codec = text.CODECS.get(profile.link.codec or "")
    return profile.link.codec == LIS3 or (codec is not None and codec.checked)


def _broadcasts(profile: AnalyzerProfile) -> bool:
    codec = text.CODECS.get(profile.link.codec or "")
    spoken = profile.link.protocol is Protocol.TEXT and profile.link.codec != LIS3
    return spoken and not (codec and codec.calls)


@cache
def messages(profile: AnalyzerProfile) -> tuple[tuple[bytes, Report], ...]:
    """Each payload, with the report that arrives over a good wire."""
    found = []
    day = Day(profile, random.Random(11), lambda: NOW.astimezone(UTC), BERLIN)
    for scene in ("one-result", *SCENES[2:]) if profile.shape.alone else SCENES:
        try:
            message = next(SCENARIOS[scene](day))
        except NotExpressible:
            assert scene not in ("panel", "one-result", "resend"), scene
            continue
        assert len(message.records) == len(message.samples)
        for payload in message.records:
            desk = Desk(profile)
            send(profile, payload, desk, (whole, whole))
            arrived = [one for text in desk.complete for one in read(profile, text)]
            (report,), (composed,) = arrived, read(profile, payload)
            assert report.observations == composed.observations
            found.append((payload, report))
    return tuple(found)


def read(profile: AnalyzerProfile, payload: bytes) -> tuple[Report, ...]:
    codes = {code: analyte.loinc or "8061-4" for code, analyte in profile.menu.items()}
    context = Context(profile.name, BERLIN, NOW, "1", codes)
    return read_transmission(payload, profile, context).reports


def _wires(profile: AnalyzerProfile) -> list[Wire]:
    answered = [cut] if _broadcasts(profile) else [forgetful, garbled]
    return [*answered, *([noisy] if _checked(profile) else [])]


CASES = [(profile, wire) for profile in PROFILES for wire in _wires(profile)]


@pytest.mark.parametrize(
    ("profile", "wire"), CASES, ids=[f"{p.name}-{w.__name__}" for p, w in CASES]
)
@pytest.mark.parametrize("seed", range(1, 3))
def test_what_was_sent_is_what_is_delivered(
    profile: AnalyzerProfile, wire: Wire, seed: int
) -> None:
    desk, faults = Desk(profile), wire(random.Random(seed))
    meant: dict[str, Report] = {}
    for payload, report in messages(profile):
        send(profile, payload, desk, faults)
        meant[report.id] = report
    found = {one.id: one for payload in desk.complete for one in read(profile, payload)}
    if wire is noisy and _broadcasts(profile):
        assert found.items() <= meant.items()
    else:
        assert found == meant
    sendable = [one for one in found.values() if one.kind is Kind.PATIENT and not one.held]
    assert all(delivered(report).startswith(b"MSH|") for report in sendable)
    assert sendable or wire is noisy or not (profile.where.specimen or profile.where.patient)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_repeats_and_joined_messages_are_the_same_reports(profile: AnalyzerProfile) -> None:
    """Each message twice; where they only broadcast, all of them in one piece."""
    held = joined_until_the_end() if _joins(profile) else split(random.Random(7))
    desk = Desk(profile)
    meant: dict[str, Report] = {}
    for payload, report in messages(profile):
        for _ in range(2):
            send(profile, payload, desk, (held, whole))
        meant[report.id] = report
    for piece in held(b""):
        desk.hear(piece)
    found = [one for payload in desk.complete for one in read(profile, payload)]
    assert {one.id: one for one in found} == meant
    assert len(found) >= 2 * len(meant)


def _joins(profile: AnalyzerProfile) -> bool:
    return _broadcasts(profile) and not _ends_with_silence(profile)


def joined_until_the_end() -> Fault:
    waiting = b""

    def fault(chunk: bytes) -> Iterator[bytes]:
        nonlocal waiting
        waiting += chunk
        if not chunk:
            yield waiting

    return fault
