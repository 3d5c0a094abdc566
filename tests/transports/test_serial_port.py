"""Serial ports: against pyserial, an independent stack, over virtual cables."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import serial
import serialx
from transport_probes import Driver, Drivers, Observed, PtyPair, in_time, until

from gateway.errors import StreamUnavailable
from gateway.notices import LinkState
from gateway.transports import Backoff, Peer, Serial, StreamAddress, Usb, maintain
from gateway.transports.diagnosis import NeedsPerson, serial_failed, serial_lost
from gateway.transports.serial_port import SerialPort, resolve, stable_name

Keep = Callable[[Any], asyncio.Task[None]]
Cable = Callable[[], tuple[Path, Path, Callable[[], None]]]
QUICK = Backoff(0.02, 0.05)
FRAME = b"\x021H|\\^&|||DEMO^1.0|||||||P|LIS2-A2|20250102030405\r\x0389\r\n"


@pytest.fixture
def drivers() -> Drivers:
    return Drivers()


def at(path: object, drivers: Callable[[Peer], asyncio.Protocol], observed: Observed,
       query: str = "", **settings: Any) -> Any:  # fmt: skip
    address = StreamAddress.parse(f"serial:{path}{query}")
    settings = {"backoff": QUICK, "settled": 0.02, **settings}
    return maintain(address, drivers, observe=observed, **settings)


@contextmanager
def settings_of(path: str) -> Iterator[tuple[int, list[Any]]]:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield fd, termios.tcgetattr(fd)
    finally:
        os.close(fd)


@pytest.mark.peer
async def test_talks_to_pyserial(
    keep: Keep, socat: Cable, drivers: Drivers, observed: Observed
) -> None:
    near, far, _ = socat()
    keep(at(near, drivers, observed))
    driver = await drivers.wait_for(1)
    assert driver.peer == Peer(Serial(str(near)), str(near))
    everything = bytes(range(256))
    with serial.Serial(str(far), 9600, timeout=3) as instrument:
        instrument.write(b"\x05" + FRAME + everything)
        await until(lambda: driver.data == b"\x05" + FRAME + everything)
        driver.write(b"\x06" + everything)
        assert await asyncio.to_thread(instrument.read, 257) == b"\x06" + everything
    assert observed.heard == [(LinkState.UP, f"{near} is open, 9600 8N1")]


async def test_device_bytes_never_reach_the_log(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    keep(at(pty_pair.path, drivers, observed))
    driver = await drivers.wait_for(1)
    pty_pair.send(b"P|1||MRN0001||DOE^JANE\r")
    await until(lambda: bool(driver.data))
    driver.write(b"echo of DOE^JANE")
    await pty_pair.receive(16)
    assert "DOE" not in caplog.text


@pytest.mark.peer
async def test_unplugged_and_plugged_in_again(
    keep: Keep, socat: Cable, drivers: Drivers, observed: Observed
) -> None:
    near, _, unplug = socat()
    keep(at(near, drivers, observed))
    driver = await drivers.wait_for(1)
    unplug()
    assert "is gone" in await observed.wait_for(LinkState.RETRYING)
    assert isinstance(driver.lost[0], OSError)
    driver.write(b"\x06")  # late, and without harm
    await observed.wait_for(LinkState.RETRYING, "is not there")
    near, far, _ = socat()
    driver = await drivers.wait_for(2)
    with serial.Serial(str(far), 9600) as instrument:
        instrument.write(FRAME)
        await until(lambda: driver.data == FRAME and observed.state is LinkState.UP)
    assert observed.states == [LinkState.UP, LinkState.RETRYING, LinkState.RETRYING, LinkState.UP]


async def test_a_port_that_appears_later(
    keep: Keep, pty_pair: PtyPair, tmp_path: Path, drivers: Drivers, observed: Observed
) -> None:
    name = tmp_path / "usb-FTDI_A1-if00-port0"
    keep(at(name, drivers, observed))
    assert "/dev/serial/by-id" in await observed.wait_for(LinkState.RETRYING, "is not there")
    name.symlink_to(pty_pair.path)
    await observed.wait_for(LinkState.UP)


async def test_a_port_that_pyserial_has_locked(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed
) -> None:
    with serial.Serial(pty_pair.path, exclusive=True):
        keep(at(pty_pair.path, drivers, observed))
        text = await observed.wait_for(LinkState.FAILED)
        assert text == (
            f"{pty_pair.path} is locked by another program; "
            f"end that one (fuser -v {pty_pair.path} names it)"
        )
        assert drivers == []
    await observed.wait_for(LinkState.UP)


async def test_our_port_is_locked_for_pyserial_and_for_a_second_gateway(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed
) -> None:
    keep(at(pty_pair.path, drivers, observed))
    await drivers.wait_for(1)
    with pytest.raises(serial.SerialException, match="exclusively lock"):
        serial.Serial(pty_pair.path, exclusive=True)
    second = Observed()
    keep(at(pty_pair.path, Drivers(), second))
    await second.wait_for(LinkState.FAILED, "locked by another program")
    driver = drivers[0]
    pty_pair.send(FRAME)
    await until(lambda: driver.data == FRAME)


@pytest.mark.parametrize(
    ("query", "speed", "cflag"),
    [
        ("", termios.B9600, 0),
        ("?baud=1200", termios.B1200, 0),
        ("?baud=115200&stop=2", termios.B115200, termios.CSTOPB),
        ("?flow=rtscts", termios.B9600, termios.CRTSCTS),
    ],
)
async def test_the_line_is_set_and_damage_is_marked(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed,
    query: str, speed: int, cflag: int,
) -> None:  # fmt: skip
    keep(at(pty_pair.path, drivers, observed, query))
    await drivers.wait_for(1)
    with settings_of(pty_pair.path) as (_, settings):
        iflag, _, found, lflag, ispeed, ospeed, _ = settings
    assert iflag == termios.INPCK | termios.PARMRK
    assert (ispeed, ospeed) == (speed, speed)
    assert found & (termios.CSTOPB | termios.CRTSCTS) == cflag
    assert lflag & (termios.ECHO | termios.ICANON | termios.ISIG) == 0


async def test_only_xon_ends_xoff(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed
) -> None:
    keep(at(pty_pair.path, drivers, observed, "?flow=xonxoff"))
    await drivers.wait_for(1)
    with settings_of(pty_pair.path) as (_, settings):
        assert settings[0] == termios.INPCK | termios.PARMRK | termios.IXON | termios.IXOFF


async def test_a_port_without_parity_says_so(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed
) -> None:
    """The kernel's virtual ports keep 8 bits and no parity, silently."""
    keep(at(pty_pair.path, drivers, observed, "?parity=E&bits=7"))
    text = await observed.wait_for(LinkState.UP)
    assert text.startswith(f"{pty_pair.path} is open, 9600 7E1; this port")
    assert "does not check parity" in text


