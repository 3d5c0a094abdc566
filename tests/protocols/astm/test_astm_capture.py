"""Recordings read offline: literal bytes, and the real captures where they are at hand."""

from __future__ import annotations

import pytest
from astm_play import (
    CAPTURES,
    END,
    ENQ,
    EOT,
    FRAMES,
    HEADER,
    PANEL,
    STX,
    events,
    text_of,
)

from gateway.protocols.astm import (
    Checksum,
    Damage,
    Dialect,
    Foreign,
    Framing,
    Incomplete,
    Numbering,
    Outcome,
    Remark,
    decode,
    encode_frame,
    read_capture,
)

H1, P2, O3, R4, L5 = FRAMES
TEXT = b"".join(PANEL)
WHOLE = ENQ + b"".join(FRAMES) + EOT
LOWER = encode_frame(1, HEADER + END, style=Checksum.LOWER)
BARE = Dialect(framing=Framing.BARE)
AUTO = Dialect(framing=Framing.AUTO)

# recording -> each transmission's outcome and findings ("!" where they spoil it)
RECORDINGS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", ""),
    "line ends only": (b"\r\n\r\n", ""),
    "one": (WHOLE, "complete"),
    "two, with line ends between": (WHOLE + b"\r\n" + WHOLE + b"\n", "complete; complete"),
    "heartbeats": (ENQ + EOT + ENQ + b"\r\n" + EOT, "heartbeat; heartbeat"),
    "no CR LF": (ENQ + b"".join(f[:-2] for f in FRAMES) + EOT, "complete"),
    "a repeated frame": (ENQ + H1 + H1 + P2 + O3 + R4 + L5 + EOT, "complete repeated"),
    "a damaged frame sent again": (
        ENQ + H1 + P2.replace(b"3F", b"3E") + P2 + O3 + R4 + L5 + EOT,
        "complete repaired",
    ),
    "twice damaged, sent again, and repeated damaged and whole": (
        ENQ + H1 + P2.replace(b"P", b"Q") * 2 + P2 + P2.replace(b"|1", b"|2") + P2 + L5 + EOT,
        "damaged repaired repaired repaired repeated number! early-end!",
    ),
    "a damaged frame not sent again": (
        ENQ + H1 + P2.replace(b"P", b"Q") + O3 + R4 + L5 + EOT,
        "damaged checksum! number! number! number! early-end!",
    ),
    "eight frames lost behind a damaged one": (
        ENQ + H1 + b"".join(encode_frame(n, END) for n in range(3, 11)) + EOT,
        "damaged number! number! number! number! number! number! different! number! early-end!",
    ),
    "a damaged frame number, sent again": (
        ENQ + H1 + P2.replace(b"2P", b"\xb2P") + P2 + O3 + R4 + L5 + EOT,
        "complete repaired",
    ),
    "a stray STX": (ENQ + H1 + STX + P2 + O3 + R4 + L5 + EOT, "damaged control!"),
    "a frame left out and sent later": (
        ENQ + H1 + O3 + P2 + O3 + R4 + L5 + EOT,
        "damaged number!",
    ),
    "a frame broken off and begun again": (
        ENQ + H1 + P2[:5] + P2 + O3 + R4 + L5 + EOT,
        "complete repaired",
    ),
    "EOT before L": (ENQ + H1 + P2 + EOT, "incomplete early-end!"),
    "two without ENQ and EOT": (
        b"".join(FRAMES) * 2,
        "complete no-enquiry no-end; complete no-enquiry no-end",
    ),
    "a first frame repeated, without ENQ": (
        H1 + b"".join(FRAMES) + EOT,
        "complete no-enquiry repeated",
    ),
    "the second of two without ENQ is cut off": (
        b"".join(FRAMES) + H1 + P2,
        "complete no-enquiry no-end; incomplete no-enquiry lost!",
    ),
    "ENQ again before anything": (ENQ + ENQ + WHOLE, "complete enquired-again enquired-again"),
    "ENQ in the middle": (ENQ + H1 + P2 + WHOLE, "incomplete restarted!; complete"),
    "ENQ instead of EOT": (WHOLE[:-1] + WHOLE, "complete no-end; complete"),
    "the recording ends behind L": (WHOLE[:-1], "complete no-end"),
    "the recording ends before L": (WHOLE[:-20], "incomplete lost!"),
    "the recording ends behind ENQ": (ENQ, "incomplete lost!"),
    "junk and no frame": (ENQ + b"1H|" + EOT, "damaged junk no-frame!"),
    "frames without ENQ at the start": (WHOLE[1:], "complete no-enquiry"),
    "frames without ENQ behind EOT": (
        WHOLE + b"\xff" + WHOLE[1:],
        "complete; complete no-enquiry junk",
    ),
    "frames without ENQ that do not begin with H": (
        encode_frame(1, END) + EOT,
        "incomplete no-enquiry no-header!",
    ),
    "frames joined late": (P2 + O3 + R4 + L5 + EOT + WHOLE, "damaged junk!; complete"),
    "noise between transmissions": (
        b"\xff\x00" + WHOLE + b"\x11" + WHOLE + b"\x00",
        "complete junk; complete junk junk",
    ),
    "text between transmissions": (WHOLE + b"login: " + WHOLE, "complete; damaged junk!; complete"),
    "noise between frames": (
        ENQ + b"\xff" + H1 + b"\xff" + WHOLE[1 + len(H1) :],
        "complete junk junk",
    ),
    "text between frames": (ENQ + H1 + b"2P|1\r" + WHOLE[1 + len(H1) :], "damaged junk!"),
    "a byte instead of CR": (
        ENQ + H1[:-2] + b"\x00\n" + WHOLE[1 + len(H1) :],
        "damaged trailer!",
    ),
    "a byte instead of LF": (ENQ + H1[:-1] + b"\r" + WHOLE[1 + len(H1) :], "damaged trailer!"),
    "EOT instead of the last CR": (WHOLE[:-3] + EOT + b"\n" + EOT, "damaged trailer!"),
    "EOT instead of the last LF": (WHOLE[:-2] + EOT + EOT, "damaged trailer!"),
    "ENQ instead of the last LF": (WHOLE[:-2] + ENQ + EOT, "damaged trailer! no-end; heartbeat"),
    "EOT twice": (WHOLE + EOT, "complete"),
}


