"""Listeners that anybody on the network can speak to: sound, and worth knowing.

These are notes, not mistakes: in a network of its own a device may be all there is.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.checks.listeners import is_loopback
from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration
from gateway.transports import TcpListen, configured


def open_listeners(configuration: Configuration) -> Iterator[Mistake]:
    """Those beyond this machine that no address is asked of.  HTTP and DICOM ask for more."""
    for name, device in configuration.analyzers.items():
        stream = configured(device.stream)
        if (
            isinstance(stream, TcpListen)
            and device.address is None
            and not is_loopback(stream.host)
        ):
            text = "whoever reaches this port can send results as this device; name its address"
            yield Mistake(("devices", name, "stream"), text)
    orders = configuration.orders
    listen = orders.listen if orders is not None and not orders.callers else None
    if listen is not None and not is_loopback(listen.rpartition(":")[0]):
        text = "whoever reaches this port can send orders and patients; name the callers"
        yield Mistake(("orders", "listen"), text)
