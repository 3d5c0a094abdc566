"""``gateway profile-wizard``: from a capture of an unknown device to a profile module.

Shows the framing, the header, every code with its values, units and flags; proposes codes only
where name and unit leave no doubt; asks for what no capture can tell.  Writes ``NAME.py`` and the
transcript ``NAME/capture.wire``, which names the patients of the capture: scrub it before it
travels.  HL7 and POCT1-A are described in ``gateway.cli.wizard_messages``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from gateway.cli.captures import read_entries
from gateway.cli.wizard_messages import LANGUAGES, describe
from gateway.cli.wizard_parts import (
    Ask,
    Seen,
    analyte,
    asking,
    name_from,
    plain,
    show_tests,
    signature_of,
    write_profile,
)
from gateway.errors import GatewayError
from gateway.profiles.guessing import Guess, guess
from gateway.protocols.astm import (
    Dialect,
    Framing,
    Message,
    Transmission,
    decode,
    read_capture,
    said,
)

_ID_PLACES: Final = ("O.3.1", "O.4.3", "O.4.1", "O.3.2", "P.3.1", "P.4.1", "P.5.1")
_CODE_PLACES: Final = ("R.3.4", "R.3.5", "R.3.2", "R.3.1", "R.4.1")
_RACK: Final = 1  # digits of a place in a rack, which is no id


def make_profile(file: Path, output: Path, answers: Path | None, yes: bool) -> int:
    """0 when a module was written that can be loaded."""
    entries, _ = read_entries(file)
    ask = asking(answers, yes)
    found = guess(said(entries))
    print(f"this is {found}")
    if found.language in LANGUAGES:
        return describe(found, entries, output, ask)
    framing, read = _framing(said(entries))
    messages = [message for one in read for message in decode(one.text, "latin-1")]
    if not messages:
        raise GatewayError(f"{file}: {_advice(found)}")
    place = _best(_CODE_PLACES, messages) or "R.3.4"
    tests = _tests(messages, place)
    _show(framing, messages, tests, place)
    facts = _facts(framing, messages, place, ask)
    return write_profile(facts, _module(facts, tests), entries, output)


def _advice(found: Guess) -> str:
    """What to do with a capture no module can be made of."""
    if found.profiles:
        known = " or ".join(found.profiles)
        return f"{known} reads it already: see 'gateway decode FILE --profile {found.profiles[0]}'"
    if found.language.endswith("text"):
        return "text has a layout of its own: try generic-text; another one needs a codec"
    return "no whole message in it; see 'gateway doctor FILE'"


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
    show_tests(tests)
    for path in _ID_PLACES:
        count = sum(1 for _ in _at(path, messages))
        if count:
            print(f"an id may stand at {path}: filled {count} time(s)")


def _facts(framing: Framing, messages: list[Message], place: str, ask: Ask) -> dict[str, str]:
    sender = (messages[0].header.record.at("H.5.1") or "").strip()
    orders = [path for path in _ID_PLACES if path[0] == "O"]
    patients = [path for path in _ID_PLACES if path[0] == "P"]
    facts = {
        "name": ask("name", name_from(sender)),
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
    escaped = signature_of(facts["sender"])
    signature = f'(Signature("H.5.1", "{escaped}"),)' if escaped else "()"
    value = ', value="R.6"' if facts["code"] == "R.4.1" else ""
    summary = " ".join(f"{facts['vendor']} {facts['model']}".split())
    lines = [
        f'"""{plain(summary)}: made from a capture; compare every field with the manual."""',
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
        *(line for code, seen in tests.items() for line in analyte(code, seen)),
        "    },",
        ")",
    ]
    return "\n".join(lines) + "\n"
