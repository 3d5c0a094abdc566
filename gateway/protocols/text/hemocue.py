r"""HemoCue HbA1c 501: what it would print, as an ESC/POS stream, ended by ``ESC d 3``.

Idle 0xFF bytes before it are noise.  Lines end in CR LF; the header names ``HEMOCUE HbA1c501``
(with or without a blank); each record begins ``Data No.: n``, then a date with its own order tag
(``[Y/M/D]``, ``[M/D/Y]``, ``[D/M/Y]``), a time, the result line, and operator and patient lines
below their labels.  Barcodes (``GS h``, ``GS w``, ``ESC $``) and NULs are taken out; blank lines
differ between firmwares and mean nothing.  Numbers that do not follow one another are a problem at
``sequence``, other control bytes one at the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from gateway.protocols.text.fields import Fields, body_of, bytes_of, put, text_of
from gateway.protocols.text.framing import Terminated

NAME: Final = "hemocue-hba1c-501"
END: Final = b"\x1bd\x03"
FRAMING: Final = Terminated(END, filler=b"\xff\x00")

_MODEL = re.compile(r"HEMOCUE HbA1c ?501")
_RECORD = re.compile(r"Data No\.\s*:\s*")
_BARCODE = re.compile(r"\x1dh.*|\x1b\$.*|\x1dw.*")
_ORDER = re.compile(r"\[([YMD]/[YMD]/[YMD])\]")
_VALUES = re.compile(r"HbA1c ?([<>]? ?[\d.]{1,6}) ?%(?: ?([\d.]{1,6}) ?mmol/mol)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\xff]")


def decode(raw: bytes) -> Fields:
    """One row a record, named by its number: ``date``, ``order``, ``time``, ``percent``, ``mmol``,
    ``operator``, ``patient``; other lines stay under ``line``."""
    head, *records = _RECORD.split(text_of(body_of(raw, b"", END)))
    rows = tuple(_row(record) for record in records)
    problems = tuple(row.name for row in rows if row.problems) + _gaps(rows)
    if not _MODEL.search(head):
        problems += ("model",)
    return Fields(NAME, {"head": head.strip("\r\n\x00\xff")}, rows, problems=problems)


def _row(record: str) -> Fields:
    number, *lines = _lines(record)
    values: dict[str, str] = {}
    problems = ["control"] if any(_CONTROL.search(line) for line in lines) else []
    label = ""
    for line in lines:
        if line.lower().startswith(("operator", "patient")):
            label = line.split()[0].lower()
            line = line.partition(":")[2].strip()
        if line:
            _note(values, line, label, problems)
            label = ""
    problems += [name for name in ("date", "time", "percent") if name not in values]
    return Fields(number.strip(), values, problems=tuple(problems))


def _lines(record: str) -> Iterator[str]:
    for index, line in enumerate(re.split(r"\r\n|\r|\n", record)):
        text = _BARCODE.sub("", line).replace("\x00", "").strip()
        if text or not index:
            yield re.sub(r" +", " ", text)


def _note(values: dict[str, str], line: str, label: str, problems: list[str]) -> None:
    """Puts one line where it belongs."""
    if label:
        put(values, label, line, problems)
    elif order := _ORDER.search(line):
        values["order"] = order[1]
        put(values, "date", _ORDER.sub("", line).strip(), problems)
    elif line.startswith("Time"):
        put(values, "time", line.partition(":")[2].strip(), problems)
    elif match := _VALUES.search(line):
        put(values, "percent", match[1].replace(" ", ""), problems)
        values["mmol"] = match[2] or ""
    else:
        put(values, "line", line, [])


def _gaps(rows: tuple[Fields, ...]) -> tuple[str, ...]:
    if not all(row.name.isascii() and row.name.isdigit() and len(row.name) < 9 for row in rows):
        return ("sequence",)
    numbers = [int(row.name) for row in rows]
    steps = {after - before for before, after in pairwise(numbers)}
    return () if steps <= {1} or steps <= {-1} else ("sequence",)


def encode(fields: Fields) -> bytes:
    """The stream a HemoCue 501 would print."""
    lines = ["", "HEMOCUE HbA1c 501"]
    for row in fields.rows:
        value = row.values
        mmol = f" {value['mmol']} mmol/mol" if row.at("mmol") else ""
        lines.append(f"Data No.: {row.name}")
        lines.append(f"{value.get('date', '')} [{value.get('order', 'Y/M/D')}]")
        lines.append(f"Time: {value.get('time', '')}")
        lines.append(f"HbA1c {value.get('percent', '')} %{mmol}")
        lines += ["Operator ID", value.get("operator", ""), "Patient ID", value.get("patient", "")]
    return bytes_of("\r\n".join([*lines, ""])) + END
