"""What a setting is for and which values it may have, as the annotations of the sections say it.

The checker (``gateway.config.shape``) turns these into its own terms when it reads a file.  A
gateway that runs needs the values alone, and the sections come without the checker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal


@dataclass(frozen=True, slots=True)
class Setting:
    """A description and limits: ``pattern`` of a text; ``gt``, ``ge``, ``le`` of a number.

    Where there is a largest number, and where it is ``exact``, nothing else is made into a value
    of the kind: ``true`` is no number, ``"yes"`` is not ``true``.
    """

    description: str | None = None
    pattern: str | None = None
    gt: float | None = None
    ge: float | None = None
    le: float | None = None
    exact: bool = False

    @property
    def __is_annotated_types_grouped_metadata__(self) -> Literal[True]:
        """Readers of annotations take what ``__iter__`` gives in its place (annotated-types)."""
        return True

    def __iter__(self) -> Iterator[object]:
        from pydantic import Field

        limits = {"pattern": self.pattern, "gt": self.gt, "ge": self.ge, "le": self.le}
        given: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
        if self.le is not None or self.exact:
            given["strict"] = True
        if self.description is not None:
            given["description"] = self.description
        yield Field(**given)


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A number of any kind that stands without quotes."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(_unquoted, handler(source))

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> dict[str, Any]:
        return {"type": "number"}


def _unquoted(value: Any) -> Any:
    if isinstance(value, str):
        from pydantic_core import PydanticCustomError

        raise PydanticCustomError("decimal_type", "a number in quotes")
    return value


@dataclass(frozen=True, slots=True)
class Kinds:
    """Sections of several kinds: ``kind`` tells the name of a value's, None where it has none."""

    kind: Callable[[Any], str | None]
    sections: Mapping[str, type]

    def __get_pydantic_core_schema__(self, _source: Any, handler: Any) -> Any:
        from pydantic import Discriminator, Tag

        tagged = [Annotated[section, Tag(name)] for name, section in self.sections.items()]
        return handler.generate_schema(Annotated[reduce(or_, tagged), Discriminator(self.kind)])
