"""What the doctor says of captures, and of streams that cannot work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from simulated_uart import Format
from typer.testing import CliRunner

from gateway.cli import doctor as examining
from gateway.cli.commands import app
from gateway.cli.symptoms import Symptom, diagnose, line_format
from gateway.profiles import Protocol
from gateway.protocols.astm import (
    Dialect,
    Direction,
    Framing,
    Spoken,
    encode_frame,
    read_wire,
    write_wire,
)
from gateway.transports import Parity, Serial

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
RECORDS = (r"H|\^&|||DEMO", "P|1|MRN1", "O|1|26S1", "R|1|^^^GLU|5.4|mmol/L||||F", "L|1|N")
FRAMES = [encode_frame(n, f"{text}\r".encode()) for n, text in enumerate(RECORDS, 1)]
MESSAGE = b"\x05" + b"".join(FRAMES) + b"\x04"
HL7 = b"\x0bMSH|^~\\&|X|L|||20260105||ORU^R01|1|P|2.5.1\rOBR|1||S1\rOBX|1|NM|GLU||5|g/L\r\x1c\r"
KX21 = read_wire((TRANSCRIPTS / "sysmex-kx21n-poch/panel.wire").read_text(encoding="utf-8"))[
    -1
].data
BARE = "".join(f"{text}\r" for text in RECORDS).encode()


def device(data: bytes) -> Spoken:
    return Spoken(Direction.DEVICE, data)


def host(data: bytes) -> Spoken:
    return Spoken(Direction.HOST, data)


def with_parity(data: bytes, odd: bool) -> bytes:
    """Seven bits and a parity bit, as a port set to 8N1 hears them."""
    return bytes(byte | ((byte.bit_count() & 1) ^ odd) << 7 for byte in data)


def first(*entries: Spoken, dialect: Dialect | None = None) -> Symptom:
    return diagnose(entries, dialect)[0].symptom


@pytest.mark.parametrize(("odd", "name"), [(False, "7E1"), (True, "7O1")])
def test_one_message_tells_the_format(odd: bool, name: str) -> None:
    assert line_format(MESSAGE) == "8N1"
    assert line_format(with_parity(MESSAGE, odd)) == name
    assert first(device(with_parity(MESSAGE, odd))) is Symptom.WRONG_FORMAT


def test_symptoms() -> None:
    assert first(device(MESSAGE)) is Symptom.SOUND
    assert first() is Symptom.SILENT
    assert first(device(bytes(range(0x80, 0x100)) * 3)) is Symptom.WRONG_SPEED
    assert first(device(b"\x05"), device(b"\x05"), device(b"\x05")) is Symptom.NO_ANSWER
    assert first(device(b"\x05"), host(b"\x05"), device(b"\x05")) is Symptom.COLLISION
    assert first(device(HL7), dialect=Dialect()) is Symptom.OTHER_LANGUAGE
    assert first(device(HL7)) is Symptom.SOUND
    assert first(device(HL7 * 3)) is Symptom.NO_ANSWER
    assert first(device(HL7), *[host(b"\x0bMSH|x\rMSA|AE|1\r\x1c\r")] * 3) is Symptom.REFUSED
    assert first(device(b"<?xml version='1.0'?><HEL.R01/>")) is Symptom.OTHER_LANGUAGE
    assert first(device(KX21)) is Symptom.SOUND
    assert diagnose([device(KX21)], protocol=Protocol.HL7)[0].symptom is Symptom.OTHER_LANGUAGE
    assert first(device(BARE), dialect=Dialect()) is Symptom.WRONG_FRAMING
    assert first(device(BARE), dialect=Dialect(framing=Framing.AUTO)) is Symptom.SOUND
    assert first(device(MESSAGE[:-40])) is Symptom.INCOMPLETE
    assert first(device(b"\x05" + FRAMES[0] * 4), *[host(b"\x15")] * 4) is Symptom.REFUSED
    spoiled = MESSAGE.replace(b"5.4", b"5.5")
    assert first(device(spoiled)) is Symptom.DAMAGED


def doctor(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["doctor", *arguments])
    return done.exit_code, done.stdout


def test_a_capture_and_its_advice(tmp_path: Path) -> None:
    path = tmp_path / "x.wire"
    path.write_text(write_wire([device(MESSAGE)]), encoding="utf-8")
    assert doctor(str(path))[0] == 0
    path.write_text(write_wire([device(with_parity(MESSAGE, odd=False))]), encoding="utf-8")
    status, out = doctor(str(path), "--json")
    (finding,) = json.loads(out)
    assert status == 1
    assert "bits=7&parity=E" in finding["advice"]


def test_no_such_port() -> None:
    status, out = doctor("serial:/dev/no-such-port", "--for", "0.1")
    assert status == 1
    assert "not there" in out


def test_nobody_dials() -> None:
    status, out = doctor("tcp-listen:127.0.0.1:0", "--for", "0.2")
    assert status == 1
    assert "both listen" in out


def test_nobody_listens(unused_port: int) -> None:
    status, out = doctor(f"tcp:127.0.0.1:{unused_port}", "--for", "0.5")
    assert status == 1
    assert "both dial" in out


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


SENDERS = [
    *(Format(baud) for baud in (1200, 4800, 9600, 19200, 38400, 115200)),
    *(Format(9600, 7, parity) for parity in (Parity.EVEN, Parity.ODD)),
    *(Format(9600, 8, parity) for parity in (Parity.EVEN, Parity.ODD)),
    Format(19200, 8, Parity.EVEN),
]


@pytest.mark.parametrize("sender", SENDERS, ids=lambda one: f"{one.baud}-{one.bits}{one.parity}")
async def test_one_message_tells_speed_and_format(
    sender: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Serial] = []

    async def hear(address: Serial, *_: object) -> tuple[list[object], str]:
        tried.append(address)
        port = Format(address.baud, address.data_bits, address.parity)
        return [], write_wire([device(port.heard(MESSAGE, sender))])

    monkeypatch.setattr(examining, "_hear", hear)
    findings = await examining._scan(Serial("/dev/ttyS0"), None, None, 1.0)
    symptoms = [finding.symptom for finding in findings]
    said = " ".join(finding.said + finding.advice for finding in findings)
    assert (Symptom.WRONG_SPEED in symptoms) == (sender.baud != 9600)
    assert (Symptom.WRONG_FORMAT in symptoms) == (sender.parity is not Parity.NONE)
    assert sender.baud == 9600 or f"baud={sender.baud}" in said
    assert sender.parity is Parity.NONE or f"parity={sender.parity}" in said
    assert (Symptom.SOUND in symptoms) == (sender.bits == 8)
    assert len(tried) <= 10


def test_a_folder(tmp_path: Path) -> None:
    status, out = doctor(f"file:{tmp_path}/none")
    assert (status, "is not there" in out) == (1, True)
    status, out = doctor(f"file:{tmp_path}?pattern=*.csv")
    assert (status, "no file" in out) == (1, True)
    (tmp_path / "DOE JANE.csv").write_bytes(b"Sample ID,Test,Result\r\n26S1,GLU,5.4\r\n")
    status, out = doctor(f"file:{tmp_path}?pattern=*.csv")
    assert (status, "an exported table" in out) == (0, True)
    assert "DOE" not in out
    (tmp_path / "half.csv").write_bytes(b"Sample ID,Test,Res")
    status, out = doctor(f"file:{tmp_path}?pattern=*.csv")
    assert (status, "perhaps not complete" in out) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["DOE JANE.csv", "half.csv"]
