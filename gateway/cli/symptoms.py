"""What recorded bytes tell of a link: speed, format, framing, and who did not answer.

A frame with a right checksum proves speed and format.  Data bits and parity come out of the bytes
themselves, heard as eight bits without parity: bit 7 is the parity of the others.  Bytes that are
mostly no text were heard at another speed.  Nothing here names a patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.profiles import Protocol
from gateway.profiles.guessing import Guess, guess
from gateway.protocols.astm import Dialect, Direction, Framing, Spoken, checksum, read_capture

_FRAME: Final = re.compile(rb"\x02([0-7][^\x02\x03\x17]*[\x03\x17])([0-9A-Fa-f]{2})")
_CONTROLS: Final = frozenset(b"\x00\x01\x02\x03\x04\x05\x06\x0a\x0b\x0d\x15\x17\x1c\xff")
_LOOP: Final = 3
ASTM: Final = "ASTM"
_REFUSAL: Final = re.compile(rb"MSA\|(?:AE|AR|CE|CR)|ACK\.type_cd V=.AE")
_LANGUAGES: Final = {
    Protocol.ASTM: (ASTM,),
    Protocol.HL7: ("HL7",),
    Protocol.POCT1A: ("POCT1-A", "HL7"),
    Protocol.TEXT: ("plain text", "lines of text", "LIS3"),
    Protocol.FILE: ("an exported table", "HL7"),
}


class Symptom(StrEnum):
    """Closed list."""

    SOUND = "sound"
    SILENT = "silent"
    WRONG_SPEED = "wrong-speed"
    WRONG_FORMAT = "wrong-format"
    WRONG_FRAMING = "wrong-framing"
    NO_ANSWER = "no-answer"
    REFUSED = "refused"
    DAMAGED = "damaged"
    COLLISION = "collision"
    INCOMPLETE = "incomplete"
    OTHER_LANGUAGE = "other-language"
    OTHER_ENCODING = "other-encoding"
    UNCLEAR = "unclear"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    NOT_TAKEN = "not-taken"
    UNKNOWN_CALLER = "unknown-caller"


@dataclass(frozen=True, slots=True)
class Finding:
    """``advice`` says what to change, and on which side; ``fault`` whether anything is."""

    symptom: Symptom
    said: str
    advice: str = ""
    fault: bool = True


def frames(data: bytes) -> tuple[int, int]:
    """Frames with a right checksum, and all that look like frames."""
    found = _FRAME.findall(data)
    right = sum(checksum(text) == int(digits, 16) for text, digits in found)
    return right, len(found)


def line_format(data: bytes) -> str | None:
    """``8N1``, ``7E1`` or ``7O1`` of bytes heard as 8N1; None when no checksum proves any."""
    if frames(data)[0]:
        return "8N1"
    seven = bytes(byte & 0x7F for byte in data)
    if not frames(seven)[0]:
        return None
    odd = sum((byte.bit_count() & 1) for byte in data)
    return "7O1" if odd > len(data) // 2 else "7E1"


def legible(data: bytes) -> float:
    """The share of bytes that are text or a control character of some protocol."""
    if not data:
        return 0.0
    return sum(0x20 <= byte < 0x7F or byte in _CONTROLS for byte in data) / len(data)


def diagnose(
    entries: Sequence[Spoken],
    dialect: Dialect | None = None,
    protocol: Protocol | None = None,
) -> tuple[Finding, ...]:
    """The findings, the gravest first; a sound link has just one.

    ``protocol`` is what the device should speak, ``dialect`` how, where that is ASTM.
    """
    device = b"".join(e.data for e in entries if e.direction is Direction.DEVICE)
    host = b"".join(e.data for e in entries if e.direction is Direction.HOST)
    found = guess(device)
    if line_format(device) is None and found.messages and found.language != ASTM:
        wanted = protocol or (Protocol.ASTM if dialect else None)
        return tuple(_other_language(device, host, found, wanted))
    return tuple(_diagnose(device, host, dialect)) or (
        Finding(Symptom.UNCLEAR, f"{len(device)} bytes that tell nothing", _SEND_WHOLE),
    )


def whole(entries: Sequence[Spoken]) -> bool:
    """Whether the device was understood: a right checksum, or a whole message of some language."""
    device = b"".join(e.data for e in entries if e.direction is Direction.DEVICE)
    return line_format(device) is not None or guess(device).messages > 0


def _other_language(
    device: bytes, host: bytes, found: Guess, wanted: Protocol | None
) -> Iterator[Finding]:
    """Whole messages, and none of them ASTM."""
    if wanted is not None and found.language not in _LANGUAGES.get(wanted, ()):
        advice = "here: choose a profile of that language; on the device: its host protocol setting"
        yield Finding(Symptom.OTHER_LANGUAGE, f"the device speaks {found}", advice)
        return
    if (times := _unanswered(device)) >= 2 and not host:
        yield Finding(
            Symptom.NO_ANSWER,
            f"the device said the same {times} times, and nobody answered",
            "here: the gateway must run (or doctor --active); its answers must reach the device",
        )
    if (refused := len(_REFUSAL.findall(host))) >= _LOOP:
        advice = "here: look for the reason in 'gateway status': a full disk, a store in trouble"
        yield Finding(Symptom.REFUSED, f"the host refused {refused} messages", advice)
    yield Finding(Symptom.SOUND, str(found), fault=False)


def _unanswered(device: bytes) -> int:
    """How often the same greeting or message came."""
    heads = re.findall(rb"\x0b(MSH[^\r]{0,200})|(<HEL\.R01)", device)
    return len(heads) if len(set(heads)) == 1 else 0


_SEND_WHOLE: Final = "let the device send one whole result while this listens"


def _diagnose(device: bytes, host: bytes, dialect: Dialect | None) -> Iterator[Finding]:
    if not device:
        yield Finding(
            Symptom.SILENT,
            "the device said nothing",
            "on the device: switch automatic sending on, or press send; check that it is set to "
            "this line. Cable: a null modem cable crosses pins 2 and 3, a straight one does not",
        )
        return
    heard = line_format(device)
    if heard in ("7E1", "7O1"):
        bits = f"bits=7&parity={heard[1]}"
        yield Finding(
            Symptom.WRONG_FORMAT,
            f"the speed is right, but the device sends {heard}",
            f"here: add {bits} to the stream; or on the device: 8 data bits, no parity",
        )
        return
    if heard is None and not re.search(rb"[ -~]{4}", device) and set(device) - {5, 4, 13, 10}:
        yield Finding(
            Symptom.WRONG_SPEED,
            f"{len(device)} bytes, {legible(device):.0%} of them legible",
            "here: try another baud= (the doctor tries them all on a serial: stream); "
            "every byte odd at every speed: inverted or RS-422 line",
        )
        return
    yield from _framing(device, dialect)
    yield from _answers(device, host)
    yield from _results(device, dialect)


def _framing(device: bytes, dialect: Dialect | None) -> Iterator[Finding]:
    wanted = dialect.framing if dialect else Framing.AUTO
    start = device.lstrip(b"\x00\xff\r\n")[:1]
    languages = {b"\x0b": "HL7 in MLLP", b"<": "XML, perhaps POCT1-A", b"M": "HL7 without MLLP"}
    if start in languages and (start != b"M" or device.lstrip(b"\r\n").startswith(b"MSH")):
        advice = "here: choose a profile of that language; on the device: choose ASTM"
        yield Finding(Symptom.OTHER_LANGUAGE, f"this is {languages[start]}, not ASTM", advice)
    found = {b"\x05": Framing.FRAMED, b"\x02": Framing.FRAMED, b"\x01": Framing.ENVELOPE}.get(start)
    if re.match(rb"\s*H[^A-Za-z0-9]{4}", device):
        found = Framing.BARE
    if found and wanted not in (Framing.AUTO, found):
        yield Finding(
            Symptom.WRONG_FRAMING,
            f"the device sends {found.value} records, the profile expects {wanted.value} ones",
            "here: another profile (or a generic one); on the device: its host protocol setting",
        )


def _answers(device: bytes, host: bytes) -> Iterator[Finding]:
    asked = device.count(b"\x05")
    right, all_frames = frames(device)
    if asked >= 2 and not all_frames and not host:
        yield Finding(
            Symptom.NO_ANSWER,
            f"the device asked {asked} times to send, and nobody answered",
            "here: the gateway must run (or doctor --active); its answers must reach the device: "
            "check our transmit wire (pin 3 to the device's pin 2) and flow control",
        )
    if asked and b"\x05" in host and not all_frames:
        yield Finding(
            Symptom.COLLISION,
            "both sides ask to send at the same time",
            "here: no orders for a device that only sends; on the device: see whether it is set "
            "as host",
        )
    refused = host.count(b"\x15")
    if refused >= _LOOP:
        if right:
            advice = "frames arrive right and are refused: frame numbers or an ended session; "
            advice += "here: a profile with loose numbering, and send this capture"
        else:
            advice = "every frame arrives damaged: parity, noise, or no checksums on the device"
        yield Finding(Symptom.REFUSED, f"the host refused {refused} frames", advice)
    if device.count(b"\x15") >= _LOOP and host.count(b"\x05"):
        yield Finding(
            Symptom.REFUSED,
            "the device refuses whenever the host asks to send",
            "here: no orders to this device; it may be set to results only",
        )


def _results(device: bytes, dialect: Dialect | None) -> Iterator[Finding]:
    right, all_frames = frames(device)
    if all_frames > right:
        yield Finding(
            Symptom.DAMAGED,
            f"{all_frames - right} of {all_frames} frames have a wrong checksum",
            "a bad cable, ground or converter; no other cable beside motors and centrifuges",
            fault=right * 2 < all_frames,
        )
    read = read_capture(device, dialect or Dialect(framing=Framing.AUTO))
    complete = sum(one.complete for one in read)
    if complete and right:
        text = f"{complete} whole transmission(s), checksums right: speed and 8N1 are right"
        yield Finding(Symptom.SOUND, text, fault=False)
    elif complete:
        yield Finding(Symptom.SOUND, f"{complete} whole message(s) without frames", fault=False)
    elif right:
        text = f"{right} right frames, but no whole transmission"
        yield Finding(Symptom.INCOMPLETE, text, _SEND_WHOLE)
