"""The commands as a person types them: answers, exit status, one line a mistake, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.protocols.astm import encode_frame

ROOT = Path(__file__).parents[2]
RECORDS = (
    r"H|\^&|||H-500^1||||||||LIS2-A2|20260105101200",
    "P|1||MRN0001||DOE^JANE",
    "O|1|26S0042||^^^GLU",
    "R|1|^^^GLU|5.50|mg/dL||N||F||||20260105101130",
    "R|2|^^^CREA|<0.2|mg/dL||<||F||||20260105101130",
    "L|1|N",
)


def gateway(*arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def framed(records: tuple[str, ...] = RECORDS) -> bytes:
    frames = [encode_frame(n, f"{record}\r".encode()) for n, record in enumerate(records, 1)]
    return b"\x05" + b"".join(frames) + b"\x04"


def test_decode_prints_one_report_a_line() -> None:
    status, out, err = gateway(
        "decode", "-", "--profile", "erba-xl", "--tz", "Europe/Berlin", stdin=framed()
    )
    assert (status, err) == (0, "")
    (line,) = out.splitlines()
    report = json.loads(line)
    assert report["schema"] == "report/1"
    assert report["kind"] == "patient"
    assert report["specimen"]["id"] == "26S0042"
    assert [o["value"].get("number") for o in report["observations"]] == ["5.50", "0.2"]
    assert report["observations"][1]["value"]["comparator"] == "<"
    assert report["observations"][0]["observed_at"] == "2026-01-05T10:11:30+01:00"


def test_decode_as_records_and_as_hl7() -> None:
    status, out, _ = gateway(
        "decode", "-", "--profile", "erba-xl", "--as", "records", stdin=framed()
    )
    assert status == 0
    assert out.splitlines() == list(RECORDS)
    status, out, _ = gateway("decode", "-", "--profile", "erba-xl", "--as", "hl7", stdin=framed())
    assert status == 0
    assert [line[:3] for line in out.splitlines()][:2] == ["MSH", "PID"]
    assert "OBX|1|NM|2345-7^" in out
    assert "|SN|" in out


def test_decode_reads_transcripts(tmp_path: Path) -> None:
    from gateway.protocols.astm import Direction, Spoken, write_wire

    path = tmp_path / "one.wire"
    path.write_text(write_wire([Spoken(Direction.DEVICE, framed())]), encoding="utf-8")
    status, out, _ = gateway("decode", str(path), "--profile", "erba-xl")
    assert status == 0
    assert json.loads(out)["specimen"]["id"] == "26S0042"


@pytest.mark.parametrize("position", range(2, 60, 7))
def test_decode_of_a_damaged_capture_is_1_and_gives_no_report(position: int) -> None:
    data = bytearray(framed())
    data[position] ^= 1
    status, out, err = gateway("decode", "-", "--profile", "erba-xl", stdin=bytes(data))
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 1, err


def test_decode_of_a_cut_off_capture() -> None:
    status, out, err = gateway("decode", "-", "--profile", "erba-xl", stdin=framed()[:-40])
    assert (status, out) == (1, "")
    assert "incomplete" in err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("decode", "nowhere.bin", "--profile", "erba-xl"), "nowhere.bin"),
        (("decode", "-", "--profile", "erba"), "erba-xl"),
        (("decode", "-", "--profile", "erba-xl", "--tz", "Mars"), "time zone"),
        (("decode", "-"), "--profile"),
        (("profiles", "nothing"), "generic-astm"),
        (("check", "-c", "absent.toml"), "absent.toml"),
        (("run", "-c", "absent.toml"), "absent.toml"),
        (("status", "-c", "absent.toml"), "absent.toml"),
        (("capture", "tcp-lsten:1", "-o", "x.wire"), "STREAM"),
        (("demo", "--http", "here"), "HOST:PORT"),
        (("demo", "--http", "127.0.0.1:99999"), "1 to 65535"),
        (("demo", "--http", "127.0.0.1:0"), "1 to 65535"),
        (("dance",), "dance"),
    ],
)
def test_wrong_use_is_2_with_a_line_that_helps(
    arguments: tuple[str, ...], word: str, tmp_path: Path
) -> None:
    status, out, err = gateway(*arguments, cwd=tmp_path)
    assert (status, out) == (2, ""), err
    assert word in err
    assert len(err.splitlines()) == 1, err


def test_a_device_s_text_never_steers_the_terminal() -> None:
    records = (*RECORDS[:4], "C|1|I|before\x1b[31mafter\x00|G", *RECORDS[4:])
    for form, mark in (("records", "before<1B>[31mafter<00>"), ("json", "before\\u001b[31m")):
        data = framed(records)
        status, out, _ = gateway("decode", "-", "--profile", "erba-xl", "--as", form, stdin=data)
        assert status == 0
        assert mark in out
        assert "\x1b" not in out
    status, out, _ = gateway("decode", "-", "--profile", "erba-xl", "--as", "hl7", stdin=data)
    assert "|Control characters removed: 2" in out


def test_check_says_each_mistake_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[gateway]\nsite = "A B"\ntimezone = 3\n', encoding="utf-8")
    status, out, err = gateway("check", "-c", str(path))
    assert (status, out) == (2, "")
    lines = err.splitlines()
    assert len(lines) == 3, err
    assert all(line.startswith(str(path)) for line in lines)


def test_profiles_lists_the_catalogue() -> None:
    status, out, _ = gateway("profiles", "--json")
    assert status == 0
    names = {row["name"]: row for row in json.loads(out)}
    assert {
        "generic-astm",
        "siemens-dca-vantage",
        "abbott-afinion-2",
        "sysmex-xn-l",
        "erba-xl",
        "vitros",
    } <= names.keys()
    assert all(row["source"] and row["evidence"] for row in names.values())
    status, out, _ = gateway("profiles", "sysmex-xn-l")
    assert status == 0
    assert "6690-2" in out


def test_every_command_has_help() -> None:
    status, out, _ = gateway("--help")
    assert status == 0
    for command in (
        "demo",
        "run",
        "check",
        "profiles",
        "decode",
        "capture",
        "import-livd",
        "scrub",
        "spy",
        "profile-wizard",
        "doctor",
        "replay",
        "status",
        "held",
        "resend",
    ):
        assert command in out
        assert gateway(command, "--help")[0] == 0
