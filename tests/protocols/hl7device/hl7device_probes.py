"""Composed messages as analyzers write them, and a driver that answers as it should."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count, pairwise
from random import Random

from gateway.protocols import mllp
from gateway.protocols.hl7device import (
    Dialect,
    Event,
    MessageDamaged,
    MessageReceived,
    Peer,
    QueryReceived,
)

FUZZ = int(os.environ.get("GATEWAY_FUZZ", "60"))
NOW = datetime(2025, 1, 2, 10, 15, tzinfo=UTC)


def lines(*segments: str) -> bytes:
    return "".join(f"{segment}\r" for segment in segments).encode()


MINDRAY = lines(
    r"MSH|^~\&|BC-5150|Mindray|||20250102101500||ORU^R01|17|P|2.3.1||||||UNICODE",
    "PID|1||TEST1^^^^MR||^DOE",
    "PV1|1",
    "OBR|1||S0004|00001^Automated Count^99MRC|||20250102101000|||||||||||||||||HM||||||||OP1",
    "OBX|1|IS|08001^Take Mode^99MRC||O||||||F",
    "OBX|2|NM|30525-0^Age^LN|||yr|||||F",
    "OBX|3|NM|6690-2^WBC^LN||12.36|10*9/L|4.00-10.00|H~N|||F",
    "OBX|4|IS|12014^Blasts?^99MRC||T||||||F",
    "OBX|5|ED|15008^WBC Histogram. BMP^99MRC||^Image^BMP^Base64^Qk1ObgAA||||||F",
)
LIAT = lines(
    r"MSH|^~\&|LIAT|LAB|HOST|LAB|20250102101500||ORU^R30^ORU_R30|M1|P|2.5|||NE|AL||UNICODE UTF-8",
    "PID|||||^^^^^^U",
    "ORC|NW|||||||20250102",
    "OBR|||S0004|Flu^Influenza",
    "OBX||ST|FLUA^Influenza A||Not Detected||||||F|||||OP1||00-11^^MAC",
)
GENEXPERT = lines(
    r"MSH|^~\&|GX|LAB||LIS|20250102||ORU^R32^ORU_R30|G1|P|2.5",
    "PID|1",
    "ORC|RE",
    "OBR|1|||MTB^Xpert MTB",
    "TQ1|||||||||R",
    "OBX|1|ST|MTBXDR&INVALID&Xpert MTB-XDR&1^^LN||INVALID^||||||F",
    "NTE|1|L|Error^Code 5006",
    "SPM|1|S0004||ORH|||||||P",
)
LAW = lines(
    r"MSH|^~\&|cobas|LAB|GW|LAB|20250102||OUL^R22^OUL_R22|L1|P|2.5.1|||NE|AL||UNICODE UTF-8"
    "|||LAB-29^IHE",
    "PID|1||TEST1",
    "SPM|1|S0001^^^||SER|||||||P",
    "SAC|||S0001|||||||5001|3",
    'OBR|1|""||CREA^Creatinine',
    "ORC|SC||||CM",
    "OBX|1|NM|CREA^^IHELAW|1|88|umol/L^^UCUM||N|||F|||||OP1||c503^ROCHE~2272-02^ROCHE~1^ROCHE"
    "|20250102||||||||||RSLT",
    "TCD|CREA|1",
    "NTE|1|I|note",
    'OBR|2|""||NA^Sodium',
    "ORC|SC",
    "OBX|2|NM|NA^^IHELAW|1|141|mmol/L||N|||F",
    "SPM|2|S0002||SER|||||||Q",
    'OBR|3|""||NA^Sodium',
    "OBX|3|NM|NA^^IHELAW|1|120|mmol/L||L|||F",
)
ICHROMA = lines(
    r"MSH|^~\&|1|ichroma|BODI|HIS||20250102101500||OUL^R24|I1|P|2.6",
    "PID|1|S0004||DOE",
    "OBR|1|||CRP",
    "OBX|1|TX|CRP||< 5.00 ||||||F",
)
ROCHE_PCR = lines(
    r"MSH|^~\&|PCR|LAB|||20250102||OUL^R22|P1|P|2.5",
    "SPM|1|S0004",
    "OBR|1|||HIV^HIV-1",
    "OBX|1|ST|HIV^HIV-1^99ROC|||||ND^^99ROC|||F",
)
ABAXIS = lines(
    r"MSH|^~\&|HM5||||20250102||ORU^R01|A1|P|2.3",
    "PID|1||TEST1",
    "OBR|1||S0004|CBC",
    "OBX|1|NM|WBC||6.1|10*9/L|||||F",
)
QRY = lines(
    r"MSH|^~\&|BS-200|Mindray|||20250102||QRY^Q02|5|P|2.3.1||||||ASCII",
    "QRD|20250102101500|R|D|2|||RD|S0004|OTH|||T",
    "QRF|BS-200|20250102|20250102|||RCT|COR|ALL",
)
QBP_LAW = lines(
    r"MSH|^~\&|cobas|LAB|GW|LAB|20250102||QBP^Q11^QBP_Q11|Q1|P|2.5.1|||NE|AL||UNICODE UTF-8"
    "|||LAB-27^IHE",
    "QPD|WOS^Work Order Step^IHE_LABTF|TAG7|S0004~S0005",
    "RCP|I||R",
)
QBP_GX = lines(
    r"MSH|^~\&|GX|LAB||LIS|20250102||QBP^Z03^QBP_Z03|Q2|P|2.5",
    "QPD|Z03^HOST QUERY|TAG8|S0004",
)
ORM = lines(
    r"MSH|^~\&|BC-5380|Mindray|||20250102||ORM^O01|9|P|2.3.1||||||UNICODE",
    "ORC|RF||S0004||IP",
)
ALL = [MINDRAY, LIAT, GENEXPERT, LAW, ICHROMA, ROCHE_PCR, ABAXIS, QRY, QBP_LAW, QBP_GX, ORM]


def peer(dialect: Dialect | None = None) -> Peer:
    return Peer(lambda: NOW, numbers(), dialect or Dialect())


def numbers() -> Callable[[], str]:
    counter = count(1)
    return lambda: f"H{next(counter)}"


def framed(*messages: bytes) -> bytes:
    return b"".join(map(mllp.encode_block, messages))


def feed(end: Peer, data: bytes) -> tuple[list[Event], bytes]:
    """Feeds and answers: results accepted, questions with "no order"."""
    events: list[Event] = []
    written = b""
    end.receive_data(data)
    while (event := end.next_event()) is not None:
        events.append(event)
        written += answer(end, event)
    return events, written


def answer(end: Peer, event: Event) -> bytes:
    match event:
        case MessageReceived():
            return end.accept()
        case MessageDamaged() | QueryReceived():
            return end.refuse()
    return end.advance()


def connection(
    chunks: list[bytes], dialect: Dialect | None = None
) -> tuple[list[Event], bytes, int]:
    """A whole connection and the silence after it."""
    end = peer(dialect)
    events: list[Event] = []
    written = b""
    for chunk in chunks:
        more, text = feed(end, chunk)
        events += more
        written += text
    while (event := end.expire()) is not None:
        events.append(event)
        written += answer(end, event)
    event = end.connection_lost()
    while event is not None:
        events.append(event)
        written += answer(end, event)
        event = end.next_event()
    return events, written, end.junk


def slicings(stream: bytes, rounds: int = 5) -> Iterator[list[bytes]]:
    yield [stream]
    yield [stream[i : i + 1] for i in range(len(stream))]
    for seed in range(rounds):
        yield sliced(stream, Random(seed))


def sliced(stream: bytes, random: Random) -> list[bytes]:
    edges = sorted({0, len(stream), *(random.randrange(len(stream) + 1) for _ in range(8))})
    return [stream[a:b] for a, b in pairwise(edges)]


def raws(events: Sequence[object]) -> list[bytes]:
    return [event.raw for event in events if isinstance(event, MessageReceived | QueryReceived)]


def codes(written: bytes) -> list[str]:
    return [part[:2].decode() for part in written.split(b"MSA|")[1:]]
