"""Acknowledgments of the device, as clean and as sloppy as they come."""

from __future__ import annotations

import pytest
from poct1a_probes import (
    EOT,
    EOT_EVS,
    ack,
    feed,
    outline,
    started,
    xml,
)

from gateway.protocols.poct1a import (
    Acknowledged,
    Ended,
    Ending,
    State,
    Verdict,
)


def test_accepted_with_an_error_code_is_a_warning() -> None:
    """A DCA answered a directive with AA and error 300: it took it."""
    manager = started(State.TOPIC)
    feed(manager, EOT)
    feed(manager, EOT_EVS)
    (event,), written = feed(manager, ack("7", "AA", "300"))
    assert event == Acknowledged("7", Verdict.ACCEPTED, "300")
    assert event.warning
    assert written == b""
    assert manager.state is State.CONTINUOUS


def test_continuous_mode_refused_ends_the_conversation() -> None:
    manager = started(State.TOPIC)
    feed(manager, EOT)
    feed(manager, EOT_EVS)
    (event,), written = feed(manager, ack("7", "AE", "203"))
    assert event == Acknowledged("7", Verdict.ERROR, "203")
    assert not event.warning
    assert outline(written) == ["END"]
    events, _ = feed(manager, ack("8"))
    assert events == [Acknowledged("8", Verdict.ACCEPTED), Ended(Ending.CLOSED)]


def test_a_refused_request_is_passed_over() -> None:
    manager = started(State.TOPIC)
    _, written = feed(manager, ack("3", "AE"))
    assert outline(written) == ["REQ RDEV"]


def test_an_acknowledged_request_stays_open() -> None:
    manager = started(State.TOPIC)
    assert feed(manager, ack("3"))[1] == b""
    assert manager.state is State.TOPIC
    assert outline(feed(manager, EOT)[1]) == ["ACK 4", "REQ RDEV"]


def test_an_acknowledgment_of_nothing_changes_nothing() -> None:
    manager = started(State.TOPIC)
    (event,), written = feed(manager, ack("999"))
    assert event == Acknowledged("999", Verdict.ACCEPTED, None, expected=False)
    assert written == b""
    assert manager.state is State.TOPIC


@pytest.mark.parametrize(
    "body",
    [
        '<ACK><ACK.type_cd V="AA"/><ACK.control_id V="7"/></ACK>',
        '<ACK><ACK.type_id V="AA"/><ACK.control_id V="7"/></ACK>',
        '<ACK><ACK.type_cd V="AA"/></ACK>',
    ],
)
def test_sloppy_acknowledgments(body: str) -> None:
    manager = started(State.TOPIC)
    feed(manager, EOT)
    feed(manager, EOT_EVS)
    (event,), _ = feed(manager, xml("ACK.R01", "9", body))
    assert event == Acknowledged("7", Verdict.ACCEPTED)
    assert manager.state is State.CONTINUOUS
