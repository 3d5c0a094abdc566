"""Literal POCT1-A messages (composed) and a driver that answers as it should."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

from gateway.protocols.poct1a import (
    DataManager,
    ManagerEvent,
    MessageDamaged,
    MessageReceived,
    State,
)

FUZZ = int(os.environ.get("GATEWAY_FUZZ", "60"))
NOW = datetime(2025, 1, 2, 10, 15, tzinfo=UTC)


def now() -> datetime:
    return NOW


def header(control_id: str) -> str:
    return (
        f'<HDR><HDR.control_id V="{control_id}"/><HDR.version_id V="POCT1"/>'
        f'<HDR.creation_dttm V="2025-01-02T10:14:00+00:00"/></HDR>'
    )


def xml(name: str, control_id: str, body: str = "") -> bytes:
    return f'<?xml version="1.0"?><{name}>{header(control_id)}{body}</{name}>'.encode()


HEL = xml(
    "HEL.R01",
    "1",
    '<DEV><DEV.device_id V="00:11"/><DEV.vendor_id V="SIEM"/><DEV.model_id V="DCA"/>'
    '<DEV.serial_id V="S1"/><DCP><DCP.application_timeout V="60"/></DCP><DSC>'
    '<DSC.connection_profile_cd V="SA"/><DSC.topics_supported_cd V="D_EV"/>'
    '<DSC.directives_supported_cd V="START_CONTINUOUS"/>'
    '<DSC.max_message_sz V="16000"/></DSC></DEV>',
)
DST = xml("DST.R01", "2", '<DST><DST.new_observations_qty V="1"/><DST.condition_cd V="R"/></DST>')
OBS = xml(
    "OBS.R01",
    "3",
    '<SVC><SVC.role_cd V="OBS"/><SVC.observation_dttm V="2025-01-02T10:10:00"/>'
    '<PT><PT.patient_id V="TEST1"/><OBS><OBS.observation_id V="4548-4" SN="LN" DN="HbA1c"/>'
    '<OBS.value V="5.6" U="%"/><OBS.method_cd V="M"/>'
    '<OBS.normal_lo-hi_limit V="[4.0;6.0]"/></OBS>'
    '<OBS><OBS.observation_id V="X"/><OBS.value NULL="NI"/><NTE><NTE.text V="note"/></NTE></OBS>'
    '</PT><OPR><OPR.operator_id V="OP1"/></OPR><RGT><RGT.lot_number V="L1"/></RGT></SVC>',
)
EOT = xml("EOT.R01", "4", '<EOT><EOT.topic_cd V="OBS"/></EOT>')
EVS = xml("EVS.R01", "5", '<EVT><EVT.description V="door open"/></EVT>')
EOT_EVS = xml("EOT.R01", "6", '<EOT><EOT.topic_cd V="EVS"/></EOT>')
KPA = xml("KPA.R01", "7")
END = xml("END.R01", "8", '<TRM><TRM.reason_cd V="NRM"/></TRM>')


def ack(control_id: str, verdict: str = "AA", error: str = "") -> bytes:
    detail = f'<ACK.error_detail_cd V="{error}"/>' if error else ""
    return xml(
        "ACK.R01",
        "90",
        f'<ACK><ACK.type_cd V="{verdict}"/><ACK.ack_control_id V="{control_id}"/>{detail}</ACK>',
    )


_DETAIL = re.compile(
    rb'<(?:ACK.ack_control_id|REQ.request_cd|DTV.command_cd|EOT.topic_cd) V="([^"]*)"'
)


def outline(written: bytes) -> list[str]:
    """What was written: ``ACK 3``, ``REQ ROBS``; a minus marks an AE."""
    found = []
    for text in written.split(b"<?xml")[1:]:
        name = text.partition(b"?><")[2][:3].decode()
        detail = _DETAIL.search(text)
        sign = "-" if b'type_cd V="AE"' in text else ""
        found.append(f"{name} {sign}{detail[1].decode() if detail else ''}".strip())
    return found


def feed(manager: DataManager, data: bytes) -> tuple[list[ManagerEvent], bytes]:
    events: list[ManagerEvent] = []
    written = b""
    if data:
        manager.receive_data(data)
    while (event := manager.next_event()) is not None:
        events.append(event)
        match event:
            case MessageReceived():
                written += manager.accept()
            case MessageDamaged():
                written += manager.refuse()
            case _:
                written += manager.advance()
    return events, written


def slicings(stream: bytes, rounds: int = 5) -> Iterator[list[bytes]]:
    yield [stream]
    yield [stream[i : i + 1] for i in range(len(stream))]
    for seed in range(rounds):
        yield sliced(stream, Random(seed))


def sliced(stream: bytes, random: Random) -> list[bytes]:
    edges = sorted({0, len(stream), *(random.randrange(len(stream) + 1) for _ in range(8))})
    return [stream[a:b] for a, b in pairwise(edges)]


def run(chunks: Iterable[bytes]) -> tuple[list[ManagerEvent], bytes]:
    """A whole connection: everything that happened, everything written."""
    manager = DataManager(now)
    events: list[ManagerEvent] = []
    written = b""
    for chunk in chunks:
        more, answer = feed(manager, chunk)
        events += more
        written += answer
    last = manager.connection_lost()
    while last is not None:
        events.append(last)
        last = manager.next_event()
    return events, written


def started(state: State, hello: bytes = HEL) -> DataManager:
    """A manager brought to ``state``; control ids used so far end at 3 (topic) or 7."""
    manager = DataManager(now)
    feed(manager, hello)
    feed(manager, DST)
    if state is State.CONTINUOUS:
        feed(manager, EOT)
        feed(manager, EOT_EVS)
        feed(manager, ack("7"))
    assert manager.state is state
    return manager
