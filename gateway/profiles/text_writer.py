"""Results as a message of a text language, by the codec that would read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.profiles.samples import NotExpressible
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.sheet import Cells, Sheet
from gateway.profiles.text_views import GENERIC, LIS3
from gateway.protocols import lis3
from gateway.protocols.lis3 import Entry
from gateway.protocols.text import CODECS, Fields
from gateway.protocols.text.fields import bytes_of


def write_text(profile: AnalyzerProfile, sheet: Sheet) -> bytes:
    """One whole message of the profile's text language."""
    codec = profile.link.codec or ""
    if any(sheet.comments):
        raise NotExpressible("this device sends no comments")
    head = _split(sheet.head)
    rows = tuple(_row(_split(cells), profile) for cells in sheet.rows)
    fields = Fields(codec, head, rows)
    special = _WRITERS.get(codec)
    return special(fields) if special else CODECS[codec].encode(fields)


def _split(cells: Cells) -> dict[str, str]:
    """Texts of joined addresses (``date+time``) back in their places."""
    found: dict[str, str] = {}
    for path, text in cells.items():
        parts = path.split("+")
        texts = text.split(" ", len(parts) - 1) if len(parts) > 1 else [text]
        found.update(zip(parts, texts, strict=False))
    return found


def _row(cells: Mapping[str, str], profile: AnalyzerProfile) -> Fields:
    values = {path[4:]: text for path, text in cells.items() if path.startswith("row.")}
    encoded = {name: _encoded(text, profile) for name, text in values.items()}
    if encoded.get("value", "").startswith("*") and (profile.link.codec or "").startswith("sysmex"):
        encoded = {"raw": encoded["value"]}  # a masked slot
    return Fields(cells.get("row", ""), encoded)


def _encoded(text: str, profile: AnalyzerProfile) -> str:
    try:
        return text.encode(profile.encoding).decode("latin-1")
    except UnicodeEncodeError:
        raise NotExpressible("a character this device does not have") from None


def _hemocue(fields: Fields) -> bytes:
    units = {"%": "percent", "mmol/mol": "mmol"}
    values = dict(fields.values)
    for row in fields.rows:
        name = units.get(row.values.get("unit", ""))
        if name is None or name in values:
            raise NotExpressible("this device measures HbA1c alone")
        values[name] = row.values.get("value", "")
    if "percent" not in values:
        raise NotExpressible("this device always prints percent")
    number = values.pop("number", "1")
    record = Fields(number, values)
    return CODECS["hemocue-hba1c-501"].encode(Fields(fields.name, {}, (record,)))


def _bc3000(fields: Fields) -> bytes:
    """Head fields are written ``block.key``."""
    blocks: dict[str, dict[str, str]] = {}
    for path, text in fields.values.items():
        block, _, key = path.partition(".")
        blocks.setdefault(block, {})[key or block] = text
    head = tuple(Fields(name, values) for name, values in blocks.items())
    return CODECS["mindray-bc3000plus"].encode(Fields(fields.name, {}, (*head, *fields.rows)))


def _lis3(fields: Fields) -> bytes:
    values = dict(fields.values)
    name = values.pop("message", "SMP_NEW_DATA")
    entries = [Entry(key, text) for key, text in values.items()]
    for row in fields.rows:
        exceptions = row.values.get("exceptions", "")
        value, unit = row.values.get("value", ""), row.values.get("unit", "")
        entries.append(Entry(row.name, value, unit, (exceptions,) if exceptions else ()))
    return lis3.encode(name, entries)


_LABELS: Final = (("id", "ID"), ("patient", "Patient"), ("serial", "Serial"))


def _generic(fields: Fields) -> bytes:
    lines = [f"{label}: {fields.values[key]}" for key, label in _LABELS if key in fields.values]
    if "date" in fields.values:
        when = f"{fields.values['date']} {fields.values.get('time', '')}".strip()
        lines.append(f"Date: {when}")
    for row in fields.rows:
        parts = (row.values.get(name, "") for name in ("value", "unit", "flag"))
        lines.append(" ".join(filter(None, (f"{row.name}:", *parts))))
    return bytes_of("".join(f"{line}\r\n" for line in lines))


_WRITERS: Final[Mapping[str, Callable[[Fields], bytes]]] = MappingProxyType(
    {
        "hemocue-hba1c-501": _hemocue,
        "mindray-bc3000plus": _bc3000,
        LIS3: _lis3,
        GENERIC: _generic,
    }
)
