"""Sysmex Class A blocks: KX-21 and KX-21N / pocH-100i, no checksum, no handshake.

``D1U``, date, mode digit, sample id, seven digits, then one slot of five a test: four digits
with an implied point and a flag digit.  A slot that is not four digits (``*0000``) is masked and
comes out as sent.  Leading zeros of a number are padding and dropped; ``raw`` keeps the slot.
A text that does not begin with ``D1U`` (the quality control layout is not documented here) gives
``problems == ("layout",)`` and no rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.text.columns import Column, columns, read, write
from gateway.protocols.text.fields import Fields, body_of, bytes_of, text_of
from gateway.protocols.text.framing import ETX, STX, StxEtx

SLOT: Final = 5
SAMPLE: Final = "D1U"

_COUNTS: Final = (
    ("WBC", 1), ("RBC", 2), ("HGB", 1), ("HCT", 1), ("MCV", 1), ("MCH", 1), ("MCHC", 1),
    ("PLT", 0), ("LYM%", 1), ("MXD%", 1), ("NEUT%", 1), ("LYM#", 1), ("MXD#", 1), ("NEUT#", 1),
)  # fmt: skip
_SIZES: Final = (("PDW", 1), ("MPV", 1), ("P-LCR", 1))


@dataclass(frozen=True, slots=True)
class Layout:
    """``tests``: name and digits after the implied point, in the order of the slots."""

    name: str
    head: tuple[Column, ...]
    tests: tuple[tuple[str, int], ...]

    @property
    def head_width(self) -> int:
        last = self.head[-1]
        return last.start + last.width

    @property
    def width(self) -> int:
        return self.head_width + SLOT * len(self.tests)


KX21N: Final = Layout(
    "sysmex-kx21n",
    columns(("type", 3), ("date", 8), ("mode", 1), ("id", 15), ("info", 7)),
    (*_COUNTS, ("RDW-SD", 1), ("RDW-CV", 1), *_SIZES),
)
# The KX-21 sends one RDW; whether SD or CV is a setting of the device.
KX21: Final = Layout(
    "sysmex-kx21",
    columns(("type", 3), ("date", 6), ("mode", 1), ("id", 12), ("info", 7)),
    (*_COUNTS, ("RDW", 1), *_SIZES),
)
POCH100I: Final = Layout("sysmex-poch100i", KX21N.head, KX21N.tests)


def framing(layout: Layout) -> StxEtx:
    """Blocks between STX and ETX; a sample block of another length lost bytes on the way."""
    return StxEtx({SAMPLE.encode(): frozenset({layout.width})})


def decode(raw: bytes, layout: Layout) -> Fields:
    """One block as fields: ``id``, ``date``, ``mode``; rows with ``value``, ``flag``, ``raw``."""
    text = text_of(body_of(raw, STX, ETX))
    if not text.startswith(SAMPLE) or len(text) != layout.width:
        return Fields(layout.name, {"text": text}, problems=("layout",))
    start = layout.head_width
    slots = [text[at : at + SLOT] for at in range(start, len(text), SLOT)]
    rows = tuple(
        _row(name, places, slot) for (name, places), slot in zip(layout.tests, slots, strict=True)
    )
    problems = tuple(row.name for row in rows if row.problems)
    return Fields(layout.name, read(text, layout.head), rows, problems=problems)


def _row(name: str, places: int, slot: str) -> Fields:
    digits, flag = slot[:-1], slot[-1]
    if not (digits.isascii() and digits.isdigit()):
        return Fields(name, {"value": slot, "flag": "", "raw": slot})
    whole = digits[: len(digits) - places].lstrip("0") or "0"
    value = f"{whole}.{digits[-places:]}" if places else whole
    problems = () if flag.isascii() and flag.isdigit() else ("flag",)
    return Fields(name, {"value": value, "flag": flag, "raw": slot}, problems=problems)


def encode(fields: Fields, layout: Layout) -> bytes:
    """The block an analyzer would send: rows by name, absent ones masked."""
    head = write({"type": SAMPLE, **fields.values}, layout.head, layout.head_width)
    slots = "".join(_slot(fields.row(name), places) for name, places in layout.tests)
    return STX + bytes_of(head + slots) + ETX


def _slot(row: Fields | None, places: int) -> str:
    if row is None:
        return "*0000"
    if raw := row.values.get("raw"):
        return raw
    whole, _, fraction = row.values.get("value", "").partition(".")
    if len(fraction) != places or len(whole) + places > SLOT - 1:
        raise LocalProtocolError(f"{row.name} needs {places} digits after the point")
    return whole.rjust(SLOT - 1 - places, "0") + fraction + row.values.get("flag", "0")
