"""The last megabyte of a line, as a transcript that can be read again."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.protocols.astm import Comment, Direction, Spoken, read_wire, said
from gateway.transports.tape import Mark, Tape

NOW = datetime(2026, 1, 5, 10, 0, 10, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_both_sides_and_their_times() -> None:
    clock = Clock()
    tape = Tape(clock)
    tape.mark(Mark.OPENED, "10.1.2.3:4001")
    clock.now += 1.5
    tape.device(b"\x05")
    clock.now += 0.25
    tape.host(b"\x06")
    clock.now += 8.25
    comment, opened, *spoken = read_wire(tape.transcript(NOW))
    assert comment == Comment("# from 2026-01-05T10:00:00.000+00:00")
    assert opened == Comment("# opened: 10.1.2.3:4001")
    assert [(e.direction, e.data, str(e.seconds)) for e in spoken if isinstance(e, Spoken)] == [
        (Direction.DEVICE, b"\x05", "1.500"),
        (Direction.HOST, b"\x06", "0.250"),
    ]


def test_the_oldest_is_forgotten_and_the_size_is_bounded() -> None:
    tape = Tape(limit=10_000)
    for number in range(1000):
        tape.device(b"%04d" % number * 10)
    kept = said(read_wire(tape.transcript(NOW)))
    assert kept.endswith(b"0999" * 10)
    assert 1000 < len(kept) < 10_000
    tape.device(b"x" * 50_000)
    assert said(read_wire(tape.transcript(NOW))) == b"x" * 10_000


def test_callers_who_say_nothing_do_not_fill_it() -> None:
    tape = Tape(limit=10_000)
    for number in range(1000):
        tape.mark(Mark.OPENED, f"10.1.2.3:{number}")
    assert 30 < tape.transcript(NOW).count("\n") < 80


def test_an_empty_tape() -> None:
    assert Tape().transcript(NOW).count("\n") == 1
