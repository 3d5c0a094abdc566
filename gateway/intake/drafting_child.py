"""The second process: a setup on stdin, then batches of arrivals; drafts on stdout.

Each message is its length, four bytes big endian, and a pickle.  It ends with its stdin.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import sys
from typing import Any, BinaryIO

from gateway.intake.drafting import Drafter, packed

_NICENESS = 19  # the lines go first


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    drafter = Drafter(_receive(asked))
    gc.collect()
    gc.freeze()
    os.nice(_NICENESS)
    _send(answers, None)
    while (batch := _receive(asked)) is not None:
        drafts = drafter.drafts(*batch)
        _send(answers, [None if draft is None else packed(draft) for draft in drafts])
    return 0


def _receive(stream: BinaryIO) -> Any:
    """None at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    return pickle.loads(stream.read(int.from_bytes(head, "big")))  # noqa: S301 - from our parent


def _send(stream: BinaryIO, message: object) -> None:
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()
