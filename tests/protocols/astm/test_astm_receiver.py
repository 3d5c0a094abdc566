"""The framed receiver on literal wires: one rule of the link layer each."""

from __future__ import annotations

import pytest
from astm_play import (
    ACK,
    END,
    ENQ,
    EOT,
    ETB,
    ETX,
    FRAMES,
    HEADER,
    NAK,
    PANEL,
    RESULT,
    STX,
    answers,
    events,
    text_of,
)

from gateway.protocols.astm import (
    Checksum,
    Damage,
    Dialect,
    Ending,
    Enquiry,
    Event,
    FrameDamaged,
    FrameReceived,
    FrameRepeated,
    Heartbeat,
    Incomplete,
    Numbering,
    Receiver,
    TransmissionEnded,
    TransmissionIncomplete,
    decode,
    encode_frame,
    split_frames,
)

H1, P2, O3, R4, L5 = FRAMES
WHOLE = b"".join(FRAMES)


def kinds(happened: list[Event]) -> list[str]:
    """One word an event; the reason where there is one."""
    names = []
    for event in happened:
        match event:
            case FrameDamaged(reason) | TransmissionIncomplete(reason):
                names.append(reason.value)
            case TransmissionEnded(ending=ending):
                names.append(f"ended by {ending.value}")
            case FrameReceived(frame):
                names.append(str(frame.number))
            case FrameRepeated(frame):
                names.append(f"{frame.number} again")
            case Enquiry():
                names.append("enquiry")
            case _:
                names.append(type(event).__name__)
    return names


def test_a_whole_transmission() -> None:
    happened = events(ENQ + WHOLE + EOT)
    assert kinds(happened) == ["enquiry", "1", "2", "3", "4", "5", "ended by eot"]
    assert text_of(happened) == b"".join(PANEL)
    assert happened[-1] == TransmissionEnded(5, Ending.EOT, True, 0, 0)
    assert answers(ENQ + WHOLE + EOT) == ACK * 6


def test_the_event_comes_with_the_second_checksum_digit() -> None:
    assert kinds(events(ENQ + H1[:-3])) == ["enquiry"]
    assert kinds(events(ENQ + H1[:-2])) == ["enquiry", "1"]


SHORT = encode_frame(1, HEADER + RESULT + END)[:-2]
LOWER = encode_frame(1, HEADER + RESULT + b"L|1|N\r", style=Checksum.LOWER)
TWO = HEADER + END

