"""The joined text of a transmission as messages: who belongs to whom."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.astm import Flaw, Flawed, Message, Node, decode, encode, split_records
from gateway.protocols.errors import LocalProtocolError


def text(*records: str, encoding: str = "latin-1") -> bytes:
    return b"".join(record.encode(encoding) + b"\r" for record in records)


def one(*records: str) -> Message:
    (message,) = decode(text(*records))
    return message


def shape(node: Node) -> str:
    """``R[1](C[1] M[1])`` for a node with what is attached, children in braces."""
    attached = " ".join(shape(item) for item in node.attached)
    children = " ".join(shape(item) for item in node.children)
    return (
        node.position + (f"({attached})" if attached else "") + (f"{{{children}}}" * bool(children))
    )


H = "H|\\^&|||DEMO"
BATCH = (
    H,
    "C|1|I|to the header",
    "P|1||MRN1",
    "C|1|I|to the patient",
    "O|1|S1||^^^A",
    "R|1|^^^A|1",
    "M|1|X",
    "R|2|^^^A|2",
    "C|1|I|to R 2",
    "C|2|I|to R 2 as well",
    "S|1",
    "O|2|S2||^^^A",
    "C|1|I|to O 2",
    "R|1|^^^A|3",
    "P|2||MRN2",
    "O|1|S3||^^^A",
    "R|1|^^^A|4",
    "L|1|N",
)


def test_every_result_belongs_to_the_order_above_it() -> None:
    message = one(*BATCH)
    assert [shape(root) for root in (message.header, *message.roots)] == [
        "H[1](C[1])",
        "P[1](C[2]){O[1]{R[1](M[1]) R[2](C[3] C[4] S[1])} O[2](C[5]){R[3]}}",
        "P[2]{O[3]{R[4]}}",
    ]
    found = [
        (patient and patient.at("P.4"), order and order.at("O.3"), node.record.at("R.4"), number)
        for patient, order, node, number in message.results()
    ]
    assert found == [
        ("MRN1", "S1", "1", 1),
        ("MRN1", "S1", "2", 2),
        ("MRN1", "S2", "3", 3),
        ("MRN2", "S3", "4", 4),
    ]
    assert message.complete
    assert message.terminator == "N"
    assert message.problems == ()
    assert [node.record for node in message.walk()] == list(message.records[:-1])


def test_what_hangs_on_a_record() -> None:
    _, (_, _, second, _), *_ = one(*BATCH).results()
    assert [node.record.at("C.4") for node in second.comments] == ["to R 2", "to R 2 as well"]
    assert second.manufacturer == ()
    assert [node.position for node in second.scientific] == ["S[1]"]


def test_queries() -> None:
    message = one(H, "Q|1|^S1\\^S2||ALL||||||||O", "L|1|N")
    (query,) = message.queries
    assert query.record.at("Q.3.2") == "S1"
    assert query.record.at("Q.3[2].2") == "S2"
    assert message.patients == ()
    assert list(message.results()) == []


ORPHANS = [
    (("P|1", "R|1|^^^A|1", "L|1"), ["R[1]"], [("P[1]{R[1]}")]),
    (("O|1|S1", "R|1|^^^A|1", "L|1"), ["O[1]"], ["O[1]{R[1]}"]),
    (("R|1|^^^A|1", "L|1"), ["R[1]"], ["R[1]"]),
    (("P|1", "O|1|S1", "P|2", "R|1", "L|1"), ["R[1]"], ["P[1]{O[1]}", "P[2]{R[1]}"]),
    (("P|1", "O|1|S1", "Q|1", "R|1", "L|1"), ["R[1]"], ["P[1]{O[1]}", "Q[1]", "R[1]"]),
]


@pytest.mark.parametrize(("records", "positions", "roots"), ORPHANS)
def test_orphans_are_kept_and_told(
    records: tuple[str, ...], positions: list[str], roots: list[str]
) -> None:
    message = one(H, *records)
    assert message.problems == tuple(Flawed(Flaw.ORPHAN, at) for at in positions)
    assert [shape(root) for root in message.roots] == roots


def test_an_orphan_has_no_parent_by_guess() -> None:
    ((patient, order, _, _),) = one(H, "P|1||A", "O|1|S", "P|2||B", "R|1", "L|1").results()
    assert patient is not None
    assert patient.at("P.4") == "B"
    assert order is None


def test_lines_that_are_no_records_are_kept_and_told() -> None:
    message = one(H, "P|1", "X|1|what", "PQ|1", "O|1|S1", "R,1,2", "R|1|^^^A|1", "L|1|N")
    assert message.unread == ("X|1|what", "PQ|1", "R,1,2")
    assert message.problems == tuple(Flawed(Flaw.MALFORMED, f"?[{n}]") for n in (1, 2, 3))
    assert [node.position for _, _, node, _ in message.results()] == ["R[1]"]


@pytest.mark.parametrize(
    ("records", "terminator"),
    [(("L|1|N",), "N"), (("L|1",), ""), (("L",), ""), (("l|1|F",), "F"), ((), None)],
)
def test_the_terminators_code(records: tuple[str, ...], terminator: str | None) -> None:
    message = one(H, *records)
    assert message.terminator == terminator
    assert message.complete is (terminator is not None)


def test_several_messages_in_one_transmission() -> None:
    first, second, third = decode(text(*BATCH, "H|@^\\|||OTHER", "P|1||A@B", H, "L|1|E"))
    assert (first.complete, second.complete, third.complete) == (True, False, True)
    assert second.patients[0].record.repeats(4) == ("A", "B")
    assert third.terminator == "E"


def test_records_between_l_and_the_next_header() -> None:
    first, second = decode(text(H, "L|1|N", "R|1|^^^A|1", H, "L|1|N"))
    assert first.problems == (Flawed(Flaw.AFTER_END, "?[1]"),)
    assert first.unread == ("R|1|^^^A|1",)
    assert second.problems == ()


@pytest.mark.parametrize("header", ["H", "H|||||", "H|\\^", "P|1"])
def test_without_usable_delimiters_nothing_is_read(header: str) -> None:
    message = one(header, "P|1||MRN1", "R|1|^^^A|1", "L|1|N")
    assert message.records == ()
    assert message.roots == ()
    assert not message.complete
    assert message.header.record.at("H.5") is None
    assert len(message.unread) == 4
    assert {problem.flaw for problem in message.problems} == {Flaw.NO_HEADER}


def test_record_letters_of_either_case() -> None:
    message = one("h|\\^&", "p|1", "o|1|s1", "r|1|^^^a|1", "l|1|n")
    ((_, order, node, _),) = message.results()
    assert order is not None
    assert order.at("O.3") == "s1"
    assert node.record.type == "R"
    assert message.terminator == "n"


def test_digits_before_record_letters_only_when_loose() -> None:
    data = text("1H|\\^&", "2P|1", "3O|1|S1", "4R|1|^^^A|1", "5L|1|N")
    (loose,) = decode(data, loose=True)
    ((_, order, node, _),) = loose.results()
    assert order is not None
    assert order.at("O.3") == "S1"
    assert node.record.raw == "4R|1|^^^A|1"
    assert loose.complete
    (strict,) = decode(data)
    assert strict.records == ()


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
def test_ends_of_records(end: bytes) -> None:
    data = text(*BATCH).replace(b"\r", end)
    (message,) = decode(data)
    assert encode(message) == [record.encode() + b"\r" for record in BATCH]
    assert split_records(data + end) == [record.encode() for record in BATCH]


def test_a_line_feed_inside_a_record_is_text() -> None:
    message = one(H, "C|1|I|two\nlines", "L|1|N")
    assert message.header.comments[0].record.at("C.4") == "two\nlines"


def test_numbering_that_jumps_is_told() -> None:
    assert one(*BATCH).gaps() == ()
    message = one(H, "P|1", "O|2|S", "R|1", "R|2", "M|7", "R|4", "R|4", "R|x", "P|3", "L|1")
    assert message.gaps() == ("O[1]", "R[3]", "P[2]")


ENCODINGS = [
    ("latin-1", "\u00e9", b"\xe9", False),
    ("latin-1", "\u00c3\u00a9", b"\xc3\xa9", True),  # looks like UTF-8
    ("latin-1", "\x81", b"\x81", True),  # no character at all
    ("utf-8", "\u00e9", b"\xc3\xa9", False),
    ("utf-8", "\udce9", b"\xe9", True),
    ("cp437", "\u00b5", b"\xe6", False),
    ("cp437", "\u251c\u2310", b"\xc3\xa9", True),
    ("gb18030", "\u6c49", b"\xba\xba", False),
    ("shift_jis", "\u8868", b"\x95\x5c", False),  # its second byte is a backslash
    ("gb18030", "\udcff", b"\xff", True),
    ("cp932", "\x87\x90", b"\x87\x90", True),  # one of two spellings: kept as bytes
]


@pytest.mark.parametrize(("encoding", "character", "sent", "doubtful"), ENCODINGS)
def test_encodings(encoding: str, character: str, sent: bytes, doubtful: bool) -> None:
    data = b"H|\\^&\rP|1||||" + sent + b"\rL|1|N\r"
    (message,) = decode(data, encoding)
    assert message.patients[0].record.at("P.6") == character
    assert message.doubtful is doubtful
    assert b"".join(encode(message)) == data


def test_doubt_belongs_to_the_message_it_is_in() -> None:
    first, second = decode(b"H|\\^&\rC|1|I|\x81\rL|1\rH|\\^&\rC|1|I|\xe9\rL|1\r")
    assert (first.doubtful, second.doubtful) == (True, False)


def test_encodings_that_do_not_exist_or_do_not_fit() -> None:
    with pytest.raises(LocalProtocolError):
        decode(b"H|\\^&\r", "klingon")
    (message,) = decode(text(H, "P|1|||\u6c49", encoding="utf-8"), "utf-8")
    with pytest.raises(LocalProtocolError):
        encode(message, "latin-1")


def test_too_many_records_are_told() -> None:
    (message,) = decode(b"H|\\^&\r" + b"C\r" * 50_010 + b"L|1|N\r")
    assert len(message.records) == 50_000
    assert {problem.flaw for problem in message.problems} == {Flaw.LIMIT}
    assert not message.complete


lines = st.lists(
    st.sampled_from([*BATCH, "H|||", "X", "l", "Q|1"])
    | st.text(alphabet="HPORCQMSL|\\^&1\n", max_size=9),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(lines, st.booleans())
def test_decoding_never_fails_and_never_drops(records: list[str], loose: bool) -> None:
    data = text(*records)
    found = decode(data, loose=loose)
    kept = sorted(
        line for message in found for line in (*(r.raw for r in message.records), *message.unread)
    )
    assert kept == sorted(line.decode() for line in split_records(data))
    for message in found:
        assert len(list(message.results())) == sum(r.type == "R" for r in message.records)
        nodes = sum(1 for _ in message.walk())
        ends = sum(record.type == "L" for record in message.records)
        assert nodes == max(len(message.records) - ends, 1)


results = st.sampled_from([*BATCH, "R|1|^^^A|1", "R|2|^^^B|2", "r|3", "R", "C|1", "H|\\^&", "P|1"])


@settings(max_examples=200, deadline=None)
@given(st.lists(results, max_size=30))
def test_runs_of_results_are_read_like_single_lines(records: list[str]) -> None:
    data = text(*records)
    assert decode(data) == decode(data, loose=True)


@given(st.binary(max_size=300), st.sampled_from(["latin-1", "utf-8", "cp437", "shift_jis"]))
def test_any_bytes_come_back_as_they_were(data: bytes, encoding: str) -> None:
    from gateway.protocols.astm.text import decode_text, encode_text

    decoded = decode_text(data, encoding)
    assert encode_text(decoded.text, decoded.encoding) == data
