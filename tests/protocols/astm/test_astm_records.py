"""Records, their delimiters, escapes and addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.astm import At, Delimiters, Record
from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError

USUAL = Delimiters()
BACKTICK = Delimiters("|", "`", "^", "&")  # Erba XL
AT_SIGN = Delimiters("|", "@", "^", "\\")  # GeneXpert
SETS = [USUAL, BACKTICK, AT_SIGN, Delimiters("!", "~", "#", "$")]


def record(raw: str, delimiters: Delimiters = USUAL, encoding: str = "latin-1") -> Record:
    return Record(raw[0].upper(), raw, delimiters, encoding)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"H|\\^&|||DEMO", USUAL),
        (b"H|`^&||||||||||P|E 1394-97", BACKTICK),
        (b"H|@^\\|GX", AT_SIGN),
        (b"h!~#$", Delimiters("!", "~", "#", "$")),
        ("H|\\^&\u00e9", USUAL),
    ],
)
def test_delimiters_come_from_the_header(header: bytes | str, expected: Delimiters) -> None:
    assert Delimiters.of_header(header) == expected


@pytest.mark.parametrize(
    "header",
    [b"", b"H", b"H|\\^", b"H|||||", b"H|\\^^|", b"HABCD", b"H|\\^1|", b"H|\\^ |", b"H\r\\^&|",
     b"H|\\^\xe9|", b"P|\\^&|", b"H\x00\\^&"],
)  # fmt: skip
def test_delimiters_that_cannot_be(header: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Delimiters.of_header(header)


ESCAPES = [
    ("a&F&b", "a|b"),
    ("a&S&b", "a^b"),
    ("a&R&b", "a\\b"),
    ("a&E&b", "a&b"),
    ("&H&loud&N&", "loud"),
    ("&X0D0A&", "\r\n"),
    ("&XB5&g", "\u00b5g"),
    ("&Z12&", "&Z12&"),
    ("&X1&", "&X1&"),
    ("&Q&", "&Q&"),
    ("A&B", "A&B"),
    ("&", "&"),
    ("&E&F&E&", "&F&"),
    ("&F&F&", "|F&"),
    ("&f&", "&f&"),
]


@pytest.mark.parametrize(("sent", "meant"), ESCAPES)
def test_escapes(sent: str, meant: str) -> None:
    assert USUAL.unescape(sent) == meant
    assert AT_SIGN.unescape(sent.replace("&", "\\")) == (
        meant.replace("&", "\\") if "\\" not in meant else meant.replace("\\", "@")
    )


def test_hexadecimal_escapes_are_bytes_of_the_messages_encoding() -> None:
    assert record("C|1|I|&XC2B5&", encoding="utf-8").at("C.4") == "\u00b5"
    assert record("C|1|I|&XC2B5&").at("C.4") == "\u00c2\u00b5"
    assert record("C|1|I|&XE6&", encoding="cp437").at("C.4") == "\u00b5"
    assert record("C|1|I|&XFF&", encoding="utf-8").at("C.4") == "\udcff"


@given(st.text(), st.sampled_from(SETS))
def test_quoting_is_undone_by_unescaping(text: str, delimiters: Delimiters) -> None:
    quoted = delimiters.quote(text)
    assert delimiters.unescape(quoted) == text
    bare = quoted.replace(delimiters.escape, "")
    assert not set(bare) & set(str(delimiters))
    assert "\r" not in quoted


ORDER = record('O|1|S1^3^1||^^^A\\^^^B\\C|R|&F&|||||N|""|a&S&b^c')

PATHS = [
    ("O.1", "O"),
    ("O.2", "1"),
    ("O.3", "S1^3^1"),
    ("O.3.1", "S1"),
    ("O.3.3", "1"),
    ("O.3.4", None),
    ("O.4", None),
    ("O.4.1", None),
    ("O.5", "^^^A\\^^^B\\C"),
    ("O.5.4", "A"),
    ("O.5[1].4", "A"),
    ("O.5[2].4", "B"),
    ("O.5[3]", "C"),
    ("O.5[3].4", None),
    ("O.5[4]", None),
    ("O.6", "R"),
    ("O.6[1].1", "R"),
    ("O.6[2]", None),
    ("O.7", "|"),
    ("O.12.1", "N"),
    ("O.13", None),
    ("O.14.1", "a^b"),
    ("O.14.2", "c"),
    ("O.99", None),
]


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_addresses(path: str, expected: str | None) -> None:
    assert ORDER.at(path) == expected
    assert ORDER.at(At.parse(path)) == expected
    assert str(At.parse(path)) == path


def test_what_was_sent_stays_readable() -> None:
    assert ORDER.sent("O.7") == "&F&"
    assert ORDER.sent("O.13") == '""'
    assert ORDER.field(5) == "^^^A\\^^^B\\C"
    assert ORDER.field(0) == ORDER.field(99) == ""
    assert ORDER.repeats(5) == ("^^^A", "^^^B", "C")
    assert ORDER.repeats(4) == ()
    assert ORDER.components(5, 2) == ("", "", "", "B")
    assert ORDER.components(14) == ("a^b", "c")
    assert ORDER.components(4) == ORDER.components(5, 9) == ()
    assert ORDER.raw.startswith("O|1|S1")
    assert repr(ORDER) == "Record(O, fields=14)"


def test_the_header_counts_its_delimiters_as_field_2() -> None:
    header = record("H|\\^&|||Analyzer^1.0^12345")
    assert header.at("H.2") == "\\^&"
    assert header.at("H.2.1") is None
    assert header.repeats(2) == ("\\^&",)
    assert header.at("H.5.3") == "12345"
    assert record("H|`^&|||A`B", BACKTICK).at("H.5[2]") == "B"


@pytest.mark.parametrize(
    "path", ["", "R", "R.0", "R.x", "r.3", "R.3.", "R.3.0", "R[2].3", "R.3[0]"]
)
def test_what_is_no_address(path: str) -> None:
    with pytest.raises(ValueError, match="not a record address"):
        At.parse(path)


def test_an_address_of_another_record_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError):
        ORDER.at("R.3")


def test_building() -> None:
    built = Record.build(
        "R", {"R.2": "1", "R.3.4": "GLU", "R.4": "5.4", "R.9": "F", "R.7[2].2": "H", "R.12": None}
    )
    assert built.raw == "R|1|^^^GLU|5.4|||\\^H||F"
    header = Record.build("H", {"H.5.1": "A|B", "H.12": "P"}, AT_SIGN)
    assert header.raw == "H|@^\\|||A\\F\\B|||||||P"
    assert Record.build("H", {}).raw == "H|\\^&"
    assert Record.build("L", {"L.2": "1", "L.3": "N"}).raw == "L|1|N"


@pytest.mark.parametrize("path", ["P.3", "R.1"])
def test_what_cannot_be_built(path: str) -> None:
    with pytest.raises(LocalProtocolError):
        Record.build("R", {path: "x"})
    with pytest.raises(LocalProtocolError):
        Record.build("H", {"H.2": "x"})


addresses = st.builds(
    At,
    st.just("R"),
    st.integers(2, 30),
    st.integers(1, 6) | st.none(),
    st.integers(1, 4) | st.none(),
)


@given(st.dictionaries(addresses, st.text(min_size=1), max_size=8), st.sampled_from(SETS))
def test_what_is_built_is_read(values: dict[At, str], delimiters: Delimiters) -> None:
    cells = {(at.field, at.repeat or 1, at.component or 1): at for at in values}
    chosen = {at: values[at] for at in cells.values()}
    built = Record.build("R", chosen, delimiters)
    for at, value in chosen.items():
        cell = At("R", at.field, at.component or 1, at.repeat or 1)
        assert built.at(cell) == (None if value == '""' else value)


def test_a_record_of_delimiters_only_is_bounded() -> None:
    assert len(record("M" + "|" * 50_000).fields) == 9_999
