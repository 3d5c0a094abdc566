"""What went wrong with a pipe, in a sentence a technician can act on.

RETRYING: it may come back by itself.  FAILED: we go on trying, but a person must do something.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.errors import StreamUnavailable
from gateway.notices import LinkState
from gateway.transports.liveness import is_dead

LOCKED_OUT: Final = (
    "A device server takes one connection and may still hold an old one, often our own. "
    "Most boxes drop it within 7 minutes; restarting the port clears it now."
)
_NO_DEVICE: Final = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO})
_NO_PORT: Final = frozenset({errno.ENOTTY, errno.EISDIR, errno.EINVAL, errno.ELOOP})


class NeedsPerson(StreamUnavailable):
    """Trying again will not help until somebody changes something."""


@dataclass(frozen=True, slots=True)
class Finding:
    state: LinkState
    text: str


def _retrying(text: str) -> Finding:
    return Finding(LinkState.RETRYING, text)


def _failed(text: str) -> Finding:
    return Finding(LinkState.FAILED, text)


def _plain(error: BaseException) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    return (strerror or str(error) or type(error).__name__).splitlines()[0]


def dial_failed(place: str, error: Exception) -> Finding:
    """We could not connect to ``place`` (HOST:PORT), or not agree with it."""
    if isinstance(error, NeedsPerson):
        return _failed(f"{place}: {error}")
    if isinstance(error, socket.gaierror):
        return _retrying(
            f"{place}: the name is not known ({_plain(error)}); check it or give the IP address"
        )
    if isinstance(error, ConnectionRefusedError):
        return _retrying(
            f"{place} refuses the connection. Is the device on, and the port number right? "
            f"{LOCKED_OUT}"
        )
    if is_dead(error):
        return _retrying(
            f"{place}: no way there ({_plain(error)}); check power, cable, switch and IP address"
        )
    if isinstance(error, ConnectionError):
        return _retrying(f"{place} cut the connection at once. {LOCKED_OUT}")
    return _retrying(f"{place}: {_plain(error)}")


def network_lost(
    place: str, error: Exception | None, *, at_once: bool, by_peer: bool
) -> Finding | None:
    """An open connection ended; None when that is normal and it may be opened again at once."""
    if is_dead(error):
        return _retrying(
            f"{place} no longer answers ({_plain(error or OSError())}); "
            "check power, cable and switch"
        )
    if error is not None and not at_once:
        return _retrying(
            f"{place} cut the connection ({_plain(error)}): it restarted, or a firewall did it"
        )
    if at_once and (by_peer or error is not None):
        return _retrying(f"{place} takes the connection and closes it at once. {LOCKED_OUT}")
    return _retrying(f"{place}: given up by the gateway; connecting again") if at_once else None


def listen_failed(place: str, error: OSError) -> Finding:
    """We could not listen on ``place``."""
    match error.errno:
        case errno.EADDRINUSE:
            why = "another program has this port; end it (ss -ltnp names it) or choose another one"
        case errno.EADDRNOTAVAIL:
            why = "no network card here has this address (ip address lists them)"
        case errno.EACCES:
            why = "ports below 1024 need a privilege; choose one from 1024 up"
        case _:
            why = _plain(error)
    return _failed(f"cannot listen on {place}: {why}")


def serial_failed(path: str, error: Exception) -> Finding:
    """The port could not be opened."""
    if isinstance(error, NeedsPerson):
        return _failed(f"{path}: {error}")
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EBUSY:
        return _failed(
            f"{path} is locked by another program; end that one (fuser -v {path} names it)"
        )
    if number in (errno.EACCES, errno.EPERM):
        return _failed(_no_permission(path))
    if number in _NO_PORT:
        return _failed(f"{path} is no serial port, or cannot do these settings ({_plain(error)})")
    if number in _NO_DEVICE:
        return _retrying(
            f"{path} is not there; is the adapter plugged in? "
            "(ls /dev/serial/by-id shows the ones that are)"
        )
    return _retrying(f"{path}: {_plain(error)}")


def _no_permission(path: str) -> str:
    try:
        group = grp.getgrgid(Path(path).stat().st_gid).gr_name
    except (OSError, KeyError):
        group = "dialout"
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return (
        f"{path} may not be opened by user {user}: sudo usermod -aG {group} {user}, then start the "
        f"gateway again (in a container: --device {path} and --group-add with the group's number)"
    )


def serial_lost(path: str, error: Exception | None, *, at_once: bool) -> Finding | None:
    """An open port went away; None when we closed it ourselves, in order to start afresh."""
    if error is None:
        return _retrying(f"{path}: given up by the gateway; opening again") if at_once else None
    return _retrying(f"{path} is gone ({_plain(error)}); was the adapter unplugged?")
