"""Makes a dead TCP link show itself in about 20 s, and tells it apart from a quiet device.

A quiet analyzer sends nothing for hours and is well; a link whose cable is out looks the same until
the kernel probes it.  Since Python 3.11 a deadline of our own and a connection killed by the kernel
both raise TimeoutError, so the class says nothing: ``is_dead`` judges by errno.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final, Protocol

_DEAD: Final = frozenset(
    {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
)


class HasOptions(Protocol):
    """A socket, or what an event loop shows of one."""

    def setsockopt(self, level: int, optname: int, value: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Seconds (and a count) after which the kernel gives a silent peer up."""

    idle: int = 10
    interval: int = 5
    count: int = 3
    unanswered: float = 20.0

    def apply(self, sock: HasOptions) -> None:
        """Probe while idle, limit unanswered data, and send small frames at once."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, self.idle)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, self.interval)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, self.count)
        milliseconds = round(self.unanswered * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def is_dead(error: BaseException | None) -> bool:
    """True when the kernel gave the peer up; False for a deadline of our own and for a reset."""
    return isinstance(error, OSError) and error.errno in _DEAD
