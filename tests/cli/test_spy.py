"""Two ports on the wires of a working link: both directions in one transcript."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.cli.capture import Recording
from gateway.cli.spy import Tap
from gateway.protocols.astm import Direction, Spoken, read_wire


def test_both_directions_in_the_order_heard(tmp_path: Path) -> None:
    path = tmp_path / "x.wire"
    with path.open("w", encoding="utf-8") as file:
        recording = Recording(file)
        device, host = (Tap(recording, side) for side in Direction)
        assert isinstance(device, asyncio.Protocol)
        for tap, data in ((device, b"\x05"), (host, b"\x06"), (device, b"\x021H|")):
            tap.data_received(data)
    spoken = [e for e in read_wire(path.read_text(encoding="utf-8")) if isinstance(e, Spoken)]
    assert [(e.direction, e.data) for e in spoken] == [
        (Direction.DEVICE, b"\x05"),
        (Direction.HOST, b"\x06"),
        (Direction.DEVICE, b"\x021H|"),
    ]
    assert all(e.seconds is not None for e in spoken)
