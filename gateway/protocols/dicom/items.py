"""Variable items of the association PDUs (PS3.8 9.3.2 and 9.3.3): bytes to values and back.

An item is type, a reserved byte, a 16-bit length and a body.  Item types nobody knows are passed
over, as the standard asks; an item longer than what holds it is a ``Violation``, and so is a
context proposed twice or anything beyond the counts below.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway.protocols.dicom.errors import Violation
from gateway.protocols.dicom.uid import read_uid
from gateway.protocols.errors import LocalProtocolError

MAX_CONTEXTS: Final = 128
MAX_SYNTAXES: Final = 64  # of one context

_HEADER: Final = struct.Struct(">BxH")
_CONTEXT: Final = struct.Struct(">BxBx")


class ItemType(IntEnum):
    """Items an association PDU may hold."""

    APPLICATION_CONTEXT = 0x10
    PROPOSED_CONTEXT = 0x20
    ANSWERED_CONTEXT = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50


class ContextResult(IntEnum):
    """Answer to one proposed presentation context (PS3.8 table 9-18)."""

    ACCEPTED = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """What a requestor would like to speak; its order of syntaxes is its order of preference."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnsweredContext:
    """``transfer_syntax`` means nothing unless accepted."""

    id: int
    result: ContextResult
    transfer_syntax: str


def write_item(kind: int, body: bytes) -> bytes:
    """One item with its header."""
    if len(body) > 0xFFFF:
        raise LocalProtocolError(f"item {kind:02X}H of {len(body)} bytes is too long")
    return _HEADER.pack(kind, len(body)) + body


def read_items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each item, in order."""
    position, end = 0, len(data)
    while position < end:
        if end - position < 4:
            raise Violation(f"{end - position} bytes where an item header should be")
        kind, length = _HEADER.unpack_from(data, position)
        position += 4
        if position + length > end:
            left = end - position
            raise Violation(f"item {kind:02X}H announces {length} bytes, {left} are left")
        yield kind, data[position : position + length]
        position += length


def _write_uid(kind: int, uid: str) -> bytes:
    return write_item(kind, uid.encode("latin-1"))


def write_proposed(context: ProposedContext) -> bytes:
    """A presentation context item of an A-ASSOCIATE-RQ."""
    body = [
        _CONTEXT.pack(context.id, 0),
        _write_uid(ItemType.ABSTRACT_SYNTAX, context.abstract_syntax),
        *(_write_uid(ItemType.TRANSFER_SYNTAX, uid) for uid in context.transfer_syntaxes),
    ]
    return write_item(ItemType.PROPOSED_CONTEXT, b"".join(body))


def read_proposed(body: bytes) -> ProposedContext:
    """The inverse; an abstract syntax that is missing reads as empty and will be refused."""
    context_id, _ = _read_context_header(body)
    abstract, syntaxes = "", []
    for kind, value in read_items(body[4:]):
        if kind == ItemType.TRANSFER_SYNTAX:
            syntaxes.append(read_uid(value))
        elif kind == ItemType.ABSTRACT_SYNTAX:
            abstract = read_uid(value)
    if len(syntaxes) > MAX_SYNTAXES:
        raise Violation(f"context {context_id} offers {len(syntaxes)} transfer syntaxes")
    return ProposedContext(context_id, abstract, tuple(syntaxes))


def write_answered(context: AnsweredContext) -> bytes:
    """A presentation context item of an A-ASSOCIATE-AC."""
    head = _CONTEXT.pack(context.id, context.result)
    syntax = _write_uid(ItemType.TRANSFER_SYNTAX, context.transfer_syntax)
    return write_item(ItemType.ANSWERED_CONTEXT, head + syntax)


def read_answered(body: bytes) -> AnsweredContext:
    """The inverse; a result outside the table reads as a refusal without reason."""
    context_id, code = _read_context_header(body)
    known = code <= ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
    result = ContextResult(code) if known else ContextResult.NO_REASON
    syntax = ""
    for kind, value in read_items(body[4:]):
        if kind == ItemType.TRANSFER_SYNTAX:
            syntax = read_uid(value)
    return AnsweredContext(context_id, result, syntax)


def _read_context_header(body: bytes) -> tuple[int, int]:
    if len(body) < 4:
        raise Violation(f"presentation context item of {len(body)} bytes")
    context_id, result = _CONTEXT.unpack_from(body)
    return context_id, result


def check_contexts(identifiers: list[int]) -> None:
    """Refuses more than the standard allows, and an identifier used twice: no answer fits both."""
    if len(identifiers) > MAX_CONTEXTS:
        raise Violation(f"{len(identifiers)} presentation contexts")
    if len(set(identifiers)) != len(identifiers):
        raise Violation("a presentation context identifier is used twice")
