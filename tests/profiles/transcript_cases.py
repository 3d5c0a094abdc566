"""Transcripts of ``tests/transcripts/<profile>/<case>.wire`` and the reports they must give.

Comment lines ``# key: value`` say what the site knows: ``codes`` and ``units`` (JSON), ``received``
and ``zone``.  ``<case>.reports.json`` is the array of expected reports (contract section 4),
``<case>.hl7`` the messages an EHR gets of them, a segment a line; without it none may leave.

``python tests/profiles/transcript_cases.py [PROFILE]`` writes both anew from what is read today;
check the difference against the device's own printout before keeping it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.messages import (
    DESTINATION_PROFILES,
    Envelope,
    control_id,
    encode,
    report_json,
    verify,
)
from gateway.profiles import AnalyzerProfile, Context, catalogue, read_transmission
from gateway.profiles.normalize import Interpretation
from gateway.profiles.recording import device_pieces, read_recording
from gateway.protocols.astm import Comment, Spoken, read_wire
from gateway.report import Kind

FOLDER = Path(__file__).parents[1] / "transcripts"
RECEIVED = "2026-01-05T10:15:00+01:00"


@dataclass(frozen=True)
class Case:
    """One transcript."""

    path: Path

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def profile(self) -> AnalyzerProfile:
        return catalogue()[self.path.parent.name]

    @property
    def expected(self) -> Path:
        return self.path.with_suffix(".reports.json")

    @property
    def expected_messages(self) -> Path:
        return self.path.with_suffix(".hl7")

    def entries(self) -> tuple[Spoken | Comment, ...]:
        return read_wire(self.path.read_text(encoding="utf-8"))

    def notes(self) -> dict[str, str]:
        texts = [entry.text[1:] for entry in self.entries() if isinstance(entry, Comment)]
        pairs = [text.partition(":") for text in texts if ":" in text]
        return {key.strip(): value.strip() for key, _, value in pairs}

    def context(self) -> Context:
        notes = self.notes()
        return Context(
            device_id=self.profile.name,
            timezone=ZoneInfo(notes.get("zone", "Europe/Berlin")),
            received_at=datetime.fromisoformat(notes.get("received", RECEIVED)),
            transmission=self.path.name,
            codes=json.loads(notes.get("codes", "{}")),
            units=json.loads(notes.get("units", "{}")),
        )

    def texts(self) -> list[tuple[bytes, bool]]:
        """The joined text of each complete transmission, and whether checksums vouch for it."""
        found = read_recording(device_pieces(self.entries()), self.profile.link)
        return [(one.payload, one.checked) for one in found if one.complete]

    def interpret(self) -> list[Interpretation]:
        return [
            read_transmission(text, self.profile, self.context(), checked=checked)
            for text, checked in self.texts()
        ]

    def reports(self) -> list[object]:
        return [report_json(report) for one in self.interpret() for report in one.reports]

    def messages(self) -> str:
        """What is sent of the reports that nothing holds, each read back before it counts."""
        target, texts = DESTINATION_PROFILES["oru-2.5.1"], []
        for report in (report for one in self.interpret() for report in one.reports):
            if report.kind is Kind.PATIENT and not report.held:
                envelope = Envelope(control_id(b"", report.id, 0), report.received_at)
                message = encode(report, envelope, target)
                verify(message, report, envelope, target)
                texts.append(message.decode().replace("\r", "\n"))
        return "\n".join(texts)


def all_cases() -> list[Case]:
    return [Case(path) for path in sorted(FOLDER.glob("*/*.wire"))]


def _accept(wanted: list[str]) -> Iterator[str]:
    for case in all_cases():
        if case.path.parent.name in catalogue() and (not wanted or case.profile.name in wanted):
            text = json.dumps(case.reports(), indent=1, ensure_ascii=False) + "\n"
            case.expected.write_text(text, encoding="utf-8")
            if messages := case.messages():
                case.expected_messages.write_text(messages, encoding="utf-8")
            else:
                case.expected_messages.unlink(missing_ok=True)
            yield f"{case.name}: {text.count(chr(10))} lines"


if __name__ == "__main__":
    print("\n".join(_accept(sys.argv[1:])))
