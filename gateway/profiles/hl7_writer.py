"""Results as an ORU^R01 (or what the profile's shape says), each text where the profile looks.

Texts of ``shape.fixed`` are ER7 as they stand; everything else is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from gateway.profiles.hl7_place import address
from gateway.profiles.numbers import read_number
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.sheet import Sheet
from gateway.protocols.hl7 import escape

_ORDER: Final = ("MSH", "PID", "PV1", "ORC", "OBR", "TQ1", "OBX", "NTE", "SPM")
_ALWAYS: Final = {"MSH.9": "ORU^R01", "MSH.11": "P", "MSH.12": "2.5.1", "OBR.1": "1"}
_NUMBERS: Final = {"PID": "1", "SPM": "1"}

Fields = dict[int, dict[int, dict[int, str]]]
"""Field, repetition, component."""


def write_hl7(profile: AnalyzerProfile, sheet: Sheet, number: int) -> bytes:
    """One message, CR ends, not framed; ``number`` has part in its MSH-10."""
    fixed = profile.shape.fixed
    head = {path: text for path, text in _ALWAYS.items() if path not in fixed} | sheet.head
    head.setdefault("MSH.7", f"{sheet.sent_at:%Y%m%d%H%M%S}")
    segments: dict[str, Fields] = {}
    for path, text in head.items():
        known = fixed.get(path) == text or path in _ALWAYS
        _put(segments, path, text if known else escape(text))
    lines = [_line(name, segments[name]) for name in _ORDER if name in segments]
    names = [name for name in _ORDER if name in segments]
    after = lines[names.index("SPM") :] if "SPM" in names else []
    before = lines[: len(lines) - len(after)]
    body = [*before, *_rows(profile, sheet), *after]
    control = sha256(f"{sheet.sent_at.isoformat()}{number}{body}".encode()).hexdigest()[:20]
    body[0] = _with_control_id(body[0], control)
    text = "".join(f"{line}\r" for line in body)
    return text.encode("utf-8" if "UNICODE" in head.get("MSH.18", "") else profile.encoding)


def _rows(profile: AnalyzerProfile, sheet: Sheet) -> list[str]:
    lines = []
    for count, (cells, comments) in enumerate(zip(sheet.rows, sheet.comments, strict=True), 1):
        segments: dict[str, Fields] = {}
        value = cells.get(profile.where.value) or cells.get(f"{profile.where.value}.1") or ""
        kind = "NM" if read_number(value) else "ST"
        for path, text in {"OBX.1": str(count), "OBX.2": kind, **cells}.items():
            known = profile.shape.fixed.get(path) == text
            written = text if known else escape(text)
            if path == profile.where.code[0] and "&" in profile.shape.code:
                written = written.replace("\\T\\", "&")
            _put(segments, path, written)
        lines.append(_line("OBX", segments["OBX"]))
        lines += [f"NTE|{n}|I|{escape(text)}" for n, text in enumerate(comments, start=1)]
    return lines


def _put(segments: dict[str, Fields], path: str, text: str) -> None:
    where = address(path)
    fields = segments.setdefault(
        where.name, {1: {1: {1: _NUMBERS[where.name]}}} if where.name in _NUMBERS else {}
    )
    cell = fields.setdefault(where.field, {}).setdefault(where.repeat or 1, {})
    cell[where.component or 1] = text


def _line(name: str, fields: Mapping[int, Mapping[int, Mapping[int, str]]]) -> str:
    last = max(fields, default=0)
    texts = [_field(fields.get(number, {})) for number in range(1, last + 1)]
    if name == "MSH":
        return "|".join(["MSH", r"^~\&", *texts[2:]])
    return "|".join([name, *texts])


def _field(repeats: Mapping[int, Mapping[int, str]]) -> str:
    return "~".join(
        "^".join(repeats.get(n, {}).get(c, "") for c in range(1, max(repeats.get(n, {0: ""})) + 1))
        for n in range(1, max(repeats, default=0) + 1)
    )


def _with_control_id(line: str, control: str) -> str:
    fields = line.split("|")
    fields += [""] * (10 - len(fields))
    fields[9] = fields[9] or control
    return "|".join(fields)
