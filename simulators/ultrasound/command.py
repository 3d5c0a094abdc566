"""``gateway-sim ultrasound``: one unit, one scenario, so many exams."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from itertools import count as counting

import numpy as np
from pydicom.uid import generate_uid

from simulators.ultrasound.personality import Personality
from simulators.ultrasound.scenarios import SCENARIOS, Session
from simulators.ultrasound.unit import Peer, Unit


def examine(
    personality: Personality,
    to: str,
    title: str | None,
    scenario: str,
    seed: int,
    *,
    count: int,
    pause: float,
    listen: int | None,
) -> None:
    """Runs it; ``count`` 0 is for ever.  Failed when a job stays red."""
    logging.getLogger("pynetdicom").addHandler(logging.NullHandler())
    logging.getLogger("pynetdicom").propagate = False
    peer = Peer.parse(to)
    session = Session(
        Unit(personality, peer, title=title),
        peer,
        np.random.default_rng(seed),
        lambda: datetime.now(UTC),
        lambda: str(generate_uid(prefix=None)),
        say=lambda line: print(line, flush=True),
        listen=listen,
    )
    waiting = threading.Event()
    for number in counting(1):
        SCENARIOS[scenario](session)
        if number == count:
            return
        waiting.wait(pause)
