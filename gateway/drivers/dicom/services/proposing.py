"""Which contexts an association that is to send instances proposes, and which of them serves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.archive import Instance
from gateway.errors import Refused
from gateway.protocols.dicom import Context
from gateway.protocols.dicom.sop_classes import STORAGE_COMMITMENT
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE

PLAIN: Final = (EXPLICIT_LE, IMPLICIT_LE)
"""Proposed beside what is stored, and for requests; the first is preferred."""

Pair = tuple[str, str]


def pair_of(instance: Instance) -> Pair:
    """Class and stored syntax."""
    return instance.sop_class, instance.transfer_syntax


def proposals(pairs: Iterable[Pair], *, commitment: bool) -> Sequence[tuple[str, Sequence[str]]]:
    """The contexts of an association that is to send these."""
    wanted = tuple(pairs)
    found: list[tuple[str, Sequence[str]]] = []
    if commitment or not wanted:
        found.append((STORAGE_COMMITMENT, PLAIN))
    found.extend((sop_class, (syntax,)) for sop_class, syntax in wanted)
    classes = dict.fromkeys(sop_class for sop_class, _ in wanted)
    found.extend((sop_class, (syntax,)) for sop_class in classes for syntax in PLAIN)
    return found[:128]


def choose(contexts: Sequence[Context], instance: Instance) -> Context:
    """The stored syntax if it is taken, else a plain one if that can be made."""
    taken = {context.transfer_syntax: context for context in reversed(contexts)}
    if instance.transfer_syntax in taken:
        return taken[instance.transfer_syntax]
    for syntax in PLAIN:
        if syntax in taken:
            return taken[syntax]
    raise Refused("it takes neither the stored syntax nor a plain one for this class")
