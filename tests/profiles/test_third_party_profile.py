"""A profile in a package of its own: installed beside the gateway, it is in the catalogue."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample_profile"
ROOT = Path(__file__).parents[2]


def install(target: Path, source: Path) -> None:
    """What pip leaves of a pure package: its modules, and entry points as its metadata."""
    shutil.copytree(SAMPLE, source)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps"]
        + ["--no-index", "--disable-pip-version-check", "--target", str(target), str(source)],
        check=True,
        capture_output=True,
        timeout=120,
    )


def gateway(*arguments: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{path}"},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return done.stdout.decode()


def test_pip_install_adds_a_profile(tmp_path: Path) -> None:
    install(tmp_path / "site", tmp_path / "source")
    rows = json.loads(gateway("profiles", "--json", path=tmp_path / "site"))
    (row,) = [row for row in rows if row["name"] == "sample-strip-reader"]
    assert (row["vendor"], row["evidence"]) == ("Sample", "site")
    records = (r"H|\^&|||STRIPREADER", "P|1|MRN1", "O|1|26S1", "R|1|^^^NIT|pos|||||F", "L|1|N")
    capture = tmp_path / "one.bin"
    capture.write_bytes("".join(f"{record}\r" for record in records).encode())
    (tmp_path / "framed.bin").write_bytes(_framed(capture.read_bytes()))
    name = "sample-strip-reader"
    text = gateway(
        "decode", str(tmp_path / "framed.bin"), "--profile", name, path=tmp_path / "site"
    )
    report = json.loads(text)
    assert report["observations"][0]["code"]["loinc"] == "5802-4"
    assert report["problems"] == []


def _framed(text: bytes) -> bytes:
    from gateway.protocols.astm import encode_frame

    return b"\x05" + encode_frame(1, text) + b"\x04"
