"""Holds a document against the shape of ``gateway.toml``.

pydantic does it, and comes when the first document is looked at: it stays large in a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.config.sections import Configuration

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Detail = Mapping[str, Any]


class Unsound(Exception):
    """``details`` are pydantic's, one for each value that is not what it must be."""

    def __init__(self, details: Sequence[Detail]) -> None:
        super().__init__(f"{len(details)} unsound values")
        self.details = details


def shaped(document: Mapping[str, Any]) -> Configuration:
    """The document as sections; Unsound when it has not their shape."""
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(document)
    except ValidationError as error:
        raise Unsound([{**detail} for detail in error.errors()]) from None


def schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    return _adapter().json_schema()


@cache
def _adapter() -> TypeAdapter[Configuration]:
    from pydantic import TypeAdapter

    return TypeAdapter(Configuration)
