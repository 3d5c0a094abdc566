"""What an analyzer is answered: headers, codes, modes."""

from __future__ import annotations

import pytest
from hl7device_probes import (
    GENEXPERT,
    ICHROMA,
    LAW,
    LIAT,
    MINDRAY,
    codes,
    feed,
    framed,
    lines,
    peer,
    raws,
)

from gateway.protocols.hl7 import ErrorCode, Unreadable
from gateway.protocols.hl7device import (
    read_header,
)

ANSWERS = {
    MINDRAY: (
        r"MSH|^~\&|||BC-5150|Mindray|20250102101500||ACK^R01|H1|P|2.3.1||||||UNICODE",
        "MSA|AA|17",
    ),
    LIAT: (
        r"MSH|^~\&|HOST|LAB|LIAT|LAB|20250102101500||ACK^R33^ACK|H1|P|2.5||||||UNICODE UTF-8",
        "MSA|AA|M1",
    ),
    GENEXPERT: (
        r"MSH|^~\&||LIS|GX|LAB|20250102101500||ACK^R33^ACK|H1|P|2.5",
        "MSA|AA|G1",
    ),
    LAW: (
        (
            r"MSH|^~\&|GW|LAB|cobas|LAB|20250102101500||ACK^R22^ACK|H1|P|2.5.1"
            "||||||UNICODE UTF-8|||LAB-29^IHE"
        ),
        "MSA|AA|L1",
    ),
}


@pytest.mark.parametrize("message", list(ANSWERS))
def test_acknowledgments(message: bytes) -> None:
    events, written = feed(peer(), framed(message))
    assert raws(events) == [message]
    assert written == framed(lines(*ANSWERS[message]))


def with_modes(commit: str, application: str) -> bytes:
    return lines(
        rf"MSH|^~\&|A||||20250102||ORU^R01^ORU_R01|1|P|2.5.1|||{commit}|{application}", "OBR|1"
    )


MODES = [
    ("", "", ["AA"], ["AE"]),
    ("NE", "AL", ["AA"], ["AE"]),
    ("ER", "AL", ["AA"], ["CE", "AE"]),
    ("AL", "NE", ["CA"], ["CE"]),
    ("AL", "AL", ["CA", "AA"], ["CE", "AE"]),
    ("AL", "ER", ["CA"], ["CE", "AE"]),
    ("NE", "NE", [], []),
    ("SU", "SU", ["CA", "AA"], []),
]


@pytest.mark.parametrize(("commit", "application", "accepted", "refused"), MODES)
def test_the_sender_says_what_it_wants(
    commit: str, application: str, accepted: list[str], refused: list[str]
) -> None:
    raw = framed(with_modes(commit, application))
    assert codes(feed(peer(), raw)[1]) == accepted
    end = peer()
    end.receive_data(raw)
    end.next_event()
    assert codes(end.refuse(ErrorCode.INTERNAL_ERROR)) == refused


def test_refusal_names_the_error() -> None:
    end = peer()
    end.receive_data(framed(MINDRAY))
    end.next_event()
    written = end.refuse(ErrorCode.RECORD_LOCKED, rejected=True)
    assert b"MSA|AR|17\r" in written
    assert b"ERR|||206^Application record locked^HL70357|E\r" in written


@pytest.mark.parametrize(
    ("raw", "kind", "control_id", "version", "shift"),
    [
        (MINDRAY, "ORU^R01", "17", "2.3.1", 0),
        (ICHROMA, "OUL^R24", "I1", "2.6", 1),
        (b"MSH#@*!$#A##B##20250102##ORU@R01#77#P#2.4\r", "ORU^R01", "77", "2.4", 0),
        (b"\xef\xbb\xbf\r\nMSH|^~\\&|A||||20250102||ORU|78|P|2.2\n", "ORU^", "78", "2.2", 0),
    ],
)
def test_headers(raw: bytes, kind: str, control_id: str, version: str, shift: int) -> None:
    header = read_header(raw)
    assert f"{header.type}^{header.trigger}" == kind
    assert (header.control_id, header.version, header.shift) == (control_id, version, shift)


def test_the_header_of_a_foreign_alphabet_is_answered_in_ours() -> None:
    raw = b"MSH#@*!$#A@1##B##20250102##ORU@R01#7|7#P#2.4\rOBR#1\r"
    _, written = feed(peer(), framed(raw))
    assert b"|A^1|" in written
    assert b"MSA|AA|7\\F\\7\r" in written


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSH|", b"MSH||||", b"PID|1", b"MSHA^~\\&A"])
def test_headers_that_are_none(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read_header(raw)
