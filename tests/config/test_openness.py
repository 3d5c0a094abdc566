"""Who may speak to a listener, and what is said of one that anybody may."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.app import running
from gateway.cli.run import check_configuration, now
from gateway.config import load, parse
from gateway.errors import ConfigurationError
from gateway.notices import Noticeboard

SITE = """
[gateway]
site = "test"
timezone = "Europe/Berlin"
data_dir = "./data"
[devices.bench]
profile = "generic-astm"
stream = "tcp-listen:{host}:{port}"
codes = {{ "GLU" = "2345-7" }}
{device}
[orders]
listen = "{host}:{orders}"
{more}
"""


def site(
    folder: Path, host: str, device: str = "", more: str = "", ports: tuple[int, int] = (1, 2)
) -> Path:
    path = folder / "gateway.toml"
    text = SITE.format(host=host, port=ports[0], orders=ports[1], device=device, more=more)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("host", "noted"),
    [
        ("0.0.0.0", True),
        ("10.1.2.3", True),
        ("[::]", True),
        ("127.0.0.1", False),
        ("localhost", False),
        ("[::1]", False),
    ],
)
def test_what_anybody_may_speak_to_is_noted(
    tmp_path: Path, host: str, noted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_configuration(site(tmp_path, host), show_schema=False) == 0
    said = capsys.readouterr().out
    assert ("note: devices.bench.stream: whoever reaches this port" in said) is noted
    assert ("note: orders.listen: whoever reaches this port" in said) is noted


def test_who_names_the_callers_is_told_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = site(tmp_path, "0.0.0.0", 'address = "10.1.2.3"', 'callers = ["10.1.2.0/24"]')
    assert check_configuration(path, show_schema=False) == 0
    assert "whoever" not in capsys.readouterr().out


def test_a_caller_is_an_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"orders\.callers\.1: 'ehr' is no IP"):
        load(site(tmp_path, "127.0.0.1", more='callers = ["10.1.2.3", "ehr"]'))


async def test_only_those_named_may_call(tmp_path: Path, free_port: Callable[[], int]) -> None:
    ports = free_port(), free_port()
    path = site(tmp_path, "127.0.0.1", 'address = "127.0.0.2"', 'callers = ["127.0.0.2"]', ports)
    board = Noticeboard(now)
    async with running(parse(path.read_text(), path), notices=board, clock=now):
        device, ehr = ports
        assert await answered(device, "127.0.0.2", b"\x05") == b"\x06"
        assert await answered(device, "127.0.0.3", b"\x05") == b""
        assert (await answered(ehr, "127.0.0.2", b"\x0bMSH|x\x1c\r")).startswith(b"\x0bMSH")
        assert await answered(ehr, "127.0.0.3", b"\x0bMSH|x\x1c\r") == b""
        told = [str(posted.notice) for posted in board.recent]
    assert [one for one in told if "127.0.0.3" in one and "no device of this line" in one]
    assert [one for one in told if "127.0.0.3" in one and "not among the callers" in one]


async def answered(port: int, source: str, data: bytes) -> bytes:
    """What comes back; empty when hung up on."""
    loop = asyncio.get_running_loop()
    with socket.socket() as caller:
        caller.setblocking(False)
        caller.bind((source, 0))
        try:
            async with asyncio.timeout(10):
                await loop.sock_connect(caller, ("127.0.0.1", port))
                await loop.sock_sendall(caller, data)
                return await loop.sock_recv(caller, 1000)
        except ConnectionError:
            return b""