def told(data: bytes, dialect: Dialect | None = None) -> str:
    lines = []
    for transmission in read_capture(data, dialect):
        findings = (f"{f.kind.value}{'!' * f.spoils}" for f in transmission.findings)
        lines.append(" ".join([transmission.outcome.value, *findings]))
    return "; ".join(lines)


@pytest.mark.parametrize("name", RECORDINGS)
def test_recording(name: str) -> None:
    data, expected = RECORDINGS[name]
    assert told(data) == expected
    assert told(data, AUTO) == expected


@pytest.mark.parametrize("name", RECORDINGS)
def test_whatever_is_complete_is_the_text_that_was_framed(name: str) -> None:
    for transmission in read_capture(RECORDINGS[name][0]):
        if transmission.complete:
            assert transmission.text == TEXT


def test_where_things_are() -> None:
    bad = P2.replace(b"3F", b"3E")
    data = b"\xff" + ENQ + H1 + bad + P2 + O3 + R4 + L5 + EOT
    (found,) = read_capture(data)
    assert found.offset == 1
    assert found.raw == data[1:]
    assert found.frames == tuple(frame[:-2] for frame in FRAMES)
    junk, repaired = found.findings
    assert (junk.kind, junk.offset, junk.length) == (Remark.JUNK, 0, 1)
    assert (repaired.kind, repaired.offset) == (Remark.REPAIRED, data.index(bad))
    assert repaired.length == len(bad) - 2
    assert str(repaired) == f"byte {data.index(bad)}: damaged frame, sent again whole"
    assert (
        repr(found) == f"Transmission(complete, offset=1, frames=5, length={len(TEXT)}, findings=2)"
    )


def test_every_finding_can_be_said() -> None:
    from gateway.protocols.astm.findings import Finding

    for kinds in (Remark, Damage, Incomplete, Foreign):
        for kind in kinds:
            assert str(Finding(kind, 7)).startswith("byte 7: ")


def test_dialects_of_frames() -> None:
    assert told(ENQ + LOWER + EOT) in ("damaged checksum! no-frame!", "complete")
    assert told(ENQ + LOWER + EOT, Dialect(checksum=Checksum.LOWER)) == "complete"
    unchecked = ENQ + STX + b"1" + HEADER + END + b"\x03" + b"\r\n" + EOT
    assert told(unchecked, Dialect(checksum=Checksum.NONE)) == "complete unchecked"
    digits = unchecked.replace(b"\x03", b"\x0300")
    assert told(digits, Dialect(checksum=Checksum.NONE)) == "complete unchecked"
    stuck = ENQ + encode_frame(1, HEADER) + encode_frame(1, END) + EOT
    assert told(stuck) == "damaged different! early-end!"
    assert told(stuck, Dialect(numbering=Numbering.LOOSE)) == "complete"


def test_unframed_recordings() -> None:
    assert (
        told(TEXT + TEXT, BARE)
        == told(TEXT + TEXT, AUTO)
        == "complete unchecked; complete unchecked"
    )
    assert told(b"\xff" + TEXT[:-1], AUTO) == "complete no-end unchecked"
    assert told(TEXT[:-3], BARE) == "complete no-end unchecked"
    assert told(TEXT[:-8], BARE) == "incomplete lost! unchecked"
    assert told(b"P|1\r" + TEXT, BARE) == "incomplete restarted! unchecked; complete unchecked"
    envelope = b"\x01" + TEXT + EOT
    assert told(envelope + envelope, AUTO) == "complete unchecked; complete unchecked"
    assert told(envelope + b"text" + envelope, AUTO).count("damaged junk!") == 1
    assert told(b"\x01" + HEADER + EOT, AUTO) == "damaged malformed! unchecked"
    assert told(b"\x01" + TEXT, AUTO) == "complete no-end unchecked"


def test_other_protocols() -> None:
    assert told(b"\x0bMSH|^~\\&|", AUTO) == "damaged mllp!"
    assert told(b"<?xml version='1.0'?>", AUTO) == "damaged xml!"
    assert told(b"something else", AUTO) == "damaged junk!"


CAPTURED = sorted(CAPTURES.glob("*.bin")) if CAPTURES.is_dir() else []


@pytest.mark.skipif(not CAPTURED, reason="the captures are not at hand")
def test_real_captures_are_complete_and_clean() -> None:
    for path in CAPTURED:
        data = path.read_bytes()
        (found,) = read_capture(data)
        assert (found.outcome, found.findings) == (Outcome.COMPLETE, ())
        assert found.text == text_of(events(data))
        (message,) = decode(found.text)
        assert message.complete
        assert message.problems == ()
