"""python-astm beside ours: its codec, and ``python -m benchmarks.python_astm``, its server.

The server is started as its documentation does: every frame is checked and decoded, nothing is
stored; it prints its port.  It is of 2013 and looks for names where Python had them until 3.9, so
it is kept apart from what the project uses, in a folder that ``make bench`` fills.
"""

from __future__ import annotations

import collections
import collections.abc
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

PEERS = Path(sys.prefix) / "peers"


def decoder() -> Callable[[bytes], object] | None:
    """A frame to its records; None where it could not be installed."""
    if not installed():
        return None
    decode = _module("astm.codec").decode_message
    return lambda frame: decode(frame, "latin-1")[1]


def installed() -> bool:
    return (PEERS / "astm").is_dir()


def _module(name: str) -> Any:
    for moved in ("Callable", "Iterable", "Mapping", "MutableMapping"):
        setattr(collections, moved, getattr(collections.abc, moved))
    if str(PEERS) not in sys.path:
        sys.path.append(str(PEERS))
    return import_module(name)


def main() -> None:
    server = _module("astm.server")
    listening = server.Server("127.0.0.1", 0, dispatcher=server.BaseRecordsDispatcher)
    print(listening.socket.getsockname()[1], flush=True)
    _module("astm.asynclib").loop(timeout=1.0)


if __name__ == "__main__":
    main()