WIRES = {
    "no CR LF behind the checksum": (
        ENQ + b"".join(frame[:-2] for frame in FRAMES) + EOT,
        "enquiry 1 2 3 4 5 ended-by-eot",
    ),
    "only CR": (ENQ + b"".join(f[:-1] for f in FRAMES) + EOT, "enquiry 1 2 3 4 5 ended-by-eot"),
    "only LF": (
        ENQ + b"".join(f[:-2] + b"\n" for f in FRAMES) + EOT,
        "enquiry 1 2 3 4 5 ended-by-eot",
    ),
    "the whole message in one frame": (ENQ + SHORT + EOT, "enquiry 1 ended-by-eot"),
    "lost ACK: the frame again": (
        ENQ + H1 + H1 + P2 + O3 + R4 + R4 + R4 + L5 + L5 + EOT,
        "enquiry 1 1-again 2 3 4 4-again 4-again 5 5-again ended-by-eot",
    ),
    "the same number with other bytes": (
        ENQ + H1 + P2 + encode_frame(2, b"P|2\r") + O3,
        "enquiry 1 2 different 3",
    ),
    "number 0 right after ENQ is not the frame before": (
        ENQ + encode_frame(0, HEADER) + H1,
        "enquiry number 1",
    ),
    "a frame left out": (ENQ + H1 + O3 + P2 + O3, "enquiry 1 number 2 3"),
    "numbers begin anew in each transfer phase": (
        ENQ + WHOLE + EOT + ENQ + WHOLE + EOT,
        "enquiry 1 2 3 4 5 ended-by-eot enquiry 1 2 3 4 5 ended-by-eot",
    ),
    "a wrong checksum and the frame again": (
        ENQ + H1 + P2.replace(b"3F", b"3E") + P2,
        "enquiry 1 checksum 2",
    ),
    "a damaged intermediate frame": (
        ENQ + encode_frame(1, HEADER, last=False).replace(b"DEMO", b"DEMP"),
        "enquiry checksum",
    ),
    "lower-case checksum digits": (ENQ + LOWER, "enquiry checksum"),
    "blanks and signs are no checksum digits": (
        ENQ + b"".join(STX + b"1\xd0" + ETX + digits for digits in (b" 4", b"+4", b"4 ", b"04")),
        "enquiry checksum checksum checksum 1",
    ),
    "no frame number": (ENQ + STX + b"H|" + ETX + b"C7", "enquiry malformed"),
    "a byte turned into ETX and, by chance, a right checksum": (
        ENQ + encode_frame(1, HEADER + b"C|1|I|")[:-2] + b"note\r" + END + ETX + b"1F\r\n" + EOT,
        "enquiry 1 truncated",
    ),
    "the same, where a record ends": (
        ENQ + H1 + P2[:-2] + b"\r" + END + ETX + b"1F\r\n" + encode_frame(3, END) + EOT,
        "enquiry 1 2 3 truncated",
    ),
    "a frame without its STX behind ENQ": (
        ENQ + H1[1:] + H1 + encode_frame(2, END) + EOT,
        "enquiry 1 2 ended-by-eot",
    ),
    "the rest of a damaged frame": (
        ENQ + H1 + P2.replace(b"|", ETX) + P2 + encode_frame(3, END) + EOT,
        "enquiry 1 checksum 2 3 ended-by-eot",
    ),
    "EOT in the text of a frame that is otherwise sound": (
        ENQ + encode_frame(1, b"H|" + EOT) + H1,
        "enquiry control no-frame",
    ),
    "ENQ in the text of a frame that is otherwise sound": (
        ENQ + encode_frame(1, b"H|" + ENQ) + H1,
        "enquiry control 1",
    ),
    "STX instead of the checksum": (ENQ + H1[:-4] + H1 + P2, "enquiry control 1 2"),
    "a frame without its STX behind a whole frame": (
        ENQ + H1 + P2[1:] + P2 + encode_frame(3, END) + EOT,
        "enquiry 1 2 3 ended-by-eot",
    ),
    "number 8": (ENQ + encode_frame(1, b"")[:1] + b"8" + ETX + b"3B", "enquiry malformed"),
    "ENQ again before the first frame": (ENQ + ENQ + H1, "enquiry restarted enquiry 1"),
    "ENQ during reception": (
        ENQ + H1 + P2 + ENQ + WHOLE + EOT,
        "enquiry 1 2 restarted enquiry 1 2 3 4 5 ended-by-eot",
    ),
    "ENQ inside a frame": (
        ENQ + H1 + P2[:3] + ENQ + P2 + O3,
        "enquiry 1 control 2 3",
    ),
    "ENQ again after one inside a frame": (
        ENQ + H1 + P2[:3] + ENQ + ENQ + WHOLE + EOT,
        "enquiry 1 control restarted enquiry 1 2 3 4 5 ended-by-eot",
    ),
    "ENQ in the place of the CR behind a frame": (
        ENQ + H1[:-2] + ENQ + b"\n" + WHOLE[len(H1) :] + EOT,
        "enquiry 1 2 3 4 5 ended-by-eot",
    ),
    "ENQ instead of EOT behind a whole message": (
        ENQ + WHOLE + ENQ + WHOLE + EOT,
        "enquiry 1 2 3 4 5 ended-by-enquiry enquiry 1 2 3 4 5 ended-by-eot",
    ),
    "STX inside a frame: the frame begins again": (
        ENQ + H1 + P2[:4] + P2 + O3,
        "enquiry 1 control 2 3",
    ),
    "STX inside a frame: what follows is not that frame": (
        ENQ + H1 + STX + b"2P|1|A" + encode_frame(2, b"P|1\r") + P2,
        "enquiry 1 control restart 2",
    ),
    "STX among the checksum digits": (ENQ + H1[:-3] + H1 + P2, "enquiry control 1 2"),
    "EOT inside a frame": (ENQ + H1 + P2[:4] + EOT, "enquiry 1 control early-end"),
    "EOT before L": (ENQ + H1 + P2 + O3 + R4 + EOT, "enquiry 1 2 3 4 early-end"),
    "EOT behind ETB": (
        ENQ + H1 + encode_frame(2, RESULT + END, last=False) + EOT,
        "enquiry 1 2 intermediate",
    ),
    "no header": (ENQ + encode_frame(1, RESULT + END) + EOT, "enquiry 1 no-header"),
    "heartbeat": (ENQ + EOT + ENQ + b"\r\n" + EOT, "enquiry Heartbeat enquiry Heartbeat"),
    "noise is no heartbeat": (ENQ + b"\xff" + EOT, "enquiry no-frame"),
    "a damaged frame is no heartbeat": (ENQ + H1[:9] + EOT, "enquiry control no-frame"),
    "frames without ENQ": (WHOLE + EOT + H1 + ENQ + H1, "enquiry 1"),
    "several messages in one transfer phase": (
        ENQ + b"".join(split_frames([*PANEL, *PANEL])) + EOT,
        "enquiry 1 2 3 4 5 6 7 0 1 2 ended-by-eot",
    ),
    "a second message cut off": (
        ENQ + b"".join(split_frames([*PANEL, HEADER])) + EOT,
        "enquiry 1 2 3 4 5 6 early-end",
    ),
    "complete records ended by ETB, as cobas c111 does": (
        ENQ + encode_frame(1, HEADER, last=False) + encode_frame(2, END) + EOT,
        "enquiry 1 2 ended-by-eot",
    ),
    "no record end before ETX": (ENQ + encode_frame(1, TWO[:-1]) + EOT, "enquiry 1 ended-by-eot"),
    "an L record cut by a frame border": (
        ENQ + encode_frame(1, HEADER + b"L", last=False) + encode_frame(2, b"|1|N\r") + EOT,
        "enquiry 1 2 ended-by-eot",
    ),
    "a word with L cut by a frame border is no L record": (
        ENQ + encode_frame(1, HEADER + b"L", last=False) + encode_frame(2, b"ipase\r") + EOT,
        "enquiry 1 2 early-end",
    ),
    "an L inside a record at a frame border": (
        ENQ + encode_frame(1, HEADER + b"C|1|I|", last=False) + encode_frame(2, b"L|1\r") + EOT,
        "enquiry 1 2 early-end",
    ),
    "records ended by LF": (
        ENQ + encode_frame(1, TWO.replace(b"\r", b"\n")) + EOT,
        "enquiry 1 ended-by-eot",
    ),
    "records ended by CR LF": (
        ENQ + encode_frame(1, TWO.replace(b"\r", b"\r\n") + b"\r\n") + EOT,
        "enquiry 1 ended-by-eot",
    ),
    "lower-case record letters": (
        ENQ + encode_frame(1, TWO.lower()) + EOT,
        "enquiry 1 ended-by-eot",
    ),
    "a sender that goes on whatever we answer does not catch up after eight frames": (
        ENQ + H1 + b"".join(encode_frame(number, RESULT) for number in range(3, 11)),
        "enquiry 1 number number number number number number different number",
    ),
}


