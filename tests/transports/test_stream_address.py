"""Stream addresses: every form of the contract, the way back, one readable line per mistake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.transports import (
    AnyAddress,
    Flow,
    InvalidAddress,
    Parity,
    Rfc2217,
    Serial,
    StreamAddress,
    TcpConnect,
    TcpListen,
    Usb,
)

SEVEN_EVEN = {"parity": Parity.EVEN, "data_bits": 7}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("serial:/dev/ttyUSB0", Serial("/dev/ttyUSB0")),
        ("serial:/dev/ttyUSB0?baud=9600&parity=N", Serial("/dev/ttyUSB0")),
        (
            "serial:/dev/serial/by-id/usb-FTDI_FT232R_A1-if00-port0?baud=19200",
            Serial("/dev/serial/by-id/usb-FTDI_FT232R_A1-if00-port0", baud=19200),
        ),
        (
            "serial:/dev/ttyS1?baud=1200&parity=E&bits=7&stop=2&flow=rtscts",
            Serial("/dev/ttyS1", baud=1200, stop_bits=2, flow=Flow.RTSCTS, **SEVEN_EVEN),
        ),
        ("serial:/dev/ttyS1?flow=xonxoff", Serial("/dev/ttyS1", flow=Flow.XONXOFF)),
        ("serial:usb=0403:6001:A50285BI", Serial(Usb(0x0403, 0x6001, "A50285BI"))),
        ("serial:usb=403:6001:A:B C?parity=O", Serial(Usb(0x403, 0x6001, "A:B C"),
                                                      parity=Parity.ODD)),
        ("tcp:10.1.2.3:4001", TcpConnect("10.1.2.3", 4001)),
        ("tcp:nport-lab.clinic.example:4001", TcpConnect("nport-lab.clinic.example", 4001)),
        ("tcp:[fe80::1%eth0]:4001", TcpConnect("fe80::1%eth0", 4001)),
        ("tcp-listen:127.0.0.1:4001", TcpListen("127.0.0.1", 4001)),
        ("tcp-listen:[::]:4001", TcpListen("::", 4001)),
        ("tcp-listen:127.0.0.1:0", TcpListen("127.0.0.1", 0)),
        ("rfc2217:10.1.2.3:4001", Rfc2217("10.1.2.3", 4001)),
        ("rfc2217:[::1]:4001?baud=115200&parity=E&bits=7",
         Rfc2217("::1", 4001, baud=115200, **SEVEN_EVEN)),
    ],
)  # fmt: skip
def test_reads_every_form(text: str, address: AnyAddress) -> None:
    assert StreamAddress.parse(text) == address
    assert StreamAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a stream is serial:"),
        ("/dev/ttyUSB0", "a stream is serial:"),
        ("tcp:", "a stream is serial:"),
        ("seriell:/dev/ttyUSB0", "did you mean serial:?"),
        ("tcp-server:127.0.0.1:4001", "tcp-listen:HOST:PORT"),
        ("TCP:127.0.0.1:4001", "tcp:HOST:PORT"),
        ("serial:ttyUSB0", "starts with /"),
        ("serial:COM3", "starts with /"),
        ("serial:/dev/", "starts with /"),
        ("serial:usb=0403:6001", "VID:PID:SERIAL"),
        ("serial:usb=0403:6001:", "VID:PID:SERIAL"),
        ("serial:usb=04033:6001:A", "VID:PID:SERIAL"),
        ("serial:/dev/ttyUSB0?", "known: baud=, parity=, bits=, stop=, flow="),
        ("serial:/dev/ttyUSB0?partiy=E", "did you mean parity=?"),
        ("serial:/dev/ttyUSB0?baud=9601", "allowed: 300, 600"),
        ("serial:/dev/ttyUSB0?baud=", "allowed: 300, 600"),
        ("serial:/dev/ttyUSB0?parity=even", "allowed: N, E, O, M, S"),
        ("serial:/dev/ttyUSB0?bits=9", "allowed: 7, 8"),
        ("serial:/dev/ttyUSB0?stop=1.5", "allowed: 1, 2"),
        ("serial:/dev/ttyUSB0?flow=dtr", "allowed: none, xonxoff, rtscts"),
        ("serial:/dev/ttyUSB0?baud=9600&baud=9600", "given twice"),
        ("serial:/dev/ttyUSB0?baud", "no line setting"),
        ("tcp:10.1.2.3", "HOST:PORT"),
        ("tcp-listen:4001", "0.0.0.0:4001"),
        ("tcp:10.1.2.3:port", "1 to 65535"),
        ("tcp:10.1.2.3:0", "1 to 65535"),
        ("tcp:10.1.2.3:65536", "1 to 65535"),
        ("tcp-listen:127.0.0.1:-1", "is no port; 1 to 65535"),
        ("tcp-listen:127.0.0.1:65536", "is no port; 1 to 65535"),
        ("tcp:10.1.2.3:4001\N{SUPERSCRIPT TWO}", "1 to 65535"),
        ("tcp:::1:4001", "brackets"),
        ("tcp:[nonsense]:4001", "no IPv6 address"),
        ("tcp:10.1.2.300:4001", "no host name or IP address"),
        ("tcp:10.1.2:4001", "no host name or IP address"),
        ("tcp:lab..box:4001", "no host name or IP address"),
        (f"tcp:{'x' * 64}:4001", "no host name or IP address"),
        ("tcp:lab box:4001", "no host name or IP address"),
        ("tcp:10.1.2.3:4001?baud=9600", "rfc2217:"),
        ("tcp-listen:127.0.0.1:4001?", "takes no settings"),
        ("tcp:10.1.2.3:4001\n", "one line"),
        ("serial:/dev/" + "x" * 600, "at most 512"),
    ],
)
def test_refuses_with_one_line_that_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(InvalidAddress, match=r"^[^\n]+\Z") as caught:
        StreamAddress.parse(text)
    assert says in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, GatewayError)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "exposes"),
    [
        ("tcp-listen:127.0.0.1:4001", False),
        ("tcp-listen:127.8.9.1:4001", False),
        ("tcp-listen:[::1]:4001", False),
        ("tcp-listen:localhost:4001", False),
        ("tcp-listen:0.0.0.0:4001", True),
        ("tcp-listen:[::]:4001", True),
        ("tcp-listen:10.1.2.3:4001", True),
        ("tcp-listen:lab-gateway:4001", True),
        ("tcp:10.1.2.3:4001", False),
        ("serial:/dev/ttyS0", False),
    ],
)
def test_says_when_a_listener_is_open_to_the_network(text: str, exposes: bool) -> None:
    assert StreamAddress.parse(text).exposes is exposes


@pytest.mark.parametrize(
    ("port", "renumbered"),
    [
        ("/dev/ttyUSB0", True),
        ("/dev/ttyACM12", True),
        ("/dev/ttyS0", False),
        ("/dev/serial/by-id/usb-1", False),
        (Usb(1, 2, "3"), False),
    ],
)
def test_knows_names_that_may_change(port: str | Usb, renumbered: bool) -> None:
    assert Serial(port).renumbered is renumbered


def test_shorthand_is_what_manuals_say() -> None:
    address = StreamAddress.parse("serial:/dev/ttyS1?baud=1200&parity=E&bits=7&flow=xonxoff")
    assert isinstance(address, Serial)
    assert address.shorthand == "1200 7E1 xonxoff"


settings = st.fixed_dictionaries(
    {},
    optional={
        "baud": st.sampled_from([300, 9600, 115200]),
        "parity": st.sampled_from(Parity),
        "data_bits": st.sampled_from([7, 8]),
        "stop_bits": st.sampled_from([1, 2]),
        "flow": st.sampled_from(Flow),
    },
)
hosts = st.one_of(
    st.ip_addresses().map(str), st.sampled_from(["lab", "nport-1.example.org", "a_b"])
)
ports = st.integers(1, 65535)
usb = st.builds(
    Usb,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20),
)
paths = st.text("abcXYZ019-_:.%=&/", max_size=40).map(lambda rest: f"/dev/{rest}x")


@given(
    st.one_of(
        st.builds(lambda p, s: Serial(p, **s), paths | usb, settings),
        st.builds(TcpConnect, hosts, ports),
        st.builds(TcpListen, hosts, st.integers(0, 65535)),
        st.builds(lambda h, p, s: Rfc2217(h, p, **s), hosts, ports, settings),
    )
)
def test_text_of_an_address_is_that_address(address: AnyAddress) -> None:
    assert StreamAddress.parse(str(address)) == address


@given(st.text(max_size=60) | st.text("serialtcp-:/?=&[]0123456789.", max_size=60))
def test_any_text_is_an_address_or_a_readable_mistake(text: str) -> None:
    try:
        address = StreamAddress.parse(text)
    except InvalidAddress as error:
        message = str(error)
    else:
        message = ""
        assert StreamAddress.parse(str(address)) == address
    assert message.isprintable()
