"""Both ends against DCMTK over blocking sockets: a driver in thirty lines."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from dicom_wire import EVERYTHING
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from gateway.protocols.dicom import (
    Association,
    AssociationAccepted,
    AssociationRequested,
    CCancelRQ,
    CEchoRQ,
    CEchoRSP,
    CFindRQ,
    CGetRQ,
    CommandReceived,
    ConnectionLost,
    CStoreRQ,
    CStoreRSP,
    DataReceived,
    Event,
    MessageReceived,
    Released,
    ReleaseRequested,
    Role,
    Settings,
    Status,
    negotiate,
    propose,
)
from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE, VERIFICATION
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE

pytestmark = pytest.mark.peer

ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
DEADLINE = 20.0


def pump(line: socket.socket, association: Association, answer: Callable[[Event], bytes]) -> None:
    """Receives and answers until the association is over."""
    line.settimeout(DEADLINE)
    while not association.must_close:
        count = line.recv_into(association.get_buffer())
        if not count:
            lost = association.connection_lost()
            assert not isinstance(lost, ConnectionLost), lost
            return
        association.buffer_updated(count)
        while (event := association.next_event()) is not None:
            line.sendall(answer(event))


class Provider:
    """Echo, storage, worklist and retrieve, as plain as can be."""

    def __init__(self, settings: Settings, matches: list[bytes], instances: list[bytes]) -> None:
        self.association = Association(Role.ACCEPTOR, settings)
        self.matches, self.instances = matches, instances
        self.stored: dict[str, tuple[str, bytes]] = {}  # by instance: transfer syntax, data set
        self.lines: list[str] = []
        self.keys = b""
        self.cancelled = False
        self._storing: tuple[int, CStoreRQ] | None = None
        self._data = bytearray()

    def answer(self, event: Event) -> bytes:
        match event:
            case AssociationRequested(request):
                negotiation = negotiate(request, EVERYTHING)
                self.lines += negotiation.explain()
                return self.association.accept(negotiation)
            case CommandReceived(context, CEchoRQ() as echo):
                return self.association.send(context.id, echo.response(Status.SUCCESS))
            case CommandReceived(context, CStoreRQ() as store):
                self._storing, self._data = (context.id, store), bytearray()
                self.stored[store.affected_sop_instance_uid] = context.transfer_syntax, b""
                return b""
            case DataReceived(data=data, last=last):
                self._data += data
                return self._store() if last else b""
            case CommandReceived(message=CFindRQ() | CGetRQ()):
                self.association.collect(limit=65536)
                return b""
            case CommandReceived(message=CCancelRQ()):
                self.cancelled = True
                return b""
            case MessageReceived(context, CFindRQ() as find, data_set):
                self.keys = data_set
                return self._find(context.id, find)
            case MessageReceived(context, CGetRQ() as get):
                return self._get(context.id, get)
            case CommandReceived(message=CStoreRSP(status=status)):
                assert status == Status.SUCCESS
                return self._got()
            case ReleaseRequested():
                return self.association.confirm_release()
            case _:
                raise AssertionError(event)

    def _store(self) -> bytes:
        assert self._storing
        context_id, store = self._storing
        syntax, _ = self.stored[store.affected_sop_instance_uid]
        self.stored[store.affected_sop_instance_uid] = syntax, bytes(self._data)
        return self.association.send(context_id, store.response(Status.SUCCESS))

    def _find(self, context_id: int, find: CFindRQ) -> bytes:
        pending, done = find.response(Status.PENDING), find.response(Status.SUCCESS)
        found = [self.association.send(context_id, pending, match) for match in self.matches]
        return b"".join([*found, self.association.send(context_id, done)])

    def _get(self, context_id: int, get: CGetRQ) -> bytes:
        self._getting = context_id, get
        (context,) = self.association.contexts_of(ULTRASOUND_IMAGE)[:1]
        assert context.scu
        store = CStoreRQ(
            message_id=self.association.next_message_id(),
            affected_sop_class_uid=ULTRASOUND_IMAGE,
            affected_sop_instance_uid="1.2.3.4",
        )
        (data,) = self.instances
        units = self.association.stream(context.id, store, [data], len(data))
        return b"".join(bytes(buffer) for unit in units for buffer in unit)

    def _got(self) -> bytes:
        context_id, get = self._getting
        done = get.response(Status.SUCCESS, remaining=0, completed=1, failed=0, warning=0)
        return self.association.send(context_id, done)


def serve(
    *command: str,
    settings: Settings | None = None,
    matches: list[bytes] | None = None,
    instances: list[bytes] | None = None,
) -> tuple[Provider, str]:
    """Runs a DCMTK client against our acceptor; PORT stands for the port."""
    provider = Provider(settings or Settings(), matches or [], instances or [])
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(DEADLINE)
        port = str(listener.getsockname()[1])
        arguments = [port if part == "PORT" else part for part in command]
        with subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT, text=True
        ) as client:
            line, _ = listener.accept()
            with closing(line):
                pump(line, provider.association, provider.answer)
            output, _ = client.communicate(timeout=DEADLINE)
    assert client.returncode == 0, output
    return provider, output


def encoded(data_set: Dataset) -> bytes:
    """Explicit VR Little Endian, which DCMTK offers first."""
    out = pydicom.filebase.DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = False, True
    write_dataset(out, data_set)
    return out.getvalue()


def decoded(data: bytes, syntax: str) -> Dataset:
    uid = UID(syntax)
    return read_dataset(BytesIO(data), uid.is_implicit_VR, uid.is_little_endian)


def test_echoscu() -> None:
    provider, _ = serve("echoscu", "-aet", "US1", "--repeat", "20", "127.0.0.1", "PORT")
    assert provider.lines == ["ctx 1 Verification: accepted as Implicit LE (offered Implicit LE)"]


def test_echoscu_proposing_everything_it_can() -> None:
    provider, _ = serve("echoscu", "-ppc", "128", "-pts", "38", "127.0.0.1", "PORT")
    assert len(provider.lines) == 128
    assert all("accepted as" in line for line in provider.lines)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("examples_ybr_color.dcm", "-xy"),
        ("examples_rgb_color.dcm", "-xe"),
        ("examples_palette.dcm", "-xe"),
        ("examples_jpeg2k.dcm", "-xv"),
        ("ExplVR_BigEnd.dcm", "-xb"),
        ("test-SR.dcm", "-xe"),
        ("SC_rgb_rle_2frame.dcm", "-xr"),
    ],
)
@pytest.mark.parametrize("max_pdu_length", [4096, 131072])
def test_storescu(name: str, option: str, max_pdu_length: int) -> None:
    path = str(get_testdata_file(name))
    original = pydicom.dcmread(path)
    provider, _ = serve(
        *("storescu", option, "-R", "127.0.0.1", "PORT", path),
        settings=Settings(max_pdu_length=max_pdu_length),
    )
    syntax, data = provider.stored[original.SOPInstanceUID]
    assert syntax == original.file_meta.TransferSyntaxUID
    received = decoded(data, syntax)
    assert received.SOPInstanceUID == original.SOPInstanceUID
    assert received.get("PixelData") == original.get("PixelData")
    assert received.get("ContentSequence") == original.get("ContentSequence")


def test_findscu() -> None:
    match = Dataset()
    match.PatientName, match.PatientID = "TEST^ONE", "T1"
    provider, output = serve(
        *("findscu", "-v", "-W", "-k", "PatientName=TEST*", "127.0.0.1", "PORT"),
        matches=[encoded(match)] * 3,
    )
    assert decoded(provider.keys, EXPLICIT_LE).PatientName == "TEST*"
    assert output.count("[TEST^ONE]") == 3
    assert not provider.association.owed


def test_findscu_cancels() -> None:
    match = Dataset()
    match.PatientName = "TEST^ONE"
    provider, _ = serve(
        *("findscu", "-W", "--cancel", "1", "-k", "PatientName", "127.0.0.1", "PORT"),
        matches=[encoded(match)] * 3,
    )
    assert provider.cancelled


def test_getscu_takes_what_it_asked_for(tmp_path: Path) -> None:
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = ULTRASOUND_IMAGE, "1.2.3.4"
    image.StudyInstanceUID = "1.2.3"
    data = encoded(image)
    serve(
        *("getscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3"),
        *("-od", str(tmp_path), "127.0.0.1", "PORT"),
        instances=[data],
    )
    (file,) = tmp_path.iterdir()
    assert pydicom.dcmread(file).SOPInstanceUID == "1.2.3.4"


def connected(port: int) -> socket.socket:
    """A connection to a server that is still starting."""
    until = time.monotonic() + DEADLINE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        except ConnectionRefusedError:
            assert time.monotonic() < until


class User:
    """Echoes, stores one image, releases."""

    def __init__(self, uid: str, data: bytes) -> None:
        self.association = Association(Role.REQUESTOR)
        self.statuses: list[int] = []
        self.released = False
        self._uid, self._data = uid, data

    def answer(self, event: Event) -> bytes:
        match event:
            case AssociationAccepted():
                echo = CEchoRQ(message_id=self.association.next_message_id())
                return self.association.send(1, echo)
            case CommandReceived(message=CEchoRSP(status=status)):
                self.statuses.append(status)
                return self._store()
            case CommandReceived(message=CStoreRSP(status=status)):
                self.statuses.append(status)
                return self.association.release()
            case Released():
                self.released = True
                return b""
            case _:
                raise AssertionError(event)

    def _store(self) -> bytes:
        store = CStoreRQ(
            message_id=self.association.next_message_id(),
            affected_sop_class_uid=ULTRASOUND_IMAGE,
            affected_sop_instance_uid=self._uid,
        )
        units = self.association.stream(3, store, [self._data], len(self._data))
        return b"".join(bytes(buffer) for unit in units for buffer in unit)


@pytest.mark.parametrize("max_pdu_length", ["4096", "131072"])
def test_storescp(tmp_path: Path, free_port: Callable[[], int], max_pdu_length: str) -> None:
    path = str(get_testdata_file("examples_rgb_color.dcm"))
    with Path(path).open("rb") as file:
        uid = read_partial(file, stop_when=lambda *_: True).file_meta.MediaStorageSOPInstanceUID
        data = file.read()
    port = free_port()
    server = subprocess.Popen(
        ["storescp", "+B", "-od", str(tmp_path), "--max-pdu", max_pdu_length, str(port)],
        env=ENVIRONMENT,
    )
    try:
        user = User(uid, data)
        contexts = [(VERIFICATION, [IMPLICIT_LE]), (ULTRASOUND_IMAGE, [EXPLICIT_LE])]
        with closing(connected(port)) as line:
            line.sendall(user.association.associate(propose("STORESCP", "GATEWAY", contexts)))
            pump(line, user.association, user.answer)
        assert user.statuses == [Status.SUCCESS, Status.SUCCESS]
        assert user.released
        (stored,) = tmp_path.iterdir()
        assert stored.read_bytes().endswith(data)
    finally:
        server.kill()
        server.wait(DEADLINE)