@pytest.mark.parametrize("name", WIRES)
def test_wire(name: str) -> None:
    wire, expected = WIRES[name]
    assert [kind.replace(" ", "-") for kind in kinds(events(wire))] == expected.split()


@pytest.mark.parametrize("name", WIRES)
def test_only_damage_is_refused(name: str) -> None:
    wire, _ = WIRES[name]
    damaged = sum(isinstance(event, FrameDamaged) for event in events(wire))
    assert answers(wire).count(NAK) == damaged


def test_junk_between_frames_is_counted_and_not_fatal() -> None:
    happened = events(
        ENQ
        + P2.replace(b"3F", b"3E")
        + b"\x00"
        + H1
        + b"\xff\xfe"
        + P2
        + b"\r\n"
        + O3
        + R4
        + L5
        + b"~~~"
        + EOT
    )
    assert happened[-1] == TransmissionEnded(5, Ending.EOT, True, junk=8, damaged=1)


def test_loose_numbering_takes_any_digit_and_still_knows_a_repeat() -> None:
    wire = ENQ + H1 + encode_frame(1, RESULT) * 2 + encode_frame(1, b"M|1\r") + STX
    wire += encode_frame(9 % 8, END)[1:] + EOT
    happened = events(wire, Dialect(numbering=Numbering.LOOSE))
    assert kinds(happened) == ["enquiry", "1", "1", "1 again", "1", "1", "ended by eot"]


