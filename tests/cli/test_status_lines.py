"""``gateway status`` in 80 columns: everything there, nothing cut, nothing squeezed."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.status import _draw, lines

DETAIL = "10.0.0.5:43112 hung up; the last frame was refused because its checksum is wrong"
STATUS: dict[str, Any] = {
    "site": "clinic-a",
    "running": True,
    "store": {"condition": "well", "reason": ""},
    "devices": {
        "haematology": {
            "profile": "sysmex-xn-l",
            "link": "retrying",
            "detail": DETAIL,
            "last_heard": "2026-01-05T10:12:00+00:00",
            "refused_frames": 3,
            "clock_ahead_seconds": 1440.0,
        },
        "a-device-with-quite-a-long-name-in-the-cellar": {
            "profile": "siemens-clinitek-advantus",
            "link": "up",
            "detail": "",
            "last_heard": None,
            "refused_frames": 0,
            "clock_ahead_seconds": None,
        },
    },
    "destinations": {
        "ehr": {
            "type": "mllp",
            "up": False,
            "stopped": "the EHR answered AR: unsupported version",
            "detail": "",
            "queued": 12345,
            "parked": 12,
            "delivered": 123456,
        },
    },
    "imaging": None,
    "held": 7,
    "parked": [
        {
            "id": 1042,
            "destination": "ehr",
            "report": "0123",
            "device": "haematology",
            "since": "2026-01-05T10:12:00+00:00",
            "why": "AE: no such order",
        }
    ],
    "unread": 21,
    "oldest_undelivered": "2026-01-05T10:12:00+00:00",
    "disk": {"free": 2**30, "total": 20 * 2**30},
    "books": {
        "day": "2026-01-05",
        "devices": {
            "haematology": {
                "received": 123456,
                "delivered": 123450,
                "queued": 3,
                "held": 2,
                "discarded": 1,
                "duplicates": 4,
                "incomplete": 5,
                "balanced": False,
            },
        },
    },
}


def test_it_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _draw(STATUS)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for line in out.splitlines():  # only what explains a row may take a second line
        if "12345 queued" in line or "123450" in line:
            assert "delivered" in line or line.endswith("NO")
    assert DETAIL in " ".join(out.split())


def test_everything_is_said() -> None:
    text = "\n".join(lines(STATUS))
    for word in (
        *("haematology", "a-device-with-quite-a-long-name-in-the-cellar", "never", "retrying"),
        *(DETAIL, "3 frames refused", "sysmex-xn-l", "siemens-clinitek-advantus"),
        *("stopped", "AR: unsupported version", "12345 queued", "12 parked", "123456 delivered"),
        *(
            "123450",
            "NO",
            "4 duplicates",
            "5 incomplete",
            "parked: 11 more, told here as these are dealt with",
            "held: 7",
            "waiting to be read: 21",
            "clock +24.0 min",
            "1.0 of 20.0 GiB: make room",
        ),
    ):
        assert word in text, word


def test_columns_stand_below_each_other() -> None:
    rows = [line for line in lines(STATUS) if "received" in line or "123450" in line]
    head, numbers = rows
    assert head.index("delivered") + len("delivered") == numbers.index("123450") + len("123450")
