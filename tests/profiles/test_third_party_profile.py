"""A profile in a package of its own: installed beside the gateway, it is in the catalogue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample_profile"
ROOT = Path(__file__).parents[2]


def build(folder: Path) -> Path:
    """The wheel that a build of the sample gives: its modules, and entry points as metadata."""
    project = tomllib.loads((SAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = "sample_analyzers-1.0.dist-info"
    points = project["entry-points"]["gateway.profiles"].items()
    files = {f"sample_analyzers/{p.name}": p.read_text() for p in SAMPLE.glob("sample*/*.py")}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = "".join(f"{name} = {place}\n" for name, place in points)
    files[f"{info}/entry_points.txt"] = f"[gateway.profiles]\n{lines}"
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    wheel = folder / "sample_analyzers-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


def install(wheel: Path, target: Path) -> None:
    """By pip, into a folder of its own."""
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(wheel)],
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
    install(build(tmp_path), tmp_path / "site")
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
