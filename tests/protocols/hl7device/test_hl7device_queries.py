"""Questions of analyzers and their answers; downloads."""

from __future__ import annotations

import pytest
from hl7device_probes import (
    MINDRAY,
    NOW,
    ORM,
    QBP_GX,
    QBP_LAW,
    QRY,
    feed,
    framed,
    lines,
    peer,
)

from gateway.protocols.hl7 import Unreadable, decode
from gateway.protocols.hl7device import (
    Dialect,
    QueryForm,
    QueryReceived,
    Stamp,
    Wrapping,
    display,
    download,
    no_order,
    order_response,
    query_acknowledgment,
    read_query,
    response,
)

STAMP = Stamp("S1", NOW)


@pytest.mark.parametrize(
    ("raw", "form", "ids", "tag"),
    [
        (QRY, QueryForm.QRY_Q02, ("S0004",), "2"),
        (QBP_LAW, QueryForm.QBP_Q11, ("S0004", "S0005"), "TAG7"),
        (QBP_GX, QueryForm.QBP_Z03, ("S0004",), "TAG8"),
        (ORM, QueryForm.ORM_O01, ("S0004",), ""),
    ],
)
def test_questions(raw: bytes, form: QueryForm, ids: tuple[str, ...], tag: str) -> None:
    end = peer()
    end.receive_data(framed(raw))
    event = end.next_event()
    assert isinstance(event, QueryReceived)
    assert event.raw == raw
    assert (event.query.form, event.ids, event.query.tag) == (form, ids, tag)


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (
            QRY,
            (
                r"MSH|^~\&|||BS-200|Mindray|20250102101500||QCK^Q02|S1|P|2.3.1||||||ASCII",
                *("MSA|AA|5", "ERR|0", "QAK|SR|NF"),
            ),
        ),
        (
            QBP_LAW,
            (
                (
                    r"MSH|^~\&|GW|LAB|cobas|LAB|20250102101500||RSP^K11^RSP_K11|S1|P|2.5.1||||||"
                    "UNICODE UTF-8|||LAB-27^IHE"
                ),
                "MSA|AA|Q1",
                "QAK|TAG7|OK|WOS^Work Order Step^IHE_LABTF",
                "QPD|WOS^Work Order Step^IHE_LABTF|TAG7|S0004~S0005",
            ),
        ),
        (
            QBP_GX,
            (
                r"MSH|^~\&||LIS|GX|LAB|20250102101500||RSP^Z02^RSP_Z02|S1|P|2.5",
                *("MSA|AA|Q2", "QAK|TAG8|NF|Z03^HOST QUERY", "QPD|Z03^HOST QUERY|TAG8|S0004"),
            ),
        ),
        (
            ORM,
            (
                r"MSH|^~\&|||BC-5380|Mindray|20250102101500||ORR^O02|S1|P|2.3.1||||||UNICODE",
                "MSA|AR|9",
            ),
        ),
    ],
)
def test_no_order_is_an_answer(raw: bytes, answer: tuple[str, ...]) -> None:
    assert no_order(read_query(raw), STAMP) == lines(*answer)


def test_a_question_is_always_answered() -> None:
    for raw in (QRY, QBP_LAW, QBP_GX, ORM):
        events, written = feed(peer(), framed(raw))
        assert isinstance(events[0], QueryReceived)
        assert b"MSA|A" in written


def test_worklist_of_a_mindray() -> None:
    end = peer()
    end.receive_data(framed(QRY))
    event = end.next_event()
    assert isinstance(event, QueryReceived)
    shown = display(event.query, Stamp("S2", NOW), {3: "DOE^JANE"}, [("1",), ("2", "GLU")])
    written = end.reply(query_acknowledgment(event.query, STAMP, found=True), shown)
    assert b"QAK|SR|OK\r" in written
    message = decode(shown).message
    rows = {row.at(1): row for row in message.all("DSP")}
    assert len(rows) == 30
    assert rows["21"].at(3) == "S0004"
    assert rows["3"].text(3) == "DOE^JANE"
    assert (rows["29"].field(3), rows["30"].field(3)) == ("1^^^", "2^GLU^^")
    assert message.at("QRD-8") == "S0004"
    assert end.unanswered == (shown,)
    acknowledged = lines(r"MSH|^~\&|||||||ACK^Q03|6|P|2.3.1", "MSA|AA|S2")
    feed(end, framed(acknowledged))
    assert end.unanswered == ()


def test_orders_in_the_answer() -> None:
    orders = ("ORC|AF|S0004", "OBR|1|S0004||00001^Automated Count^99MRC")
    assert order_response(read_query(ORM), STAMP, orders).endswith(lines("MSA|AA|9", *orders))
    answer = response(read_query(QBP_GX), STAMP, orders)
    assert b"QAK|TAG8|OK|" in answer
    assert answer.endswith(lines(*orders))


def test_download() -> None:
    raw = download(
        ("GW", "LAB", "cobas", "LAB"),
        STAMP,
        ("PID|1||TEST1",),
        ("SPM|1|S0004^^||SER|||||||P",),
        ("ORC|NW", "OBR|1|S0004||GLU"),
    )
    message = decode(raw).message
    assert message.at("MSH-9.3") == "OML_O33"
    assert message.at("MSH-21") == "LAB-28"
    assert [line.name for line in message.segments] == ["MSH", "PID", "SPM", "ORC", "OBR"]
    device = peer()
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    _, answer = feed(device, host.send(raw))
    assert b"ORL^O34^ORL_O34" in answer


def test_ids_that_try_to_break_out_stay_inside() -> None:
    raw = QRY.replace(b"|S0004|", b"|S1\\F\\x\\X0D\\MSA~S2|")
    query = read_query(raw)
    assert query.ids == ("S1|x\rMSA", "S2")
    shown = display(query, STAMP, {}, [])
    assert len(decode(shown).message.all("MSA")) == 1


@pytest.mark.parametrize("raw", [MINDRAY, b"MSH|^~\\&|", b""])
def test_what_is_no_question(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read_query(raw)
