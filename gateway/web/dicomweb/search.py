"""QIDO-RS (PS3.18 10.6): studies, series, instances, with filters and paging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw
from starlette.datastructures import QueryParams

from gateway.store import Engine
from gateway.web.dicomweb.attributes import (
    BadQuery,
    Level,
    as_json,
    condition,
    named,
    of_level,
)

MOST: Final = 1000
_TABLES: Final = {
    Level.STUDY: "studies s",
    Level.SERIES: "series e JOIN studies s ON s.id = e.study",
    Level.INSTANCE: "instances i JOIN series e ON e.id = i.series JOIN studies s ON s.id = e.study",
}
_KEYS: Final = {Level.STUDY: "s.id DESC", Level.SERIES: "e.id", Level.INSTANCE: "i.id"}


@dataclass(slots=True)
class Search:
    """``ignored`` are attributes the index does not hold, ``more`` says that the limit was ours and
    left something out: both are told to the asker."""

    level: Level
    terms: list[str] = field(default_factory=list)
    bindings: list[Any] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    limit: int = MOST
    capped: bool = True
    more: bool = False
    offset: int = 0

    def within(self, column: str, uid: str | None) -> None:
        if uid is not None:
            self.terms.append(f"{column} = ?")
            self.bindings.append(uid)

    async def run(self, engine: Engine) -> list[dict[str, Any]]:
        attributes = of_level(self.level)
        columns = ", ".join(attribute.column for attribute in attributes)
        where = " AND ".join(self.terms) or "1"
        query = (
            f"SELECT {columns} FROM {_TABLES[self.level]} WHERE {where} "  # noqa: S608 - our names
            f"ORDER BY {_KEYS[self.level]} LIMIT ? OFFSET ?"
        )
        bindings = (*self.bindings, self.limit + self.capped, self.offset)

        def found(connection: apsw.Connection) -> Sequence[Any]:
            return list(connection.execute(query, bindings))

        rows = await engine.browse(found)
        self.more = len(rows) > self.limit
        return [as_json(attributes, row) for row in rows[: self.limit]]


def search(level: Level, parameters: QueryParams) -> Search:
    """BadQuery when the parameters make no sense."""
    made = Search(level)
    for name, value in parameters.multi_items():
        match name:
            case "limit":
                asked = _number(name, value)
                made.limit, made.capped = min(asked, MOST), asked > MOST
            case "offset":
                made.offset = _number(name, value)
            case "fuzzymatching":
                if value.lower() == "true":
                    made.ignored.append(name)
            case "includefield":
                made.ignored += [
                    f for f in value.split(",") if f != "all" and named(f, level) is None
                ]
            case "accept":
                pass
            case _:
                _add(made, name, value)
    return made


def _add(made: Search, name: str, value: str) -> None:
    attribute = named(name, made.level)
    if attribute is None:
        made.ignored.append(name)
        return
    term, bindings = condition(attribute, value)
    made.terms.append(term)
    made.bindings += bindings


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadQuery(f"{name}: must be a number")
    return int(value)
