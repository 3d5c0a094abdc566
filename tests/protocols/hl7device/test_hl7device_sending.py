"""Downloads and other messages of ours: one at a time, answered, asked again."""

from __future__ import annotations

from hl7device_probes import (
    NOW,
    feed,
    framed,
    lines,
    peer,
    raws,
)

from gateway.protocols.hl7 import AcknowledgmentCode
from gateway.protocols.hl7device import (
    Acknowledged,
    Dialect,
    Unanswered,
    Wrapping,
)

DOWNLOAD = lines(
    r"MSH|^~\&|GW|LAB|cobas|LAB|20250102||OML^O33^OML_O33|D1|P|2.5.1|||NE|AL", "SPM|1|S0004"
)


def test_a_download_and_its_answer() -> None:
    host, device = peer(Dialect(wrapping=Wrapping.MLLP)), peer()
    written = host.send(DOWNLOAD)
    assert host.timeout == 30.0
    events, answer = feed(device, written)
    assert raws(events) == [DOWNLOAD]
    assert b"|ORL^O34^ORL_O34|" in answer
    (event,), _ = feed(host, answer)
    assert isinstance(event, Acknowledged)
    assert (event.control_id, event.code, event.final, event.expected) == (
        "D1",
        AcknowledgmentCode.APPLICATION_ACCEPT,
        True,
        True,
    )
    assert host.unanswered == ()
    assert host.timeout is None


def test_one_message_at_a_time() -> None:
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    second = DOWNLOAD.replace(b"|D1|", b"|D2|")
    assert host.send(DOWNLOAD) == framed(DOWNLOAD)
    assert host.send(second) == b""
    assert host.unanswered == (DOWNLOAD, second)
    ack = lines(r"MSH|^~\&|||||||ACK|1|P|2.5.1", "MSA|AA|D1")
    _, written = feed(host, framed(ack))
    assert written == framed(second)


def test_an_answer_to_another_message_changes_nothing() -> None:
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    host.send(DOWNLOAD)
    stray = lines(r"MSH|^~\&|||||||ACK|1|P|2.5.1", "MSA|AA|OTHER")
    (event,), _ = feed(host, framed(stray))
    assert isinstance(event, Acknowledged)
    assert not event.expected
    assert host.unanswered == (DOWNLOAD,)


def test_enhanced_mode_waits_for_the_application() -> None:
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    host.send(DOWNLOAD.replace(b"NE|AL", b"AL|AL"))
    commit = lines(r"MSH|^~\&|||||||ACK|1|P|2.5.1", "MSA|CA|D1")
    (event,), _ = feed(host, framed(commit))
    assert isinstance(event, Acknowledged)
    assert not event.final
    assert host.unanswered
    (event,), _ = feed(host, framed(commit.replace(b"CA", b"AE")))
    assert isinstance(event, Acknowledged)
    assert (event.final, event.code.accepted) == (True, False)
    assert host.unanswered == ()


def test_no_answer_is_asked_again_with_the_same_bytes() -> None:
    host = peer(Dialect(wrapping=Wrapping.MLLP))
    first = host.send(DOWNLOAD)
    assert host.expire() == Unanswered("D1", 1)
    assert host.accept() == first
    assert host.expire() == Unanswered("D1", 2)
    host.send(DOWNLOAD.replace(b"|D1|", b"|D2|"))
    assert host.refuse() == framed(DOWNLOAD.replace(b"|D1|", b"|D2|"))


def test_time_is_not_read_and_ids_are_given() -> None:
    stamp = peer().stamp
    assert (stamp.control_id, stamp.time) == ("H1", NOW)