def test_lower_case_digits_by_dialect() -> None:
    dialect = Dialect(checksum=Checksum.LOWER)
    changed = LOWER.replace(b"DEMO", b"DEMP")
    assert kinds(events(ENQ + LOWER + EOT, dialect)) == ["enquiry", "1", "ended by eot"]
    assert kinds(events(ENQ + changed, dialect)) == ["enquiry", "checksum"]


def test_no_checksum_by_dialect_shows_in_the_result() -> None:
    wire = ENQ + STX + b"1" + TWO + ETX + b"\r\n" + EOT
    ended = events(wire, Dialect(checksum=Checksum.NONE))[-1]
    assert ended == TransmissionEnded(1, Ending.EOT, checked=False)
    wrong = ENQ + STX + b"1" + TWO + ETX + b"00\r\n" + EOT
    assert events(wrong, Dialect(checksum=Checksum.NONE))[-1] == ended


def test_frames_beyond_the_limit_are_damaged_and_memory_is_bounded() -> None:
    dialect = Dialect(max_frame=300)
    exact = encode_frame(1, b"H" + b"x" * 296)
    assert kinds(events(ENQ + exact, dialect)) == ["enquiry", "1"]
    over = encode_frame(1, b"H" + b"x" * 297)
    (_, damaged) = events(ENQ + over, dialect)
    assert damaged == FrameDamaged(Damage.OVERSIZE, over[:300])
    assert kinds(events(ENQ + over + H1, dialect)) == ["enquiry", "oversize", "1"]


def test_a_frame_of_64_kilobytes_by_default() -> None:
    text = HEADER + b"M|1|" + b"0" * 60_000 + b"\r" + END
    assert kinds(events(ENQ + encode_frame(1, text) + EOT))[-1] == "ended by eot"


def test_a_transmission_beyond_its_limit_is_refused() -> None:
    dialect = Dialect(max_frame=100, max_transmission=100)
    exact = Dialect(max_frame=100, max_transmission=sum(map(len, FRAMES)) - 2 * len(FRAMES))
    assert kinds(events(ENQ + WHOLE + EOT, exact))[-1] == "ended by eot"
    happened = events(ENQ + WHOLE + EOT, dialect)
    assert "limit" in kinds(happened)
    assert isinstance(happened[-1], TransmissionIncomplete)
    assert happened[-1].reason is Incomplete.EARLY_END


def test_heartbeat_is_not_a_transmission() -> None:
    assert events(ENQ + EOT) == [Enquiry(), Heartbeat()]
    assert ETB not in answers(ENQ + EOT)


def test_a_nul_is_taken_when_the_same_frame_comes_again() -> None:
    """A device that pads its frames with them is refused once, noise for good."""
    padded = [encode_frame(n, text + b"\0\0") for n, text in enumerate(PANEL, 1)]
    receiver, happened = Receiver(), []
    for piece in (ENQ, padded[0], padded[0], *padded[1:], EOT):
        receiver.receive_data(piece)
        happened.append(receiver.next_event())
        if receiver.awaiting:
            damaged = isinstance(happened[-1], FrameDamaged)
            assert (receiver.refuse() if damaged else receiver.accept()) == (
                NAK if damaged else ACK
            )
    frames = ["1", "2", "3", "4", "5"]
    assert kinds(happened) == ["enquiry", "control", *frames, "ended by eot"]
    (message,) = decode(b"".join(one.frame.text for one in happened if type(one) is FrameReceived))
    assert [node.record.raw for node in message.walk()] == [one[:-1].decode() for one in PANEL[:-1]]
    assert message.terminator == "N"
