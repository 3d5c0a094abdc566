"""Acknowledgments: tidy, sloppy and useless ones read; ours written for strangers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.hl7 import (
    Acknowledgment,
    AcknowledgmentCode,
    ErrorCode,
    ErrorCondition,
    Unreadable,
    acknowledge,
    read,
    read_acknowledgment,
)
from gateway.protocols.hl7.acknowledgment import read_at_length

AA, AE, AR = (AcknowledgmentCode(code) for code in ("AA", "AE", "AR"))
MSH = "MSH|^~\\&|EHR|C|GW|L|20260105101200||ACK^R01^ACK|A1|P|2.5.1\r"
SECRET = "DOE^JANE"

READABLE = [
    (MSH + "MSA|AA|ID1\r", Acknowledgment(AA, "ID1")),
    (MSH + "MSA|AA|ID1", Acknowledgment(AA, "ID1")),
    (MSH + "MSA|CA|ID1\r", Acknowledgment(AcknowledgmentCode.COMMIT_ACCEPT, "ID1")),
    (MSH + "MSA|CE|ID1\r", Acknowledgment(AcknowledgmentCode.COMMIT_ERROR, "ID1")),
    (MSH + "MSA|CR|ID1\r", Acknowledgment(AcknowledgmentCode.COMMIT_REJECT, "ID1")),
    (MSH + "MSA| aa | ID1 \r", Acknowledgment(AA, "ID1")),
    (MSH + "MSA|AA|\r", Acknowledgment(AA, "")),
    (MSH + "MSA|AA\r", Acknowledgment(AA, "")),
    (MSH + "MSA|AA|A\\T\\1\r", Acknowledgment(AA, "A&1")),
    ("MSH|^~\\&|||||||ACK^R01^ACK_R01|ACK|P|2.5\r\nMSA|AA|ID1\r\n", Acknowledgment(AA, "ID1")),
    ("MSH|^~\\&|\nMSA|AA|ID1\n", Acknowledgment(AA, "ID1")),
    ("\x0b" + MSH + "MSA|AA|ID1\r\x1c\r", Acknowledgment(AA, "ID1")),
    ("MSA|AR|ID1\r", Acknowledgment(AR, "ID1")),
    ("MSH#*!?%#E\rMSA#AE#ID1\r", Acknowledgment(AE, "ID1")),
    (MSH + "SFT|x|1|y|2\rMSA|AA|ID1\r", Acknowledgment(AA, "ID1")),
    (
        MSH + "MSA|AE|ID1|" + SECRET + "\rERR||PID^1^5|101^Required field missing^HL70357|E\r",
        Acknowledgment(AE, "ID1", ErrorCode.REQUIRED_FIELD, "PID[1]-5"),
    ),
    (
        MSH + "MSA|AR|ID1\rERR|||203^Unsupported version^HL70357|E||||" + SECRET + "\r",
        Acknowledgment(AR, "ID1", ErrorCode.UNSUPPORTED_VERSION),
    ),
    (
        MSH + "MSA|AE|ID1\rERR|OBX^3^5^102&Data type error&HL70357\r",
        Acknowledgment(AE, "ID1", ErrorCode.DATA_TYPE, "OBX[3]-5"),
    ),
    (
        MSH + "MSA|AE|ID1|||207^Internal^HL70357\r",
        Acknowledgment(AE, "ID1"),
    ),
    (
        MSH + "MSA|AE|ID1||||207^Internal^HL70357\r",
        Acknowledgment(AE, "ID1", ErrorCode.INTERNAL_ERROR),
    ),
    (
        MSH + "MSA|AE|ID1\rERR||" + SECRET + "|" + SECRET + "|E\r",
        Acknowledgment(AE, "ID1"),
    ),
    (
        MSH + "MSA|AE|ID1\rERR||PID^x^5|E1234|E\rERR||OBX^2|205|E\r",
        Acknowledgment(AE, "ID1", ErrorCode.DUPLICATE_KEY, "PID[1]-5"),
    ),
]


@pytest.mark.parametrize(("text", "wanted"), READABLE)
def test_read(text: str, wanted: Acknowledgment) -> None:
    found = read_acknowledgment(text.encode())
    assert found.code is wanted.code
    assert found.control_id == wanted.control_id
    assert (found.error_code, found.location) == (wanted.error_code, wanted.location)
    assert "DOE" not in repr(found)


def test_the_peers_words_are_kept_for_who_may_see_them() -> None:
    text = MSH + "MSA|AE|ID1|no \\T\\ no\rERR|||207|E|||" + SECRET + "\r"
    assert read_acknowledgment(text.encode()).text == f"no & no\n207 E {SECRET}"
    latin = (MSH + "MSA|AE|ID1|D\u00d6E\r").encode("latin-1")
    assert read_acknowledgment(latin).text == "D\u00d6E"


def test_accepted() -> None:
    assert [code.value for code in AcknowledgmentCode if code.accepted] == ["AA", "CA"]


UNREADABLE = [
    "",
    "\r",
    "this is not HL7",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "MSH",
    "MSH|^~\\&|\r",
    MSH,
    MSH + "MSA|OK|ID1\r",
    MSH + "MSA||ID1\r",
    MSH + "MSA\r",
    MSH + "MSB|AA|ID1\r",
    MSH + "MSA|AA|ID1\rMSA|AE|ID2\r",
    "MSH|||\rMSA|AA|ID1\r",
    "PID|1\rMSA|AA|ID1\r",
    "MSA#AA#ID1\r",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_acknowledgment(text.encode())


@settings(max_examples=300)
@given(data=st.binary(max_size=60) | st.text("MSHA|^~\\&\r\nERID1 ", max_size=60).map(str.encode))
def test_no_bytes_crash_it(data: bytes) -> None:
    for candidate in (
        data,
        MSH.encode() + b"MSA|AA|" + data,
        MSH.encode() + b"MSA|AE|1\rERR|" + data,
    ):
        try:
            assert read_acknowledgment(candidate).code in AcknowledgmentCode
        except Unreadable as error:
            assert len(str(error)) < 60  # noqa: PT017


NOW = datetime(2026, 1, 5, 10, 12, 0, tzinfo=UTC)


def request(version: str = "2.5.1") -> str:
    parties = "EHR^1.2^ISO|CLINIC \\T\\ CO|GW|LAB"
    return f"MSH|^~\\&|{parties}|20260105||ORM^O01^ORM_O01|MSG\\T\\7|T|{version}\r"


def written(
    version: str, *errors: ErrorCondition, code: AcknowledgmentCode = AA, **more: str
) -> str:
    asked = read(request(version))
    return acknowledge(asked, code, control_id="A1", time=NOW, errors=errors, **more).decode()


MISSING = ErrorCondition(ErrorCode.REQUIRED_FIELD, "PID", 1, 5)
VERSION = ErrorCondition(ErrorCode.UNSUPPORTED_VERSION)

HEAD = "MSH|^~\\&|GW|LAB|EHR^1.2^ISO|CLINIC \\T\\ CO|20260105101200+0000||"
NEW = HEAD + "ACK^O01^ACK|A1|T|2.5.1||||||UNICODE UTF-8\r"
OLD = HEAD + "ACK|A1|T|2.3\r"
BARE = "MSH|^~\\&|||||20260105101200+0000||ACK|A1|P|2.5.1||||||UNICODE UTF-8\r"
ERR_NEW = "ERR||PID^1^5|101^Required field missing^HL70357|E\r"
ERR_NOWHERE = "ERR|||203^Unsupported version id^HL70357|E\r"
ERR_OLD = "ERR|PID^1^5^101&Required field missing&HL70357~^^^203&Unsupported version id&HL70357\r"

TRANSCRIPTS = [
    (written("2.5.1"), NEW + "MSA|AA|MSG\\T\\7\r"),
    (
        written("2.5.1", MISSING, VERSION, code=AE, text="odd\r|text"),
        NEW + "MSA|AE|MSG\\T\\7|odd \\F\\text\r" + ERR_NEW + ERR_NOWHERE,
    ),
    (
        written("2.3", MISSING, VERSION, code=AE),
        OLD + "MSA|AE|MSG\\T\\7\r" + ERR_OLD,
    ),
    (acknowledge(None, AR, control_id="A1", time=NOW).decode(), BARE + "MSA|AR\r"),
]


@pytest.mark.parametrize(("found", "wanted"), TRANSCRIPTS)
def test_written(found: str, wanted: str) -> None:
    assert found == wanted


def test_an_unknown_version_is_answered_in_ours() -> None:
    assert "|2.5.1|" in written("9.9\\T\\x")


@pytest.mark.parametrize("version", ["2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7"])
@pytest.mark.parametrize("code", list(AcknowledgmentCode))
def test_own_reader_and_strangers_take_it(version: str, code: AcknowledgmentCode) -> None:
    place = ErrorCondition(ErrorCode.TABLE_VALUE, "OBX", 2, 8, 1)
    text = written(version, place, code=code, text="see \x0b\x1c log")
    found = read_acknowledgment(text.encode())
    assert (found.code, found.control_id) == (code, "MSG&7")
    assert (found.error_code, found.location) == (ErrorCode.TABLE_VALUE, "OBX[2]-8")
    assert not set(text) & set("\x0b\x1c\n")
    parsed = hl7.parse(text)
    assert parsed.unescape(str(parsed.segment("MSA")[2])) == "MSG&7"
    assert len(parsed) == 3


@pytest.mark.parametrize("version", ["2.3.1", "2.4", "2.5", "2.5.1"])
@pytest.mark.parametrize("errors", [(), (MISSING,), (VERSION, MISSING)])
def test_hl7apy_accepts_it_strictly(version: str, errors: tuple[ErrorCondition, ...]) -> None:
    """It looks for a message's structure in MSH-9.3, which 2.3 does not have yet."""
    text = written(version, *errors, code=AE, text="see log")
    parsed = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT)
    assert parsed.validate()


PLAIN = st.from_regex(
    rb"\AMSH\|\^~\\&\|[ -~]{0,40}\rMSA\|[ACX][AER]\|[ -~]{0,12}\r?"
    rb"(MSA\|AA\|1\r|ERR\|[ -~]{0,9}\r)?\Z"
)


@settings(max_examples=400, deadline=None)
@given(PLAIN)
def test_the_short_way_reads_what_the_long_one_reads(data: bytes) -> None:
    def said(by: Callable[[bytes], Acknowledgment]) -> Acknowledgment | str:
        try:
            return by(data)
        except Unreadable as error:
            return error.reason

    assert said(read_acknowledgment) == said(read_at_length)
