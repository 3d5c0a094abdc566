"""What is fuzzed: every wire language's host end, and the reading of whatever comes through.

A target plays one input as a driver would and checks the two things that must hold for any bytes:
what is given out was on the wire, and what is kept waiting is bounded.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from fuzz_mutation import sliced
from openpyxl import Workbook

from gateway.intake.routes import FIRST
from gateway.messages import DESTINATION_PROFILES, Envelope, NotEncodable, control_id, encode
from gateway.messages import verify as verify_message
from gateway.profiles import AnalyzerProfile, Context, Protocol, catalogue, read_transmission
from gateway.profiles.guessing import guess
from gateway.profiles.recording import device_pieces, read_recording
from gateway.profiles.text_views import GENERIC, decode, framing
from gateway.protocols import astm, hl7device, lis3, mllp, poct1a, tables, text
from gateway.protocols.dicom import (
    Association,
    AssociationRequested,
    CommandReceived,
    DataReceived,
    Policy,
    ReleaseRequested,
    Role,
    Service,
    negotiate,
)
from gateway.protocols.errors import ProtocolError, RemoteProtocolError
from gateway.protocols.events import Enquiry, MessageDamaged, MessageIncomplete, MessageReceived
from gateway.protocols.hl7 import read_acknowledgment
from gateway.protocols.tables import looks_whole
from gateway.report import Kind

NOW = datetime(2026, 1, 5, 9, 15, tzinfo=UTC)
TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
SMALL = 4096

Run = Callable[[bytes, Random], int]
"""How many whole messages came out of an input."""


@dataclass(frozen=True)
class Target:
    """``run`` plays one input made from ``corpus``; AssertionError or any exception is a find."""

    name: str
    corpus: Sequence[bytes]
    run: Run


def targets() -> Mapping[str, Target]:
    wires = {name: list(_wires(name)) for name in catalogue()}
    spoken = _by_protocol(wires)
    astm_wires = spoken[Protocol.ASTM]
    texts = [one.text for wire in astm_wires for one in astm.read_capture(wire) if one.complete]
    found = (
        Target("astm-framed", astm_wires, _astm(astm.Framing.FRAMED)),
        Target("astm-bare", texts, _astm(astm.Framing.BARE)),
        Target("astm-envelope", [b"\x01" + one + b"\x04" for one in texts], _envelope),
        Target("hl7-device", spoken[Protocol.HL7], _hl7_device),
        Target("mllp", [*spoken[Protocol.HL7], *_ANSWERS], _mllp),
        Target("poct1a", spoken[Protocol.POCT1A], _poct1a),
        Target("text", spoken[Protocol.TEXT], _text),
        Target("lis3", wires["rapidpoint-500"], _lis3),
        Target("dicom", _dicom_wires(), _dicom),
        Target(
            "tables", [*wires["file-drop"] * 3, *wires["file-drop-comma"], _workbook()], _tables
        ),
        Target("guess", [wire for found in spoken.values() for wire in found], _guess),
        Target("profiles", list(_payloads(wires)), _profiles(wires)),
    )
    return {target.name: target for target in found}


def _wires(profile: str) -> Iterator[bytes]:
    for path in sorted((TRANSCRIPTS / profile).glob("*.wire")):
        entries = astm.read_wire(path.read_text(encoding="utf-8"))
        yield b"".join(data for data, _ in device_pieces(entries))


def _by_protocol(wires: Mapping[str, list[bytes]]) -> dict[Protocol, list[bytes]]:
    found: dict[Protocol, list[bytes]] = {protocol: [] for protocol in Protocol}
    for name, profile in catalogue().items():
        found[profile.link.protocol] += wires[name]
    return found


# ASTM


def _astm(kind: astm.Framing) -> Run:
    def run(data: bytes, random: Random) -> int:
        dialect = astm.Dialect(
            framing=random.choice((kind, astm.Framing.AUTO)),
            numbering=random.choice(list(astm.Numbering)),
            checksum=random.choice(list(astm.Checksum)),
            max_frame=SMALL,
            max_transmission=4 * SMALL,
        )
        return _play_astm(astm.Receiver(dialect), data, random)

    return run


def _envelope(data: bytes, random: Random) -> int:
    dialect = astm.Dialect(
        framing=astm.Framing.ENVELOPE, max_frame=SMALL, max_transmission=4 * SMALL
    )
    return _play_astm(astm.Receiver(dialect), data, random)


def _play_astm(receiver: astm.Receiver, data: bytes, random: Random) -> int:
    given = 0
    for chunk in sliced(data, random):
        receiver.receive_data(chunk)
        while (event := receiver.next_event()) is not None:
            given += _see_astm(event, data)
            if receiver.awaiting:
                _answer_astm(receiver, event, random)
        assert receiver.unread <= 4 * SMALL
        if random.random() < 0.05 and (event := receiver.expire()) is not None:
            given += _see_astm(event, data)
    while (event := receiver.connection_lost()) is not None:
        given += _see_astm(event, data)
    return given


def _answer_astm(receiver: astm.Receiver, event: astm.Event, random: Random) -> None:
    if isinstance(event, astm.FrameDamaged) or random.random() < 0.05:
        receiver.refuse()
    else:
        receiver.accept()


def _see_astm(event: astm.Event, data: bytes) -> int:
    match event:
        case astm.FrameReceived(frame):
            assert frame.raw in data
            assert frame.text in frame.raw
        case astm.MessageReceived(raw, text):
            assert raw in data
            assert text in raw
        case astm.ChunkReceived(raw):
            assert raw in data
        case astm.TransmissionEnded():
            return 1
        case _:
            pass
    return 0


# HL7


def _hl7_device(data: bytes, random: Random) -> int:
    given = 0
    ids = count(1)
    wrapping = random.choice(list(hl7device.Wrapping))
    dialect = hl7device.Dialect(wrapping=wrapping, limit=SMALL)
    peer = hl7device.Peer(lambda: NOW, lambda: f"A{next(ids)}", dialect)
    try:
        for chunk in sliced(data, random):
            peer.receive_data(chunk)
            given += _drain_hl7(peer, data, peer.next_event, random)
            if random.random() < 0.05 and (event := peer.expire()) is not None:
                given += _see_hl7(peer, event, data, random)
        given += _drain_hl7(peer, data, peer.connection_lost, random)
    except RemoteProtocolError:
        pass  # it is cut off
    return given


def _drain_hl7(
    peer: hl7device.Peer,
    data: bytes,
    following: Callable[[], hl7device.Event | None],
    random: Random,
) -> int:
    given = 0
    while (event := following()) is not None:
        given += _see_hl7(peer, event, data, random)
    return given


def _see_hl7(peer: hl7device.Peer, event: hl7device.Event, data: bytes, random: Random) -> int:
    match event:
        case hl7device.MessageReceived(_, raw):
            assert raw in data
            answer = peer.accept() if random.random() < 0.9 else peer.refuse()
            assert answer.count(mllp.START) <= 1
            return 1
        case hl7device.QueryReceived(_, raw):
            assert raw in data
            peer.refuse()
        case hl7device.MessageDamaged():
            peer.refuse()
        case hl7device.Acknowledged():
            peer.advance()
        case hl7device.Unanswered():
            peer.refuse()
        case _:
            pass
    return 0


_ANSWERS = tuple(
    mllp.encode_block(body)
    for body in (
        b"MSH|^~\\&|EHR|H|GATEWAY|c|20260105||ACK^R01^ACK|7|P|2.5.1\rMSA|AA|ABC123\r",
        b"MSH|^~\\&|EHR|H|GATEWAY|c|20260105||ACK|8|P|2.5.1\rMSA|AE|X|no\rERR||PID^1^3|101^a^HL7|E\r",
        b"MSH|^~\\&|E|H|||1||ACK|9|P|2.3\rMSA|AR|Y|such\rERR|OBX^1^5^103&b&HL70357\r",
    )
)


def _mllp(data: bytes, random: Random) -> int:
    given = 0
    decoder = mllp.Decoder(limit=SMALL)
    for chunk in sliced(data, random):
        decoder.receive_data(chunk)
        assert decoder.incomplete <= SMALL
        while (event := decoder.next_event()) is not None:
            match event:
                case mllp.Block(body):
                    assert body in data
                    assert mllp.START not in body
                    assert mllp.END not in body
                    _read_acknowledgment(body)
                    given += 1
                case mllp.Junk(strays):
                    assert 0 < strays <= len(data)
                case mllp.Oversize():
                    pass
    assert decoder.junk <= len(data)
    return given


def _read_acknowledgment(body: bytes) -> None:
    try:
        found = read_acknowledgment(body)
    except RemoteProtocolError:
        return
    assert found.code.value in ("AA", "AE", "AR", "CA", "CE", "CR")


# POCT1-A


def _poct1a(data: bytes, random: Random) -> int:
    given = 0
    manager = poct1a.DataManager(lambda: NOW, mode=random.choice(list(poct1a.Mode)), limit=SMALL)
    try:
        for chunk in sliced(data, random):
            manager.receive_data(chunk)
            while (event := manager.next_event()) is not None:
                given += _see_poct1a(manager, event, data, random)
        while (event := manager.connection_lost()) is not None:
            given += _see_poct1a(manager, event, data, random)
    except RemoteProtocolError:
        pass
    return given


def _see_poct1a(
    manager: poct1a.DataManager, event: poct1a.ManagerEvent, data: bytes, random: Random
) -> int:
    match event:
        case poct1a.MessageReceived():
            assert event.raw in data
            if random.random() < 0.9:
                manager.accept()
            else:
                manager.refuse()
            return 1
        case poct1a.MessageDamaged():
            manager.refuse()
        case poct1a.Acknowledged() | poct1a.Silent():
            manager.advance()
        case _:
            pass
    return 0


# text, LIS3


def _text(data: bytes, random: Random) -> int:
    given = 0
    codec = random.choice([*text.CODECS, GENERIC])
    receiver = text.Receiver(framing(codec))
    try:
        for chunk in sliced(data, random):
            receiver.receive_data(chunk)
            while (event := receiver.next_event()) is not None:
                given += _see_text(receiver, event, data, codec)
        if (event := receiver.expire()) is not None:
            given += _see_text(receiver, event, data, codec)
        while (event := receiver.connection_lost()) is not None:
            given += _see_text(receiver, event, data, codec)
    except RemoteProtocolError:
        pass
    return given


def _see_text(receiver: text.Receiver, event: text.Event, data: bytes, codec: str) -> int:
    match event:
        case MessageReceived(raw):
            assert raw in data
            receiver.accept()
            try:
                fields = decode(raw, codec)
            except ProtocolError:
                return 0
            assert sum(len(row.values) for row in fields.rows) <= 4 * len(raw) + 64
            return 1
        case Enquiry():
            receiver.accept()
        case MessageDamaged():
            receiver.refuse()
        case MessageIncomplete():
            pass
    return 0


def _lis3(data: bytes, random: Random) -> int:
    given = 0
    host = lis3.Host()
    try:
        for chunk in sliced(data, random):
            host.receive_data(chunk)
            while (event := host.next_event()) is not None:
                given += _see_lis3(host, event, data)
            if random.random() < 0.1 and (event := host.expire()) is not None:
                given += _see_lis3(host, event, data)
        while (event := host.connection_lost()) is not None:
            given += _see_lis3(host, event, data)
    except RemoteProtocolError:
        pass
    return given


def _see_lis3(host: lis3.Host, event: lis3.HostEvent, data: bytes) -> int:
    match event:
        case MessageReceived(raw):
            assert raw in data
            lis3.decode(raw)
            host.accept()
            return 1
        case MessageDamaged():
            host.refuse()
        case lis3.Unanswered(_, tries):
            if tries < 3:
                host.accept()
            else:
                host.refuse()
        case _:
            pass
    return 0


# DICOM


def _dicom_wires() -> list[bytes]:
    from gateway.protocols.dicom import CEchoRQ, CFindRQ, CStoreRQ, propose
    from gateway.protocols.dicom.dimse import write_message
    from gateway.protocols.dicom.pdu import PDataTF, Pdv, ReleaseRQ
    from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE, VERIFICATION
    from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE

    contexts = [(VERIFICATION, [IMPLICIT_LE]), (ULTRASOUND_IMAGE, [EXPLICIT_LE, IMPLICIT_LE])]
    request = propose("GATEWAY", "VOLUSON", contexts).encode()
    echo = write_message(CEchoRQ(message_id=1), has_data=False).encode()
    image = CStoreRQ(
        message_id=2, affected_sop_class_uid=ULTRASOUND_IMAGE, affected_sop_instance_uid="1.2.3"
    )
    store = write_message(image, has_data=True).encode()
    find = write_message(
        CFindRQ(message_id=3, affected_sop_class_uid="1.2.840.10008.5.1.4.31"), has_data=True
    ).encode()
    body = bytes(range(256))
    said = (
        PDataTF((Pdv(1, True, True, echo),)).encode(),
        PDataTF((Pdv(3, True, True, store), Pdv(3, False, False, body))).encode()
        + PDataTF((Pdv(3, False, True, body),)).encode(),
        PDataTF((Pdv(1, True, False, find[:30]),)).encode()
        + PDataTF((Pdv(1, True, True, find[30:]),)).encode(),
    )
    release = ReleaseRQ().encode()
    return [request, *(request + one + release for one in said), request + b"".join(said) + release]


_EVERYTHING = Policy.offering(Service)


def _dicom(data: bytes, random: Random) -> int:
    given = 0
    acceptor = Association(Role.ACCEPTOR)
    for chunk in sliced(data, random):
        acceptor.receive_data(chunk)
        while not acceptor.must_close and (event := acceptor.next_event()) is not None:
            match event:
                case AssociationRequested(request):
                    acceptor.accept(negotiate(request, _EVERYTHING))
                case DataReceived(data=view):
                    assert bytes(view) in data
                case CommandReceived():
                    given += 1
                case ReleaseRequested():
                    acceptor.confirm_release()
                case _:
                    pass
        if acceptor.must_close:
            return given
    acceptor.connection_lost()
    return given


# exported files


def _workbook() -> bytes:
    book = Workbook()
    assert book.active is not None
    book.active.append(["Sample ID", "Test", "Result", "Unit"])
    book.active.append(["26S1", "GLU", 5.4, "mmol/L"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _tables(data: bytes, random: Random) -> int:
    looks_whole(data)
    try:
        grids = tables.read(data, "cp1252")
    except RemoteProtocolError:
        return 0
    assert sum(len(cell) for grid in grids for row in grid.rows for cell in row) <= 100 * len(data)
    return _read(data, catalogue()["file-drop"]) if random.random() < 0.5 else len(grids)


# unknown devices


def _guess(data: bytes, _: Random) -> int:
    found = guess(data)
    assert str(found)
    assert (found.messages > 0) >= bool(found.profiles)
    return found.messages


# profiles


def _payloads(wires: Mapping[str, list[bytes]]) -> Iterator[bytes]:
    for name, profile in catalogue().items():
        for wire in wires[name]:
            yield from (one.payload for one in read_recording([(wire, 0.0)], profile.link))


def _profiles(wires: Mapping[str, list[bytes]]) -> Run:
    """Each payload is read by a profile of its language, and by any other."""
    known = list(catalogue().values())
    owner = {one: p for p in known for wire in wires[p.name] for one in _starts(wire, p)}

    def run(data: bytes, random: Random) -> int:
        mine = owner.get(data[:24])
        profile = mine if mine is not None and random.random() < 0.8 else random.choice(known)
        return _read(data, profile)

    return run


def _starts(wire: bytes, profile: AnalyzerProfile) -> Iterator[bytes]:
    for one in read_recording([(wire, 0.0)], profile.link):
        yield one.payload[:24]


def _was_sent(raw: str, said: str) -> bool:
    """Whether the figures of a value stand in the message, whatever escapes did to the rest."""
    return all(figures in said for figures in re.findall(r"[0-9]+", raw))


def _read(data: bytes, profile: AnalyzerProfile) -> int:
    codes = dict.fromkeys(profile.menu, "8061-4")
    context = Context(profile.name, ZoneInfo("UTC"), NOW, "1", codes=codes)
    reading = read_transmission(data, profile, context)
    said = data.decode("latin-1")
    for report in reading.reports:
        for one in report.observations:
            assert _was_sent(one.raw, said), "a value that was not sent"
        if report.kind is not Kind.PATIENT:
            continue
        envelope = Envelope(control_id(b"", report.id, FIRST.number), NOW)
        target = DESTINATION_PROFILES["oru-2.5.1"]
        try:
            message = encode(report, envelope, target)
            verify_message(message, report, envelope, target)
        except NotEncodable:
            continue
    return sum(1 for report in reading.reports if report.observations)
