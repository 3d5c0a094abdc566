"""A device that writes in another encoding than its profile expects: told, said, and read again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from clinic import gateway, until
from test_desk import command, configuration

from gateway.cli.decode import decode_file
from gateway.cli.doctor import examine
from gateway.config import parse
from gateway.errors import ConfigurationError
from gateway.profiles import catalogue
from gateway.profiles.encodings import ENCODINGS, encoding_of, written_in
from gateway.protocols.astm import encode_frame
from simulators.ehr import Ehr

NAME = "MÜLLER^ZOË"
RECORDS = (
    r"H|\^&|||TEST^1||||||||LIS2-A2|20260105101130",
    f"P|1||MRN1||{NAME}",
    "O|1|S1||^^^GLU",
    "R|1|^^^GLU|5.50|mg/dL||N||F||||20260105101130",
    "L|1|N",
)


def framed(encoding: str) -> bytes:
    frames = [encode_frame(n, f"{one}\r".encode(encoding)) for n, one in enumerate(RECORDS, 1)]
    return b"\x05" + b"".join(frames) + b"\x04"


async def test_what_was_held_for_its_encoding_leaves_when_the_site_says_it(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device, ehr = free_port(), Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    try:
        config = configuration(tmp_path, device, port, '"GLU" = "2345-7"')
        async with gateway(config):
            _, writer = await asyncio.open_connection("127.0.0.1", device)
            writer.write("".join(f"{one}\r" for one in RECORDS).encode())
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            async with asyncio.timeout(30):
                while not await command(config, "held", "list", "--json"):
                    await asyncio.sleep(0.05)
            shown = await command(config, "held", "show", "1")
            assert "encoding-doubtful" in shown
            assert 'say encoding = "utf-8" in [devices.bench], restart' in shown
        text = config.read_text().replace(
            "[devices.bench]\n", '[devices.bench]\nencoding = "utf-8"\n'
        )
        config.write_text(text)
        async with gateway(config):
            await command(config, "replay", "--user", "me")
            await until(lambda: ehr.received == 1, what="the result")
            assert await command(config, "held", "list", "--json") == []
    finally:
        await ehr.aclose()
    assert f"||{NAME}\r".encode() in ehr.inbox.messages[0]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_ascii_means_itself_and_the_profile_reads_by_it(encoding: str) -> None:
    ascii_bytes = bytes(range(0x80))
    assert ascii_bytes.decode(encoding).encode("ascii") == ascii_bytes
    profile = written_in(catalogue()["cepheid-genexpert"], encoding)
    assert encoding_of("É".encode(), profile) == encoding
    assert written_in(catalogue()["file-drop"], encoding).hl7_files is not None
    assert written_in(profile, None) is profile


def test_decode_reads_what_it_is_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "capture.bin"
    path.write_bytes(framed("utf-8"))
    decode_file(str(path), "generic-astm", "json", "UTC")
    held = json.loads(capsys.readouterr().out)
    assert "encoding-doubtful" in {p["code"] for p in held["problems"]}
    decode_file(str(path), "generic-astm", "json", "UTC", encoding="utf-8")
    read = json.loads(capsys.readouterr().out)
    assert "MÜLLER" in json.dumps(read["patient"]["name"], ensure_ascii=False)
    assert "encoding-doubtful" not in {p["code"] for p in read["problems"]}
    with pytest.raises(ConfigurationError) as caught:
        decode_file(str(path), "generic-astm", "json", "UTC", encoding="UTF8")
    (mistake,) = caught.value.mistakes
    assert mistake.startswith("--encoding: unknown encoding 'UTF8'; did you mean 'utf-8'? known: ")


@pytest.mark.parametrize(
    ("profile", "written", "status", "said"),
    [
        ("generic-astm", "utf-8", 1, "the device writes UTF-8, the profile expects latin-1"),
        ("generic-astm", "latin-1", 0, "sound"),
        ("cepheid-genexpert", "utf-8", 0, "sound"),
        (None, "utf-8", 0, "the device writes UTF-8"),
        (None, "latin-1", 0, "sound"),
    ],
)
def test_the_doctor_sees_another_encoding(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    profile: str | None,
    written: str,
    status: int,
    said: str,
) -> None:
    path = tmp_path / "capture.bin"
    path.write_bytes(framed(written))
    assert examine(str(path), profile, False, 1.0, True, Path("none.toml"), None) == status
    findings = json.loads(capsys.readouterr().out)
    assert said in (findings[0]["said"], findings[0]["symptom"])


@pytest.mark.parametrize(
    ("profile", "encoding", "mistake"),
    [
        ("generic-astm", "UTF-8", "unknown encoding 'UTF-8'; did you mean 'utf-8'?"),
        ("generic-astm", "utf-16", "unknown encoding 'utf-16'; did you mean 'utf-8'?"),
        ("generic-poct1a", "utf-8", "POCT1-A devices send XML, which says its encoding itself"),
    ],
)
def test_an_encoding_that_cannot_be_is_a_mistake(profile: str, encoding: str, mistake: str) -> None:
    text = f"""
[gateway]
site = "a"
timezone = "UTC"
data_dir = "d"
[devices.x]
profile = "{profile}"
stream = "tcp-listen:127.0.0.1:4001"
encoding = "{encoding}"
"""
    with pytest.raises(ConfigurationError) as caught:
        parse(text, Path("gateway.toml"))
    (said,) = caught.value.mistakes
    assert said.startswith(f"gateway.toml:9: devices.x.encoding: {mistake}")
