"""Mindray BC-3000Plus / 2800 / 3200: a handshake, then blocks, and no end mark.

``DLE`` and ``ENQ CTR ETX`` each want an ACK before the device goes on.  Blocks follow: name FF,
``key SYN value BS`` pairs, EOT; a histogram's bytes are taken by the length its ``DataLen`` names
and never searched.  Behind the last block may stand a binary footer.  The message ends when the
line is silent (500 ms seen in the field, two seconds here: a late byte must not halve a count);
a silence inside a block is an incomplete message.  There is no checksum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from gateway.protocols.errors import RemoteProtocolError
from gateway.protocols.text.fields import Fields, bytes_of, put, text_of
from gateway.protocols.text.receiver import Answers, Call, Cut, Junk, Whole

NAME: Final = "mindray-bc3000plus"
ETX: Final = 0x03
EOT: Final = 0x04
ENQ: Final = 0x05
BS: Final = 0x08
FF: Final = 0x0C
DLE: Final = 0x10
SYN: Final = 0x16
CALLED: Final = Answers(enquiry=b"\x06")
_HEADER_LIMIT: Final = 32
_CURVES: Final = ("WHistoData", "RHistoData", "PHistoData")
_CURVE_LIMIT: Final = 4_096


@dataclass(frozen=True, slots=True)
class Bc3000:
    """Calls, then everything until silence."""

    patience: float = 2.0
    limit: int = 65_536
    answers: Answers = CALLED
    anchored: ClassVar[bool] = False

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        if buffer[0] == DLE:
            return Call(1)
        if buffer[0] == ENQ:
            return self._header(buffer)
        if not chr(buffer[0]).isalpha() or buffer[0] > 0x7F:
            return Junk(1)
        return None

    def close(self, buffer: bytearray) -> Cut | None:
        return Whole(len(buffer)) if read_blocks(bytes(buffer)) is not None else None

    def _header(self, buffer: bytearray) -> Cut | None:
        end = buffer.find(ETX, 1, _HEADER_LIMIT)
        if end < 0:
            return Junk(1) if len(buffer) >= _HEADER_LIMIT else None
        return Call(end + 1)


FRAMING: Final = Bc3000()


@dataclass(frozen=True, slots=True)
class Block:
    """One named block; ``curves`` holds what is not text."""

    name: str
    values: dict[str, str]
    curves: dict[str, bytes]
    repeated: tuple[str, ...] = ()


def read_blocks(raw: bytes) -> tuple[tuple[Block, ...], bytes] | None:
    """The blocks and the footer behind them; ``None`` when a block is cut off or none is there."""
    blocks: list[Block] = []
    at = 0
    while (mark := _block_name(raw, at)) is not None:
        block = _read_block(raw, at, mark)
        if block is None:
            return None
        blocks.append(block[0])
        at = block[1]
    footer = raw[at:]
    if footer.isascii() and footer[:1].isalpha() and footer.decode("ascii").isprintable():
        return None  # the name of a block that never came
    return (tuple(blocks), footer) if blocks else None


def _block_name(raw: bytes, at: int) -> int | None:
    """Where the name that begins at ``at`` ends, if it is one."""
    mark = raw.find(FF, at, at + 64)
    name = raw[at:mark] if mark > at else b""
    return mark if name.isascii() and name.decode("ascii").isprintable() and name else None


def _read_block(raw: bytes, at: int, mark: int) -> tuple[Block, int] | None:
    block = Block(text_of(raw[at:mark]), {}, {})
    repeated: list[str] = []
    at = mark + 1
    while at < len(raw) and raw[at] != EOT:
        pair = _read_pair(raw, at, block)
        if pair is None:
            return None
        key, value, at = pair
        if isinstance(value, bytes):
            block.curves[key] = value
        else:
            put(block.values, key, value, repeated)
    if at >= len(raw):
        return None
    return Block(block.name, block.values, block.curves, tuple(repeated)), at + 1


def _read_pair(raw: bytes, at: int, block: Block) -> tuple[str, str | bytes, int] | None:
    mark = raw.find(SYN, at)
    if mark < 0:
        return None
    key, begin = text_of(raw[at:mark]), mark + 1
    size = block.values.get("DataLen", "").strip()
    if key in _CURVES and size.isascii() and size.isdigit() and int(size[:6]) <= _CURVE_LIMIT:
        end = begin + int(size)
        if end >= len(raw):
            return None
        return key, raw[begin:end], end + (raw[end] == BS)
    ends = [end for stop in (BS, EOT) if (end := raw.find(stop, begin)) >= 0]
    if not ends:
        return None
    return key, text_of(raw[begin : min(ends)]), min(ends) + (raw[min(ends)] == BS)


def decode(raw: bytes) -> Fields:
    """One row a block: its fields by key, its histograms as blobs; the footer is a blob too."""
    read = read_blocks(raw)
    if read is None:
        raise RemoteProtocolError("a block has no end")
    blocks, footer = read
    rows = tuple(
        Fields(block.name, block.values, blobs=block.curves, problems=block.repeated)
        for block in blocks
    )
    problems = tuple(row.name for row in rows if row.problems)
    return Fields(NAME, {}, rows, {"footer": footer} if footer else {}, problems=problems)


def calls() -> tuple[bytes, bytes]:
    """What the device sends before the blocks, each time waiting for ACK."""
    return bytes([DLE]), bytes([ENQ]) + b"CTR" + bytes([ETX])


def encode(fields: Fields) -> bytes:
    """The blocks a BC-3000Plus would send after its calls."""
    stream = bytearray()
    for row in fields.rows:
        stream += bytes_of(row.name) + bytes([FF])
        for key, value in row.values.items():
            stream += bytes_of(key) + bytes([SYN]) + bytes_of(value) + bytes([BS])
        for key, curve in row.blobs.items():
            stream += bytes_of(key) + bytes([SYN]) + curve + bytes([BS])
        stream.append(EOT)
    return bytes(stream) + fields.blobs.get("footer", b"")
