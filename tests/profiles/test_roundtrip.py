"""Simulator, bad wire, receiver, report, HL7: every ASTM profile, in memory and seeded.

Whatever the wire does, a message the device takes for delivered gives just the reports that were
meant, once; nothing that was not sent becomes a report.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from reading_samples import BERLIN, NOW

from gateway.messages import DESTINATION_PROFILES, Envelope, control_id, encode, verify
from gateway.profiles import AnalyzerProfile, Context, Protocol, catalogue, read_transmission
from gateway.protocols.astm import (
    Delivered,
    Dialect,
    Failed,
    FrameDamaged,
    FrameReceived,
    Framing,
    MessageReceived,
    Receiver,
    Sender,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.report import Kind, Report
from simulators.scenarios import SCENARIOS, Day
from simulators.wire import Fault, chain, flip_bits, lose_acknowledgments, split, whole

PROFILES = [one for one in catalogue().values() if one.link.protocol is Protocol.ASTM]
SCENES = ("panel", "several-specimens", "masked", "qc", "resend", "corrected")
MOST_STEPS = 20_000


def joined() -> Fault:
    """The end of a transmission arrives with the beginning of the next."""
    waiting = b""

    def fault(chunk: bytes) -> Iterator[bytes]:
        nonlocal waiting
        arrived = waiting + chunk
        waiting = b"\x04" if chunk and arrived.endswith(b"\x04") else b""
        yield arrived.removesuffix(waiting)

    return fault


def spoiled(rng: random.Random, probability: float) -> Fault:
    """Flipped bits, but for those that make an ENQ: the receiver starts anew at it, and what then
    follows is told apart by the tests of the link."""
    flip = flip_bits(rng, probability)

    def fault(chunk: bytes) -> Iterator[bytes]:
        for damaged in flip(chunk):
            yield chunk if b"\x05" in damaged else damaged

    return fault


Wire = Callable[[random.Random], tuple[Fault, Fault]]


def cut_and_joined(rng: random.Random) -> tuple[Fault, Fault]:
    return chain(joined(), split(rng)), whole


def cut(rng: random.Random) -> tuple[Fault, Fault]:
    return split(rng), whole


def noisy(rng: random.Random) -> tuple[Fault, Fault]:
    towards = chain(spoiled(rng, 0.08), split(rng))
    return towards, chain(lose_acknowledgments(rng, 0.02), flip_bits(rng, 0.05))


def forgetful(rng: random.Random) -> tuple[Fault, Fault]:
    """For lines without checksums, where a flipped bit cannot be seen."""
    return split(rng), lose_acknowledgments(rng, 0.2)


def stammering(rng: random.Random) -> tuple[Fault, Fault]:
    """Answers arrive spoiled, and the device sends its frames again."""
    return split(rng), flip_bits(rng, 0.3)


class Desk:
    """The host: acknowledges as the gateway does and keeps what arrived whole."""

    def __init__(self, dialect: Dialect) -> None:
        self.receiver = Receiver(dialect)
        self.complete: list[bytes] = []
        self._text = b""

    def hear(self, data: bytes) -> bytes:
        self.receiver.receive_data(data)
        answers = b""
        while (event := self.receiver.next_event()) is not None:
            answers += self._answer(event)
        return answers

    def wait(self) -> None:
        """Nothing came for as long as the receiver waits."""
        if self.receiver.timeout is not None:
            self._answer(self.receiver.expire())

    def _answer(self, event: object) -> bytes:
        match event:
            case FrameReceived(frame):
                self._text += frame.text
            case MessageReceived(_, text):
                self.complete.append(text)
            case TransmissionEnded():
                if self._text:
                    self.complete.append(self._text)
                self._text = b""
            case TransmissionIncomplete():
                self._text = b""
        if not self.receiver.awaiting:
            return b""
        return self.receiver.refuse() if isinstance(event, FrameDamaged) else self.receiver.accept()


def send(records: list[bytes], dialect: Dialect, desk: Desk, wire: tuple[Fault, Fault]) -> None:
    """As devices do: the whole message again until every frame of it was acknowledged."""
    sender = Sender(dialect)
    towards, back = wire
    outgoing = sender.start(records)
    for _ in range(MOST_STEPS):
        heard = False
        for piece in towards(outgoing) if outgoing else ():
            for answer in _pieces(back, desk.hear(piece)):
                sender.receive_data(answer)
                heard = True
        event = sender.next_event() if heard else sender.expire()
        outgoing = sender.data_to_send()
        while event is not None:
            if isinstance(event, Failed):
                for piece in towards(outgoing):
                    desk.hear(piece)
                desk.wait()
                outgoing = sender.start(records)
                break
            if isinstance(event, Delivered):
                for piece in towards(outgoing):
                    desk.hear(piece)
                return
            event = sender.next_event()
            outgoing += sender.data_to_send()
    pytest.fail("never delivered")


def _pieces(fault: Fault, answers: bytes) -> Iterator[bytes]:
    for byte in answers:
        yield from fault(bytes((byte,)))


def end(desk: Desk, towards: Fault) -> None:
    """What still waits on the wire arrives, and then nothing more."""
    for _ in range(64):
        for piece in towards(b""):
            desk.hear(piece)
    desk.wait()


def messages(profile: AnalyzerProfile, rng: random.Random) -> Iterator[tuple[list[bytes], int]]:
    day = Day(profile, rng, lambda: NOW.astimezone(UTC), BERLIN)
    for scene in SCENES:
        message = next(SCENARIOS[scene](day))
        yield message.records, len(message.samples)


def read(profile: AnalyzerProfile, text: bytes) -> tuple[Report, ...]:
    codes = {code: analyte.loinc or "8061-4" for code, analyte in profile.menu.items()}
    context = Context(profile.name, BERLIN, NOW, "1", codes)
    return read_transmission(text, profile, context).reports


def delivered(report: Report) -> bytes:
    target = DESTINATION_PROFILES["oru-2.5.1"]
    envelope = Envelope(control_id(b"", report.id, 0), datetime(2026, 1, 5, 9, 15, tzinfo=UTC))
    message = encode(report, envelope, target)
    verify(message, report, envelope, target)
    return message


def _wires(profile: AnalyzerProfile) -> list[Wire]:
    dialect = profile.link.dialect or Dialect()
    framed = dialect.framing in (Framing.FRAMED, Framing.AUTO)
    return [cut_and_joined, noisy, stammering] if framed else [cut, forgetful]


CASES = [(profile, wire) for profile in PROFILES for wire in _wires(profile)]


@pytest.mark.parametrize(
    ("profile", "wire"), CASES, ids=[f"{p.name}-{w.__name__}" for p, w in CASES]
)
@pytest.mark.parametrize("seed", range(3))
def test_what_was_sent_is_what_is_delivered(
    profile: AnalyzerProfile, wire: Wire, seed: int
) -> None:
    rng = random.Random(seed)
    dialect = profile.link.dialect or Dialect()
    desk, faults = Desk(dialect), wire(rng)
    meant: dict[str, Report] = {}
    for records, samples in messages(profile, rng):
        send(records, dialect, desk, faults)
        reports = read(profile, b"".join(records))
        assert len(reports) == samples
        meant |= {one.id: one for one in reports}
    end(desk, faults[0])
    found = {one.id: one for text in desk.complete for one in read(profile, text)}
    assert found == meant
    for report in found.values():
        if report.kind is Kind.PATIENT:
            assert delivered(report).startswith(b"MSH|")
