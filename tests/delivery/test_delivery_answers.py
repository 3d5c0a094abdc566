from __future__ import annotations

import pytest

from gateway.delivery.answers import failure
from gateway.errors import DeliveryError, Refused, Unreachable
from gateway.protocols.hl7 import read_acknowledgment

TEMPORARY = ("", "206", "207")
UNSUPPORTED = ("200", "201", "202", "203")
CONTENT = ("100", "101", "102", "103", "204")


def answered(code: str, error: str = "") -> DeliveryError | None:
    err = f"ERR||PID^1^5|{error}^x^HL70357|E|||DOE^JANE is unknown\r" if error else ""
    ack = f"MSH|^~\\&|EHR|B|GATEWAY|A|20260105||ACK|1|P|2.5.1\rMSA|{code}|ID1\r{err}"
    return failure(read_acknowledgment(ack.encode()))


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_accepted(code: str) -> None:
    assert answered(code) is None


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
def test_a_duplicate_is_there_already(code: str) -> None:
    assert answered(code, "205") is None


@pytest.mark.parametrize("code", ["AE", "CE"])
@pytest.mark.parametrize("error", TEMPORARY)
def test_an_error_that_may_pass_is_tried_again(code: str, error: str) -> None:
    refusal = answered(code, error)
    assert isinstance(refusal, Refused)
    assert (refusal.again, refusal.stop) == (True, False)


@pytest.mark.parametrize("code", ["AE", "CE"])
@pytest.mark.parametrize("error", UNSUPPORTED + CONTENT)
def test_an_error_with_a_reason_is_final(code: str, error: str) -> None:
    refusal = answered(code, error)
    assert isinstance(refusal, Refused)
    assert (refusal.again, refusal.stop) == (False, False)


@pytest.mark.parametrize(
    ("code", "error"), [("AR", ""), *((c, e) for c in ("AR", "CR") for e in UNSUPPORTED)]
)
def test_what_would_hit_every_message_stops(code: str, error: str) -> None:
    refusal = answered(code, error)
    assert isinstance(refusal, Refused)
    assert refusal.stop


@pytest.mark.parametrize(
    ("code", "error"),
    [*((c, e) for c in ("AR", "CR") for e in CONTENT), ("AR", "206"), ("AR", "207")],
)
def test_a_rejection_of_this_message_alone(code: str, error: str) -> None:
    refusal = answered(code, error)
    assert isinstance(refusal, Refused)
    assert (refusal.again, refusal.stop) == (False, False)


@pytest.mark.parametrize("error", TEMPORARY)
def test_cannot_store_now_is_as_if_not_sent(error: str) -> None:
    assert isinstance(answered("CR", error), Unreachable)


def test_the_reason_says_where_and_never_repeats_the_peer() -> None:
    reason = str(answered("AE", "101"))
    assert reason == "answered AE, error 101 (Required field missing) at PID[1]-5"
