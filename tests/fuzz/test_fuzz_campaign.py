"""The campaign: no crash, no hang over a second, bounded memory, nothing out but what was sent.

A few hundred inputs a protocol in the suite; ``make fuzz`` runs 200,000 and tells inputs a second.
An input that failed is printed as its number and written to ``found/``, whose files are always run.
"""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from fuzz_mutation import mutated
from fuzz_targets import Target, targets

INPUTS = int(os.environ.get("GATEWAY_FUZZ", "150"))
FIRST = int(os.environ.get("GATEWAY_FUZZ_FIRST", "0"))
SLOWEST = 1.0  # seconds of processor time
GROWTH = 64 * 1024 * 1024
FOUND = Path(__file__).parent / "found"
TARGETS = targets()


FuzzReport = Callable[[str, int, int, float, float], None]


def made(target: Target, number: int) -> tuple[bytes, Random]:
    random = Random(f"{target.name}:{number}")
    return mutated(target.corpus, random), random


def played(target: Target, data: bytes, random: Random) -> tuple[int, float]:
    """Messages given out, and seconds of processor time: a loaded machine makes nothing slow."""
    started = time.process_time()
    given = target.run(data, random)
    return given, time.process_time() - started


@pytest.mark.fuzz
@pytest.mark.parametrize("name", TARGETS)
def test_campaign(name: str, fuzz_report: FuzzReport) -> None:
    target = TARGETS[name]
    with suppress(Exception):  # what is loaded once is no growth
        target.run(*made(target, 0))
    before, began, slowest, fruitful = _resident(), time.monotonic(), 0.0, 0
    for number in range(FIRST, FIRST + INPUTS):
        data, random = made(target, number)
        try:
            given, seconds = played(target, data, random)
        except Exception:
            FOUND.mkdir(exist_ok=True)
            kept = FOUND / f"{name}-{number}.bin"
            kept.write_bytes(data)
            raise
        slowest, fruitful = max(slowest, seconds), fruitful + bool(given)
        assert slowest <= SLOWEST, f"{name}:{number} took {slowest:.1f} s"
    fuzz_report(name, INPUTS, fruitful, time.monotonic() - began, slowest)
    assert fruitful * 20 > INPUTS, "hardly an input gets anywhere: the campaign tests nothing"
    gc.collect()
    assert _resident() - before < GROWTH


def test_what_was_found_stays_mended() -> None:
    for path in FOUND.glob("*.bin"):
        target = TARGETS[path.stem.rpartition("-")[0]]
        for seed in range(20):
            _, seconds = played(target, path.read_bytes(), Random(seed))
            assert seconds <= SLOWEST, path.name


def test_inputs_are_made_again_from_their_number() -> None:
    target = TARGETS["astm-framed"]
    assert made(target, 17)[0] == made(target, 17)[0]
    assert len({made(target, number)[0] for number in range(100)}) > 80


def test_a_crash_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The campaign notices what it is there for."""

    def broken(data: bytes, _: Random) -> int:
        assert b"\x05" not in data
        return 1

    monkeypatch.setitem(TARGETS, "broken", Target("broken", [b"abc\x05"], broken))
    monkeypatch.setitem(globals(), "FOUND", tmp_path)
    with pytest.raises(AssertionError):
        test_campaign("broken", lambda *_: None)
    assert len(list(tmp_path.glob("broken-*.bin"))) == 1


def _resident() -> int:
    """The highest resident size so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
