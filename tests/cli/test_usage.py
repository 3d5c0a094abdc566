"""Wrong use of the command lines: one readable line that says what is allowed, and status 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.commands import app
from gateway.cli.usage import run
from gateway.errors import ConfigurationError


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "--nope"), ("--nope", "gateway check --help")),
        (("check", "--confg", "x"), ("--confg",)),
        (("resend",), ("missing argument", "gateway resend --help")),
        (("held", "discard", "1"), ("--reason", "gateway held discard --help")),
        (("decode", "-", "--profile", "erba-xl", "--as", "xml"), ("'xml'", "'hl7'")),
        (("decode", "a", "b", "--profile", "erba-xl"), ("unexpected", "b")),
        (("run", "-c"), ("-c", "argument")),
        (("demo", "--for", "soon"), ("--for", "must be a number")),
        (("demo", "--seed", "1.5"), ("--seed", "must be a whole number")),
        (("held", "dance"), ("dance", "gateway held --help")),
        (("dance",), ("dance", "gateway --help")),
    ],
)
def test_a_wrong_option_is_one_line(
    arguments: tuple[str, ...], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, "gateway", arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1, said.err
    assert said.err.startswith("gateway: ")
    for word in words:
        assert word in said.err


@pytest.mark.parametrize("arguments", [("--help",), ("check", "-h"), ("held", "--help")])
def test_help_is_no_mistake(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, "gateway", arguments) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("gateway", ("resend",)),
        ("simulators", ("analyzer",)),
        ("simulators", ("ehr", "--x")),
        ("simulators", ("ehr", "--mllp", "127.0.0.1:99999")),
        ("simulators", ("analyzer", "--profile", "erba-xl", "--to", "tcp:127.0.0.1:99999")),
    ],
)
def test_the_programs_themselves(module: str, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("gateway")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("held", "show", "x"), "'x' is not the number of a held item"),
        (("held", "release", "-"), "is not the number of a held item"),
        (("held", "discard", "1", "--reason", " "), "--reason"),
        (("held", "release", "1"), "releasing needs a reason: --reason TEXT"),
        (("resend", "1e3"), "'1e3' is not the number of a message"),
        (("replay", "--dry-run", "--since", "yesterday"), "'yesterday' is no time"),
        (("replay", "--dry-run", "--device", "nobody"), "unknown device 'nobody'; known: bench"),
    ],
)
def test_what_cannot_be_meant_is_wrong_use(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[gateway]\nsite = "a"\ntimezone = "UTC"\ndata_dir = "d"\n'
        '[devices.bench]\nprofile = "generic-astm"\nstream = "tcp-listen:127.0.0.1:4001"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError) as caught:
        run(app, "gateway", (*arguments, "-c", str(config)))
    (line,) = caught.value.mistakes
    assert words in line


UNMADE = """
[gateway]
site = "a"
timezone = "UTC"
data_dir = "{data}"

[destinations.drop]
type = "file"
directory = "{drop}"
"""


@pytest.mark.parametrize(("data", "drop"), [("/proc/data", "drop"), ("data", "/proc/drop")])
def test_a_folder_that_the_system_refuses(data: str, drop: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(UNMADE.format(data=data, drop=drop))
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "run", "-c", str(path)],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    said = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert said[-1].startswith("gateway: /proc/")
    assert not any("Traceback" in line for line in said)
