"""One message written in other ways that the standards allow: the same reports.

Other frames, other delimiters, small record letters, fields nobody asked for, a missing trailing
part, foreign segments: every transcript of an ASTM or HL7 device is written anew in each way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from transcript_cases import Case, all_cases

from gateway.messages import report_json
from gateway.profiles import Protocol, read_transmission
from gateway.profiles.recording import read_recording
from gateway.protocols import mllp
from gateway.protocols.astm import Delimiters, decode, encode_frame

ASTM = [case for case in all_cases() if case.profile.link.protocol is Protocol.ASTM]
HL7 = [case for case in all_cases() if case.profile.link.protocol is Protocol.HL7]
OTHER = "!~%$"


def told(case: Case, text: bytes) -> list[object]:
    """What is reported, but for identities and what vouches for the bytes."""
    reading = read_transmission(text, case.profile, case.context())
    return [_plain(report_json(report)) for report in reading.reports]


def _plain(report: object) -> object:
    assert isinstance(report, dict)
    return {key: value for key, value in report.items() if key not in ("id", "attachments")}


def framed(texts: list[bytes], end: bytes = b"\r\n") -> bytes:
    frames = (encode_frame(n, text)[:-2] + end for n, text in enumerate(texts, 1))
    return b"\x05" + b"".join(frames) + b"\x04"


def records(text: bytes) -> list[bytes]:
    return [line + b"\r" for line in text.replace(b"\n", b"").split(b"\r") if line]


def _pieces(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "a record a frame": lambda text: framed(records(text)),
    "one frame": lambda text: framed([text]),
    "cut anywhere": lambda text: framed(_pieces(text, 61)),
    "no CR LF": lambda text: framed(records(text), b""),
    "no LF": lambda text: framed(records(text), b"\r"),
    "records alone": lambda text: text,
    "an envelope": lambda text: b"\x01" + text + b"\x04",
}


@pytest.mark.parametrize("way", FRAMINGS)
@pytest.mark.parametrize("case", ASTM, ids=lambda case: case.name)
def test_whatever_lies_around_the_records(case: Case, way: str) -> None:
    for text, _ in case.texts():
        link = case.profile.link
        found = read_recording([(FRAMINGS[way](text), 0.0)], link)
        read = [one.payload for one in found if one.complete]
        assert [one.reason for one in found] == [""] * len(found)
        assert [told(case, one) for one in read] == [told(case, text)]


def _small(text: bytes) -> bytes:
    return b"".join(line[:1].lower() + line[1:] for line in records(text))


def _longer(text: bytes) -> bytes:
    """Empty fields behind every record."""
    field = text[1:2]
    return b"".join(
        line[:-1] + (b"" if line[:1] == b"L" else field * 30) + b"\r" for line in records(text)
    )


def _with_line_feeds(text: bytes) -> bytes:
    return text.replace(b"\r", b"\r\n")


def _foreign(text: bytes) -> bytes:
    """Manufacturer's records behind every result of a device that sends none itself."""
    field = text[1:2]
    if b"\rM" + field in text:
        return text
    lines = records(text)
    return b"".join(
        line + (field.join((b"M", b"1", b"OWN", b"7")) + b"\r" if line[:1] == b"R" else b"")
        for line in lines
    )


@pytest.mark.parametrize("way", [_small, _longer, _with_line_feeds, _foreign])
@pytest.mark.parametrize("case", ASTM, ids=lambda case: case.name)
def test_records_written_otherwise(case: Case, way: Callable[[bytes], bytes]) -> None:
    for text, _ in case.texts():
        assert told(case, way(text)) == told(case, text)


@pytest.mark.parametrize("case", ASTM, ids=lambda case: case.name)
def test_other_delimiters(case: Case) -> None:
    """Raw texts of cells that keep their delimiters are left out of the comparison."""
    for text, _ in case.texts():
        for message in decode(text, "latin-1"):
            used = str(message.header.record.delimiters)
            if any(mark in text.decode("latin-1") for mark in OTHER if mark not in used):
                return
            swapped = text.decode("latin-1").translate(str.maketrans(used, OTHER))
            ours = [_spoken(one, OTHER) for one in told(case, swapped.encode("latin-1"))]
            assert ours == [_spoken(one, used) for one in told(case, text)]


def _spoken(report: object, delimiters: str) -> str:
    """Where a range, a note or a raw cell shows delimiters, they are those of the message."""
    text = str(report)
    for mark, name in zip(delimiters[1:], ("repeat", "component", "escape"), strict=True):
        text = text.replace(repr(mark)[1:-1], f"<{name}>").replace(mark, f"<{name}>")
    return text.replace("^", "<component>")


def _segments(text: bytes) -> Iterator[bytes]:
    for line in text.replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r"):
        if line:
            yield line


def _hl7_longer(text: bytes) -> bytes:
    return b"".join(line + b"||||||\r" for line in _segments(text))


def _hl7_foreign(text: bytes) -> bytes:
    """A segment of the vendor's own at the end."""
    return b"".join(line + b"\r" for line in _segments(text)) + b"ZXX|1|own^thing|7\r"


def _hl7_line_feeds(text: bytes) -> bytes:
    return b"".join(line + b"\n" for line in _segments(text))


@pytest.mark.parametrize("way", [_hl7_longer, _hl7_foreign, _hl7_line_feeds])
@pytest.mark.parametrize("case", HL7, ids=lambda case: case.name)
def test_segments_written_otherwise(case: Case, way: Callable[[bytes], bytes]) -> None:
    for text, _ in case.texts():
        assert told(case, way(text)) == told(case, text)


@pytest.mark.parametrize("case", HL7, ids=lambda case: case.name)
def test_in_mllp_or_bare(case: Case) -> None:
    for text, _ in case.texts():
        bare = b"".join(line + b"\r" for line in _segments(text))
        for data in (mllp.encode_block(bare), bare, bare + b"\x1c\r", b"\x02" + bare):
            found = read_recording([(data, 0.0)], case.profile.link)
            assert [told(case, one.payload) for one in found] == [told(case, text)]


def test_delimiters_are_usable() -> None:
    assert str(Delimiters(*OTHER)) == OTHER
