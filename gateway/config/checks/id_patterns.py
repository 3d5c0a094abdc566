"""Patterns of ids: each must be a regular expression, before the first id is held against it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration


def id_pattern_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    section = configuration.orders
    if section is None:
        return
    for kind, listed in (("specimens", section.specimens), ("patients", section.patients)):
        for number, one in enumerate(listed):
            try:
                re.compile(one.pattern)
            except re.error as error:
                where = ("orders", kind, str(number), "pattern")
                yield Mistake(where, f"no regular expression: {error.msg}")