async def test_characters_from_before_opening_are_dropped(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed
) -> None:
    with settings_of(pty_pair.path):
        pty_pair.send(b"unchecked")
        keep(at(pty_pair.path, drivers, observed))
        driver = await drivers.wait_for(1)
        pty_pair.send(b"\x05")
        await until(lambda: bool(driver.data))
        assert driver.data == b"\x05"


async def test_characters_from_before_the_marking_are_dropped(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def set_late(fd: int, when: int, attributes: list[Any]) -> None:
        pty_pair.send(b"unchecked")
        set_now(fd, when, attributes)

    set_now = termios.tcsetattr
    monkeypatch.setattr(termios, "tcsetattr", set_late)
    keep(at(pty_pair.path, drivers, observed))
    driver = await drivers.wait_for(1)
    pty_pair.send(b"\x05")
    await until(lambda: bool(driver.data))
    assert driver.data == b"\x05"


async def test_every_sound_character_passes_the_kernel_and_the_marks(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed
) -> None:
    """The kernel doubles FF when it marks; what arrives is what was sent."""
    counted: list[int] = []
    keep(at(pty_pair.path, drivers, observed, damaged=lambda _, count: counted.append(count)))
    driver = await drivers.wait_for(1)
    sent = bytes(range(256)) + b"\xff\x00A\xff\xff\x00"
    for i in range(0, len(sent), 7):
        pty_pair.send(sent[i : i + 7])
    await until(lambda: driver.data == sent)
    assert counted == []


async def test_a_damaged_character_is_counted_and_replaced(
    keep: Keep, pty_pair: PtyPair, observed: Observed
) -> None:
    """A virtual cable damages nothing, so the test writes the kernel's marks itself."""
    order: list[object] = []

    class Noting(Driver):
        def data_received(self, data: bytes) -> None:
            order.append(data)

    drivers: list[Noting] = []

    def factory(peer: Peer) -> Noting:
        drivers.append(Noting(peer))
        return drivers[-1]

    keep(at(pty_pair.path, factory, observed, damaged=lambda peer, n: order.append((peer.name, n))))
    await observed.wait_for(LinkState.UP)
    with settings_of(pty_pair.path) as (fd, settings):
        settings[0] &= ~termios.PARMRK
        termios.tcsetattr(fd, termios.TCSANOW, settings)
        pty_pair.send(b"\x021R|1|\xff\x00\x3f5.4\r\x03")
        await until(lambda: len(order) == 2)
        assert order == [(pty_pair.path, 1), b"\x021R|1|\x165.4\r\x03"]
        pty_pair.send(b"\xff")
        pty_pair.send(b"\x00")
        pty_pair.send(b"\x05\xff\x00\x00")
        await until(lambda: order[2:] == [(pty_pair.path, 2), b"\x16\x16"])


async def test_a_driver_may_start_afresh_by_aborting(
    keep: Keep, pty_pair: PtyPair, drivers: Drivers, observed: Observed
) -> None:
    keep(at(pty_pair.path, drivers, observed, settled=0.0))
    with settings_of(pty_pair.path):  # keeps the cable up
        driver = await drivers.wait_for(1)
        assert driver.transport is not None
        driver.transport.abort()
        again = await drivers.wait_for(2)
        assert driver.calls == ["made", "lost"]
        assert driver.lost == [None]
        pty_pair.send(b"\x05")
        await until(lambda: again.data == b"\x05")
    assert observed.states == [LinkState.UP]


async def test_aborting_at_once_again_and_again_is_slowed_down(
    keep: Keep, pty_pair: PtyPair, observed: Observed
) -> None:
    class Restless(Driver):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            assert self.transport is not None
            self.transport.abort()

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    keep(at(pty_pair.path, Restless, observed, settled=60.0, sleep=sleep))
    await until(lambda: len(slept) >= 3)
    assert slept[:3] == [0.02, 0.04, 0.05]


async def test_cancelling_with_unsent_characters_does_not_wait_for_them(
    pty_pair: PtyPair, drivers: Drivers, observed: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real port, closing waits for the characters unless they are thrown away."""
    flushed: list[int] = []
    task = asyncio.ensure_future(at(pty_pair.path, drivers, observed))
    driver = await drivers.wait_for(1)
    driver.write(bytes(1_000_000))  # nobody reads it
    assert driver.transport is not None
    assert driver.transport.get_write_buffer_size() > 0
    monkeypatch.setattr(termios, "tcflush", lambda fd, queue: flushed.append(queue))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(task)
    assert flushed == [termios.TCOFLUSH]
    assert driver.lost == [None]
    assert observed.heard[-1] == (LinkState.CLOSED, "closed")
    with serial.Serial(pty_pair.path, exclusive=True):
        pass


async def test_pausing_is_passed_on(keep: Keep, pty_pair: PtyPair, observed: Observed) -> None:
    class Pausing(Driver):
        def pause_writing(self) -> None:
            self.calls.append("pause")

        def resume_writing(self) -> None:
            self.calls.append("resume")

    drivers: list[Pausing] = []

    def factory(peer: Peer) -> Pausing:
        drivers.append(Pausing(peer))
        return drivers[-1]

    keep(at(pty_pair.path, factory, observed))
    await observed.wait_for(LinkState.UP)
    driver = drivers[0]
    driver.write(bytes(200_000))
    assert driver.calls == ["made", "pause"]
    await pty_pair.receive(200_000)
    await until(lambda: driver.calls == ["made", "pause", "resume"])


async def test_what_is_no_serial_port_is_refused(
    keep: Keep, tmp_path: Path, drivers: Drivers, observed: Observed
) -> None:
    plain = tmp_path / "file"
    plain.write_text("no port")
    keep(at(plain, drivers, observed))
    await observed.wait_for(LinkState.FAILED, "is no serial port")
    assert plain.read_text() == "no port"


def port(path: str, vid: int, pid: int, number: str, name: str = "") -> serialx.SerialPortInfo:
    return serialx.SerialPortInfo(
        device=name or path, resolved_device=path, vid=vid, pid=pid, serial_number=number,
        manufacturer=None, product=None, bcd_device=None, interface_description=None,
        interface_num=0,
    )  # fmt: skip


BY_ID = "/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0"
PORTS = [
    port("/dev/ttyUSB0", 0x0403, 0x6001, "A50285BI", BY_ID),
    port("/dev/ttyUSB1", 0x0403, 0x6010, "FT2", "/dev/serial/by-id/usb-FT2-if00"),
    port("/dev/ttyUSB2", 0x0403, 0x6010, "FT2", "/dev/serial/by-id/usb-FT2-if01"),
    port("/dev/ttyUSB3", 0x1A86, 0x7523, "", ""),
]


def test_finds_the_adapter_by_its_serial_number() -> None:
    assert resolve(Usb(0x0403, 0x6001, "A50285BI"), PORTS) == BY_ID
    assert resolve("/dev/ttyS0", PORTS) == "/dev/ttyS0"


@pytest.mark.parametrize(
    "usb", [Usb(0x0403, 0x6001, "A50285B"), Usb(0x0403, 0x6002, "A50285BI"), Usb(1, 2, "3")]
)
def test_another_adapter_is_never_taken_for_it(usb: Usb) -> None:
    with pytest.raises(StreamUnavailable, match="no such adapter"):
        resolve(usb, PORTS)


def test_two_ports_with_one_serial_number_need_a_person() -> None:
    with pytest.raises(NeedsPerson, match=r"fits 2 ports .*if00, .*if01"):
        resolve(Usb(0x0403, 0x6010, "FT2"), PORTS)


def test_advises_the_name_that_stays() -> None:
    assert BY_ID in (stable_name("/dev/ttyUSB0", PORTS) or "")
    assert stable_name("/dev/ttyUSB3", PORTS) is None
    assert stable_name("/dev/ttyS0", PORTS) is None


async def test_opens_the_adapter_that_was_found(pty_pair: PtyPair, drivers: Drivers) -> None:
    listed = [port(pty_pair.path, 0x0403, 0x6001, "A1")]
    opener = SerialPort(
        Serial(Usb(0x0403, 0x6001, "A1")), drivers, lambda peer, count: None, lambda: listed
    )
    connection = await opener.open()
    assert drivers[0].peer.name == pty_pair.path
    assert opener.opened == f"{pty_pair.path} is open, 9600 8N1"
    await connection.abandon()
    listed.clear()
    with pytest.raises(StreamUnavailable) as caught:
        await opener.open()
    finding = opener.failed(caught.value)
    assert finding.state is LinkState.RETRYING
    assert finding.text.startswith("usb=0403:6001:A1: no such adapter is plugged in")


@pytest.mark.parametrize(
    ("error", "state", "says"),
    [
        (OSError(errno.EBUSY, "x"), LinkState.FAILED, "locked by another program"),
        (PermissionError(errno.EACCES, "x"), LinkState.FAILED, "sudo usermod -aG "),
        (PermissionError(errno.EPERM, "x"), LinkState.FAILED, "--group-add"),
        (FileNotFoundError(errno.ENOENT, "x"), LinkState.RETRYING, "plugged in"),
        (OSError(errno.ENODEV, "x"), LinkState.RETRYING, "plugged in"),
        (OSError(errno.EIO, "x"), LinkState.RETRYING, "plugged in"),
        (OSError(errno.ENOTTY, "x"), LinkState.FAILED, "no serial port"),
        (OSError(errno.EINVAL, "x"), LinkState.FAILED, "these settings"),
        (NeedsPerson("fits 2 ports"), LinkState.FAILED, "fits 2 ports"),
        (OSError(errno.EMFILE, "Too many open files"), LinkState.RETRYING, "Too many"),
    ],
)
def test_why_a_port_does_not_open(error: Exception, state: LinkState, says: str) -> None:
    finding = serial_failed("/dev/ttyUSB0", error)
    assert finding.state is state
    assert says in finding.text
    assert finding.text.startswith("/dev/ttyUSB0")


def test_how_a_port_was_lost() -> None:
    assert serial_lost("/dev/ttyUSB0", None, at_once=False) is None
    quickly = serial_lost("/dev/ttyUSB0", None, at_once=True)
    assert quickly is not None
    assert "given up by the gateway" in quickly.text
    gone = serial_lost("/dev/ttyUSB0", OSError(errno.EIO, "disconnected"), at_once=False)
    assert gone is not None
    assert "unplugged" in gone.text
