"""The wizard for HL7 and POCT1-A: what a capture shows beyond the generic profile of its language.

The module it writes takes the generic profile and says where this device differs: its signature,
where its ids and codes stand, and the tests that leave no doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.cli.captures import Entry
from gateway.cli.wizard_parts import (
    Ask,
    Seen,
    analyte,
    name_from,
    plain,
    show_tests,
    signature_of,
    write_profile,
)
from gateway.profiles import AnalyzerProfile, catalogue
from gateway.profiles.guessing import Guess
from gateway.profiles.readers import reader_of
from gateway.profiles.reading import Group, Place
from gateway.profiles.recording import read_recording
from gateway.protocols.astm import said


@dataclass(frozen=True, slots=True)
class Places:
    """Where devices of a language may write what; the usual place first."""

    generic: str
    code: tuple[str, ...]
    unit: str
    flags: str
    specimen: tuple[str, ...]
    patient: tuple[str, ...]
    sender: tuple[str, ...]


LANGUAGES: Final[Mapping[str, Places]] = {
    "HL7": Places(
        "generic-hl7",
        ("OBX.3.1", "OBX.3.2", "OBX.4.1"),
        "OBX.6.1",
        "OBX.8.1",
        ("SPM.2.1.1", "OBR.3.1", "OBR.2.1", "ORC.2.1"),
        ("PID.3.1", "PID.2.1", "PID.4.1"),
        ("MSH.3.1", "MSH.4.1"),
    ),
    "POCT1-A": Places(
        "generic-poct1a",
        ("OBS.observation_id", "OBS.observation_id@DN"),
        "OBS.value@U",
        "OBS.interpretation_cd",
        (),
        ("PT.patient_id",),
        ("DEV.model_id", "DEV.device_name", "DEV.vendor_id"),
    ),
}


def describe(found: Guess, entries: tuple[Entry, ...], output: Path, ask: Ask) -> int:
    """Shows what is there, asks what no capture can tell, writes module and transcript."""
    places = LANGUAGES[found.language]
    generic = catalogue()[places.generic]
    groups = tuple(_groups(said(entries), generic))
    lines = [line.place for group in groups for line in group.lines]
    code = _fullest(places.code, lines) or places.code[0]
    tests = _tests(lines, code, generic.where.value, places)
    print(f"codes at {code}:")
    show_tests(tests)
    heads = [group.place for group in groups]
    for path in (*places.specimen, *places.patient):
        if count := sum(place.at(path) is not None for place in heads):
            print(f"an id may stand at {path}: filled {count} time(s)")
    facts = _facts(places, heads, ask) | {"code": code}
    return write_profile(facts, _module(facts, generic, tests), entries, output)


def _groups(data: bytes, generic: AnalyzerProfile) -> Iterator[Group]:
    for one in read_recording([(data, 0.0)], generic.link):
        if one.complete:
            yield from reader_of(generic).read(one.payload, generic).groups


def _fullest(paths: Iterable[str], places: Sequence[Place]) -> str:
    """The address that is filled most often, the first of equals; empty when none ever is."""
    filled = Counter({path: sum(p.at(path) is not None for p in places) for path in paths})
    best = max(filled, key=lambda path: filled[path], default="")
    return best if filled[best] else ""


def _tests(lines: Sequence[Place], code: str, value: str, places: Places) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    for line in lines:
        seen = found.setdefault(line.whole(code) or "", Seen())
        seen.count += 1
        seen.units[line.whole(places.unit) or ""] += 1
        seen.flags.update(line.every(places.flags))
        cell = next(iter(line.cells(value.partition("+")[0])), ("",))
        seen.values.append("^".join(cell).strip()[:24])
    return found


def _facts(places: Places, heads: Sequence[Place], ask: Ask) -> dict[str, str]:
    path = _fullest(places.sender, heads)
    sender = (heads[0].whole(path) or "") if path and heads else ""
    facts = {
        "name": ask("name", name_from(sender)),
        "vendor": ask("vendor", ""),
        "model": ask("model", sender or "unknown"),
        "specimen": ask("specimen", _fullest(places.specimen, heads)),
        "patient": ask("patient", _fullest(places.patient, heads)),
        "source": ask("source", "a capture of the device, not yet compared with its manual"),
    }
    return facts | {"sender": sender, "sender_at": path}


def _module(facts: Mapping[str, str], generic: AnalyzerProfile, tests: Mapping[str, Seen]) -> str:
    """The profile as a person would write it."""
    paths = {key: f"({facts[key]!r},)" if facts[key] else "()" for key in ("specimen", "patient")}
    signature = "()"
    if facts["sender"]:
        signature = f"(Signature({facts['sender_at']!r}, {signature_of(facts['sender'])!r}),)"
    summary = " ".join(f"{facts['vendor']} {facts['model']}".split())
    module = generic.name.replace("-", "_")
    lines = [
        f'"""{plain(summary)}: made from a capture; compare every field with the manual."""',
        "",
        "from dataclasses import replace",
        "",
        "from gateway.profiles import Analyte, Evidence, Signature",
        f"from gateway.profiles.analyzers.{module} import PROFILE as GENERIC",
        "",
        "PROFILE = replace(",
        "    GENERIC,",
        f"    name={facts['name']!r},",
        f"    vendor={facts['vendor']!r},",
        f"    model={facts['model']!r},",
        "    evidence=Evidence.CAPTURE,",
        f"    source=({facts['source']!r},),",
        f"    signatures={signature},",
        "    where=replace(",
        f"        GENERIC.where, code=({facts['code']!r},), specimen={paths['specimen']},",
        f"        patient={paths['patient']},",
        "    ),",
        "    # qc: the rules of the language; say how this device marks its controls",
        "    analytes={",
        *(line for code, seen in tests.items() for line in analyte(code, seen)),
        "    },",
        ")",
    ]
    return "\n".join(lines) + "\n"
