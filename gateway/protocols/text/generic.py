"""Text of a device nobody has written a codec for: lines read by patterns the site gives.

The first ``Rule`` that matches a whole line reads it: its named groups become a row called by the
group ``code``, or fields of the head where the pattern has no such group.  A line no rule knows is
kept under ``line`` and is no problem.  One longer than ``max_line`` is one, and no pattern sees it,
so that a careless pattern cannot stop the gateway for long; nor one with a control byte between its
characters: what stands on its two sides need not be one word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.protocols.text.fields import Fields, put, text_of

_CONTROLS = "".join(map(chr, (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20))))
_CONTROL = re.compile(f"[{re.escape(_CONTROLS)}]")
_ENDS = re.compile(r"[\r\n]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """``pattern`` must match a whole line, blanks at its ends removed."""

    pattern: re.Pattern[str]


def decode(raw: bytes, name: str, rules: Sequence[Rule], *, max_line: int = 256) -> Fields:
    """STX, ETX and other control bytes are taken off the ends of lines."""
    values: dict[str, str] = {}
    rows: list[Fields] = []
    problems: list[str] = []
    lines = (line.strip(_CONTROLS + " \t") for line in _ENDS.split(text_of(raw)))
    for number, line in enumerate(filter(None, lines), start=1):
        if len(line) > max_line or _CONTROL.search(line):
            problems.append(f"line.{number}")
            put(values, "line", line, [])
            continue
        found = next((m for rule in rules if (m := rule.pattern.fullmatch(line))), None)
        groups = {key: text for key, text in found.groupdict().items() if text} if found else {}
        if "code" in groups:
            rows.append(Fields(groups["code"], {**groups, "raw": line}))
            continue
        for key, text in (groups or {"line": line}).items():
            put(values, key, text, [] if key == "line" else problems)
    return Fields(name, values, tuple(rows), problems=tuple(problems))
