"""The tolerant reader on the sloppy messages of the field, and on what is no message at all."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.protocols.errors import RemoteProtocolError
from gateway.protocols.hl7 import (
    NULL,
    STANDARD,
    Message,
    Separators,
    Unreadable,
    decode,
    escape,
    escape_formatted,
    read,
    read_all,
    unescape,
)

ORM = (
    "MSH|^~\\&|EHR|CLINIC|GATEWAY|LAB|20260105101200||ORM^O01^ORM_O01|MSG7|P|2.3\r"
    "PID|1||MRN0001^^^HOSP&1.2.3&ISO^MR~L9^^^LAB||DOE^JANE||19800131|F\r"
    "ORC|NW|4711^EHR\r"
    "OBR|1|4711^EHR||CBC^Complete count^L\r"
    "NTE|1||fasting\\.br\\patient \\T\\ friend\r"
    "ORC|NW|4712^EHR\r"
    'OBR|2|4712^EHR|""|GLU^Glucose^L\r'
    "ZDS|a|b\r"
)


def shape(message: Message) -> list[tuple[str, ...]]:
    return [segment.fields for segment in message.segments]


def test_addresses() -> None:
    message = read(ORM)
    assert (message.type, message.trigger) == ("ORM", "O01")
    assert (message.control_id, message.version) == ("MSG7", "2.3")
    assert message.at("MSH-1") == "|"
    assert message.at("MSH-2") == "^~\\&"
    assert message.at("MSH-3") == "EHR"
    assert message.at("MSH-9.3") == "ORM_O01"
    assert message.at("PID-3") == "MRN0001"
    assert message.at("PID-3.4.2") == "1.2.3"
    assert message.at("PID-3(2).1") == "L9"
    assert message.at("PID-3(2).4") == "LAB"
    assert message.at("OBR(2)-4.2") == "Glucose"
    assert message.at("OBR(2)-3") == NULL
    assert message.at("OBR-3") is None
    assert message.at("PID-99") is None
    assert message.at("PID-3(3)") is None
    assert message.at("PV1-2") is None
    assert message.at("OBR(3)-1") is None
    assert message.at("NTE-3") == "fasting\npatient & friend"


@pytest.mark.parametrize("path", ["PID", "pid-3", "PID-3.", "PID.3", "", "PID-x", "PID-3.1.1.1"])
def test_what_is_no_address_is_our_mistake(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        read(ORM).at(path)


def test_segments_and_their_fields() -> None:
    message = read(ORM)
    pid = message.first("PID")
    assert pid is not None
    assert pid.repetitions(3) == ("MRN0001^^^HOSP&1.2.3&ISO^MR", "L9^^^LAB")
    assert pid.repetitions(4) == ()
    assert pid.components(5) == ("DOE", "JANE")
    assert pid.components(3, repetition=2) == ("L9", "", "", "LAB")
    assert pid.components(30) == ()
    assert message.header.repetitions(2) == ("^~\\&",)
    assert len(message.all("OBR")) == 2
    assert message.first("PV1") is None
    groups = [[segment.name for segment in group] for group in message.groups("ORC")]
    assert groups == [["ORC", "OBR", "NTE"], ["ORC", "OBR", "ZDS"]]


def test_patient_data_stays_out_of_repr() -> None:
    assert "DOE" not in repr(read(ORM)) + repr(read(ORM).first("PID"))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\n\n", "\r\n\r\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("\ufeff", "\x1a"[:0]), ("\x0b", "\x1c\r"), ("\r\n \n", "\n\x00")],
)
def test_line_ends_and_what_hangs_around(end: str, before: str, after: str) -> None:
    assert shape(read(before + ORM.replace("\r", end) + after)) == shape(read(ORM))


def test_a_line_feed_inside_a_message_with_cr_ends_is_text() -> None:
    message = read("MSH|^~\\&|A\rNTE|1||one\nOBX|1|NM|x||5\rNTE|2||two\r")
    assert [segment.name for segment in message.segments] == ["MSH", "NTE", "NTE"]
    assert message.at("NTE-3") == "one\nOBX"


def test_no_end_after_the_last_segment() -> None:
    assert shape(read(ORM.rstrip("\r"))) == shape(read(ORM))


def test_other_delimiters_are_taken_from_the_header() -> None:
    message = read("MSH#*!?%#EHR#\rPID#1##A*b!C?S?d*x%y#\rNTE#1##a|b^c~d\\e\r")
    assert message.separators == Separators("#", "*", "!", "?", "%")
    assert message.at("PID-3.2") == "b"
    assert message.at("PID-3(2)") == "C*d"
    assert message.at("PID-3(2).2.2") == "y"
    assert message.at("NTE-3") == "a|b^c~d\\e"


def test_short_encoding_characters() -> None:
    message = read("MSH|^~|EHR\rPID|1||a\\F\\b&c\r")
    assert message.separators == Separators("|", "^", "~", "", "")
    assert message.at("PID-3") == "a\\F\\b&c"


def test_a_truncation_character_is_ignored() -> None:
    assert read("MSH|^~\\&#|EHR\r").at("MSH-3") == "EHR"
    assert read("MSH|^~\\&#|EHR\r").at("MSH-2") == "^~\\&#"


def test_unnamed_segments_are_kept_and_pointed_at() -> None:
    message = read("MSH|^~\\&|A\rsomething odd\rOBX|1\rob|2\r")
    assert [segment.fields[0] for segment in message.segments][1] == "something odd"
    assert message.malformed == (1, 3)


def test_files_with_batches_hold_several_messages() -> None:
    text = "FHS|^~\\&\rBHS|^~\\&\r" + ORM + ORM.replace("MSG7", "MSG8") + "BTS|2\rFTS|1\r"
    assert [message.control_id for message in read_all(text)] == ["MSG7", "MSG8"]
    with pytest.raises(Unreadable, match="more than one"):
        read(text)


REFUSED = [
    "",
    " \r\n",
    "hello",
    "PID|1\rMSH|^~\\&|A\r",
    "MSH",
    "MSH|",
    "MSH||A",
    "MSH|^|A",
    "MSH|^~\\&#%|A",
    "MSH|^^\\&|A",
    "MSHa^~\\&aA",
    "MSH|A~\\&|A",
    "MSH|^ \\&|A",
    "MSH|^\t\\&|A",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_message_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


def test_unreadable_is_the_peers_fault_and_quotes_nothing() -> None:
    assert issubclass(Unreadable, RemoteProtocolError)
    with pytest.raises(Unreadable) as caught:
        read("PRIVATE")
    assert "PRIVATE" not in str(caught.value)


def test_too_many_segments() -> None:
    assert len(read("MSH|^~\\&|A\r" + "OBX|1\r" * 99, max_segments=100).segments) == 100
    with pytest.raises(Unreadable, match="too many"):
        read("MSH|^~\\&|A\r" + "OBX|1\r" * 100, max_segments=100)


ESCAPES = [
    ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f"),
    ("\\F\\\\S\\", "|^"),
    ("\\E\\F\\E\\", "\\F\\"),
    ("one\\.br\\two\\.sp\\three", "one\ntwo\nthree"),
    ("\\H\\loud\\N\\", "loud"),
    ("\\X0D0A\\", "\r\n"),
    ("\\X41\\", "A"),
    ("\\XE9\\", "\\XE9\\"),
    ("\\Xzz\\", "\\Xzz\\"),
    ("\\Z1\\ \\.in+5\\", "\\Z1\\ \\.in+5\\"),
    ("C:\\temp", "C:\\temp"),
    ("\\", "\\"),
    ("\\\\", "\\\\"),
]


@pytest.mark.parametrize(("sent", "meant"), ESCAPES)
def test_escapes_are_read_once(sent: str, meant: str) -> None:
    assert unescape(sent, STANDARD) == meant


@settings(max_examples=300)
@given(text=st.text(max_size=50))
@example(text="\\F\\")
@example(text="\\.br\\")
@example(text="\r\n\x0b\x1c|^~&")
def test_what_is_escaped_is_read_back(text: str) -> None:
    written = escape(text)
    assert not set(written) & set("|^~&\r\n\x0b\x1c\x00")
    plain = "".join(" " if c in "\n\r\x85\u2028\u2029\t" else c for c in text.replace("\r\n", "\n"))
    kept = "".join(c for c in plain if not (ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0))
    assert unescape(written, STANDARD) == kept
    formatted = unescape(escape_formatted(text), STANDARD)
    assert formatted.replace("\n", " ") == kept


@settings(max_examples=300)
@given(text=st.text(st.sampled_from("MSHPID|^~\\&\r\n\x0b\x1cAXE1 \u00e9"), max_size=80))
def test_no_text_crashes_the_reader(text: str) -> None:
    for candidate in (text, "MSH|^~\\&|" + text):
        try:
            message = read(candidate)
        except Unreadable:
            continue
        assert message.segments[0].name == "MSH"
        for segment in message.segments:
            for number in range(len(segment.fields) + 1):
                segment.at(number, 2, 2)
                segment.components(number)


HEADER = b"MSH|^~\\&|A|||||||1|P|2.5.1||||||"
CHARSETS = [
    (b"UNICODE UTF-8", "D\u00d6E", "utf-8", False, "utf-8"),
    (b"8859/1", "D\u00d6E", "latin-1", False, "latin-1"),
    (b"8859/15", "\u20ac", "iso8859-15", False, "iso8859-15"),
    (b"8859/5", "\u0416", "iso8859-5", False, "iso8859-5"),
    (b"", "DOE", "ascii", False, "ascii"),
    (b"", "D\u00d6E", "utf-8", False, "utf-8"),
    (b"", "D\u00d6E", "latin-1", True, "cp1252"),
    (b"UNICODE UTF-8", "D\u00d6E", "latin-1", True, "cp1252"),
    (b"8859/1~8859/5", "D\u00d6E", "latin-1", False, "latin-1"),
    (b"ISO IR87", "D\u00d6E", "utf-8", True, "utf-8"),
    (b"", "\x81\u00d6", "latin-1", True, "latin-1"),
    (b"8859/1", "O\u2019NEIL", "cp1252", True, "cp1252"),
    (b"8859/1", "O\u2019NEIL", "utf-8", True, "utf-8"),
    (b"8859/1", "\x81\u00d6", "latin-1", True, "latin-1"),
    (b"8859/2", "O\x92NEIL", "iso8859-2", True, "iso8859-2"),
]


@pytest.mark.parametrize(("name", "text", "sent_in", "doubtful", "read_in"), CHARSETS)
def test_character_sets(name: bytes, text: str, sent_in: str, doubtful: bool, read_in: str) -> None:
    data = HEADER + name + b"\rNTE|1||" + text.encode(sent_in) + b"\r"
    decoded = decode(data)
    assert decoded.message.at("NTE-3") == text
    assert (decoded.codec, decoded.doubtful) == (read_in, doubtful)


def test_the_site_may_know_better() -> None:
    data = HEADER + b"UNICODE UTF-8\rNTE|1||" + "D\u00d6E".encode("latin-1") + b"\r"
    decoded = decode(data, codec="latin-1")
    assert decoded.message.at("NTE-3") == "D\u00d6E"
    assert (decoded.codec, decoded.doubtful) == ("latin-1", False)


@pytest.mark.parametrize("data", [b"", b"\x00\x01", "MSH|^~\\&|A\r".encode("utf-16"), b"\xff" * 9])
def test_bytes_without_a_header(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)
