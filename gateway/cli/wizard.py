"""``gateway profile-wizard``: from a capture of an unknown ASTM device to a profile module.

Shows the framing, the header, every code with its values, units and flags; proposes codes only
where name and unit leave no doubt; asks for what no capture can tell.  Writes ``NAME.py`` and the
transcript ``NAME/capture.wire``, which names the patients of the capture: scrub it before it
travels.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.cli.captures import read_entries
from gateway.errors import ConfigurationError, GatewayError
from gateway.profiles.loinc import terms
from gateway.profiles.units import to_ucum
from gateway.protocols.astm import (
    Comment,
    Dialect,
    Framing,
    Message,
    Spoken,
    Transmission,
    decode,
    read_capture,
    said,
    write_wire,
)

_ID_PLACES: Final = ("O.3.1", "O.4.3", "O.4.1", "O.3.2", "P.3.1", "P.4.1", "P.5.1")
_CODE_PLACES: Final = ("R.3.4", "R.3.5", "R.3.2", "R.3.1", "R.4.1")
_NAMES: Final = {  # names that mean one test wherever they are measured from blood cells
    code: loinc
    for loinc, term in terms().items()
    for code in (term.analyte.split(" ")[0],)
    if code in ("WBC", "RBC", "MCV", "MCH", "MCHC", "MPV")
}

_RACK: Final = 1  # digits of a place in a rack, which is no id

Ask = Callable[[str, str], str]


@dataclass(slots=True)
class Seen:
    """One test code: how often, with which units, flags and first values."""

    count: int = 0
    units: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    values: list[str] = field(default_factory=list)


def make_profile(file: Path, output: Path, answers: Path | None, yes: bool) -> int:
    """0 when a module was written that can be loaded."""
    entries, _ = read_entries(file)
    framing, read = _framing(said(entries))
    messages = [message for one in read for message in decode(one.text, "latin-1")]
    if not messages:
        raise GatewayError(f"{file}: no whole ASTM message in it; see 'gateway doctor {file}'")
    place = _best(_CODE_PLACES, messages) or "R.3.4"
    tests = _tests(messages, place)
    _show(framing, messages, tests, place)
    ask = _asking(answers, yes)
    facts = _facts(framing, messages, place, ask)
    if not re.fullmatch("[a-z0-9][a-z0-9-]{0,62}", facts["name"]):
        raise ConfigurationError(["name: lower-case letters, digits and dashes"])
    module = output / f"{facts['name'].replace('-', '_')}.py"
    folder = output / facts["name"]
    if module.exists() or folder.exists():
        raise ConfigurationError([f"{module}: exists already"])
    folder.mkdir(parents=True)
    module.write_text(_module(facts, tests), encoding="utf-8")
    notes = [
        Comment(f"# {facts['vendor']} {facts['model']}"),
        Comment(f"# source: {facts['source']}"),
    ]
    spoken = [entry for entry in entries if isinstance(entry, Spoken)]
    (folder / "capture.wire").write_text(write_wire([*notes, *spoken]), encoding="utf-8")
    print(f"{module} and {folder}/capture.wire written; scrub the transcript before it travels")
    return 0


def _framing(data: bytes) -> tuple[Framing, list[Transmission]]:
    """The framing that reads most, and what it reads."""
    best: tuple[Framing, list[Transmission]] = (Framing.AUTO, [])
    for framing in (Framing.FRAMED, Framing.ENVELOPE, Framing.BARE):
        found = [one for one in read_capture(data, Dialect(framing=framing)) if one.complete]
        if len(found) > len(best[1]):
            best = framing, found
    return best


def _best(places: Iterable[str], messages: list[Message]) -> str | None:
    """The place that is filled most often, the first of equals."""
    filled = {path: sum(len(text) > _RACK for text in _at(path, messages)) for path in places}
    path = max(filled, key=lambda one: filled[one])
    return path if filled[path] else None


def _at(path: str, messages: list[Message]) -> Iterator[str]:
    for message in messages:
        for record in message.records:
            if record.type == path[0] and (text := record.at(path)) and text.strip():
                yield text.strip()


def _tests(messages: list[Message], place: str) -> dict[str, Seen]:
    value = "R.6" if place == "R.4.1" else "R.4"
    found: dict[str, Seen] = {}
    for message in messages:
        for one in message.results():
            record = one.node.record
            seen = found.setdefault((record.at(place) or "").strip(), Seen())
            seen.count += 1
            seen.units[(record.at("R.5") or "").strip()] += 1
            seen.flags.update(part.strip() for part in record.repeats(7) if part.strip())
            seen.values.append((record.at(value) or "").strip()[:24])
    return found


def _show(framing: Framing, messages: list[Message], tests: Mapping[str, Seen], place: str) -> None:
    kinds = Counter(record.type for message in messages for record in message.records)
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    print(f"{framing.value}, {len(messages)} message(s): {counted}")
    print(f"header: {messages[0].header.record.at('H.5') or '(no sender)'}")
    print(f"codes at {place}:")
    for code, seen in tests.items():
        units = ", ".join(unit or "(none)" for unit in seen.units)
        flags = ", ".join(seen.flags) or "-"
        print(f"  {code or '(none)':<16} {seen.values[0]:<12} {units:<14} flags {flags}")
    for path in _ID_PLACES:
        count = sum(1 for _ in _at(path, messages))
        if count:
            print(f"an id may stand at {path}: filled {count} time(s)")


def _asking(answers: Path | None, yes: bool) -> Ask:
    """Answers from a file, from the defaults, or from a person."""
    known: Mapping[str, object] = {}
    if answers is not None:
        try:
            known = tomllib.loads(answers.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError([f"{answers}: {error}"]) from None

    def ask(question: str, default: str) -> str:
        if question in known:
            return str(known[question])
        if yes or answers is not None or not sys.stdin.isatty():
            return default
        return input(f"{question} [{default}]: ").strip() or default

    return ask


def _facts(framing: Framing, messages: list[Message], place: str, ask: Ask) -> dict[str, str]:
    sender = (messages[0].header.record.at("H.5.1") or "").strip()
    orders = [path for path in _ID_PLACES if path[0] == "O"]
    patients = [path for path in _ID_PLACES if path[0] == "P"]
    guess = "".join(c if c.isascii() and c.isalnum() else "-" for c in sender.lower()).strip("-")
    facts = {
        "name": ask("name", guess or "new-device"),
        "vendor": ask("vendor", ""),
        "model": ask("model", sender or "unknown"),
        "specimen": ask("specimen", _best(orders, messages) or ""),
        "patient": ask("patient", _best(patients, messages) or ""),
        "qc": ask("qc", "nobody has said yet how this device marks its controls"),
        "source": ask("source", "a capture of the device, not yet compared with its manual"),
    }
    return facts | {"framing": framing.name, "sender": sender, "code": place}


def _module(facts: Mapping[str, str], tests: Mapping[str, Seen]) -> str:
    """The profile as a person would write it."""
    paths = {key: f"({facts[key]!r},)" if facts[key] else "()" for key in ("specimen", "patient")}
    escaped = "".join(c if c.isalnum() else "." for c in facts["sender"])
    signature = f'(Signature("H.5.1", "{escaped}"),)' if escaped else "()"
    value = ', value="R.6"' if facts["code"] == "R.4.1" else ""
    summary = " ".join(f"{facts['vendor']} {facts['model']}".split())
    lines = [
        f'"""{_plain(summary)}: made from a capture; compare every field with the manual."""',
        "",
        "from dataclasses import replace",
        "",
        "from gateway.profiles import (",
        "    Analyte, AnalyzerProfile, Evidence, Link, Protocol, QcUnknown, Signature,",
        ")",
        "from gateway.profiles.standard import LIS02",
        "from gateway.protocols.astm import Dialect, Framing",
        "",
        "PROFILE = AnalyzerProfile(",
        f"    name={facts['name']!r},",
        f"    vendor={facts['vendor']!r},",
        f"    model={facts['model']!r},",
        f'    link=Link(Protocol.ASTM, "tcp-listen", Dialect(framing=Framing.{facts["framing"]})),',
        "    evidence=Evidence.CAPTURE,",
        f"    source=({facts['source']!r},),",
        f"    signatures={signature},",
        f"    where=replace(LIS02, code=({facts['code']!r},){value}, specimen={paths['specimen']},",
        f"                  patient={paths['patient']}),",
        f"    qc=QcUnknown({facts['qc']!r}),",
        "    analytes={",
        *(line for code, seen in tests.items() for line in _analyte(code, seen)),
        "    },",
        ")",
    ]
    return "\n".join(lines) + "\n"


def _analyte(code: str, seen: Seen) -> Iterator[str]:
    """A line for a test that leaves no doubt; a comment for every other: its code is the site's."""
    units = [to_ucum(unit, code) for unit in seen.units if unit]
    loinc = _NAMES.get(code)
    if loinc and all(units):
        yield f"        {code!r}: Analyte({loinc!r}, {tuple(dict.fromkeys(units))!r}),"
    elif code:
        told = ", ".join(f"{unit or 'no unit'} = {known or '?'}" for unit, known in _known(seen))
        yield f"        # {code!r}: Analyte(LOINC?, ...),  {_plain(told)}"


def _known(seen: Seen) -> Iterator[tuple[str, str | None]]:
    for unit in seen.units:
        yield unit, to_ucum(unit, "")


def _plain(text: str) -> str:
    """One line that ends no string."""
    return "".join(c for c in text if c.isprintable() and c not in '"\\')
