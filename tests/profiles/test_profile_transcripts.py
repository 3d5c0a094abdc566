"""Every transcript: what the host answers, and what the reports say."""

from __future__ import annotations

import json

import pytest
from line_play import answers, host_of
from transcript_cases import Case, all_cases

from gateway.profiles import Protocol
from gateway.protocols.astm import (
    Direction,
    FrameDamaged,
    Heartbeat,
    NotAstm,
    Receiver,
    Spoken,
    TransmissionEnded,
    TransmissionIncomplete,
)

CASES = all_cases()
ASTM = [case for case in CASES if case.profile.link.protocol is Protocol.ASTM]
OTHERS = [
    case
    for case in CASES
    if case.profile.link.protocol not in (Protocol.ASTM, Protocol.FILE, Protocol.RECORDING)
]
IDLE = ("generic-text", "mindray-bc3000plus", "clinitek-status")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reports(case: Case) -> None:
    expected = json.loads(case.expected.read_text(encoding="utf-8"))
    assert case.reports() == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_messages(case: Case) -> None:
    path = case.expected_messages
    assert case.messages() == (path.read_text(encoding="utf-8") if path.exists() else "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_content_has_the_same_identity(case: Case) -> None:
    first, again = case.interpret(), case.interpret()
    assert [one.content_key for one in first] == [one.content_key for one in again]
    for one in first:
        ids = [report.id for report in one.reports]
        assert len(ids) == len(set(ids))


def _slicings() -> list[tuple[Case, int]]:
    """0: as the transcript has it.  Without frames the answers depend on how bytes arrive."""
    whole = [(case, 0) for case in ASTM]
    framed = [case for case in ASTM if _spoken(case)[0].data.startswith(b"\x05")]
    return whole + [(case, size) for case in framed for size in (1, 7)]


def _spoken(case: Case) -> list[Spoken]:
    return [entry for entry in case.entries() if isinstance(entry, Spoken)]


@pytest.mark.parametrize(("case", "size"), _slicings(), ids=str)
def test_answers(case: Case, size: int) -> None:
    """The host's lines of the transcript are what a receiver of this dialect says."""
    dialect = case.profile.link.dialect
    assert dialect is not None
    spoken = _spoken(case)
    receiver, answered = Receiver(dialect), b""
    for entry in spoken:
        if entry.direction is Direction.HOST:
            continue
        step = size or len(entry.data)
        for start in range(0, len(entry.data), step):
            receiver.receive_data(entry.data[start : start + step])
            answered += _answers(receiver)
    assert answered == b"".join(e.data for e in spoken if e.direction is Direction.HOST)


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.name)
def test_answers_of_other_languages(case: Case) -> None:
    """Line by line, as a host at the same fixed time would answer."""
    link = case.profile.link
    host, said = host_of(link), b""
    bare = link.codec in IDLE or case.path.stem.startswith("bare")
    for entry in _spoken(case):
        if entry.direction is Direction.DEVICE:
            assert said == b""
            said = answers(host, entry.data, silence=bare)
        else:
            assert entry.data == said
            said = b""
    assert said == b""


def _answers(receiver: Receiver) -> bytes:
    said = b""
    while (event := receiver.next_event()) is not None:
        match event:
            case FrameDamaged():
                said += receiver.refuse()
            case TransmissionEnded() | TransmissionIncomplete() | Heartbeat() | NotAstm():
                pass
            case _:
                said += receiver.accept()
    return said
