"""The unit's side of the wire: associations, retries, and the services it uses (pynetdicom).

Blocking; runs in a thread or a process of its own.  ``Failed`` when a job stays red after the
personality's tries; devices do not try again overnight either.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import P_DATA_TF

from simulators.ultrasound.personality import (
    EXPLICIT,
    IMPLICIT,
    PLAIN,
    VERIFICATION,
    Personality,
    Retry,
    Sending,
)

WORKLIST: Final = "1.2.840.10008.5.1.4.31"
PERFORMED: Final = "1.2.840.10008.3.1.2.3.3"
COMMITMENT: Final = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
_PENDING: Final = frozenset({0xFF00, 0xFF01})
_CONTEXTS: Final = 128
_ABORT: Final = bytes.fromhex("07000000000400000000")


class Failed(Exception):
    """The job is red; says which step and what was answered."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom the unit talks to: ``AET@HOST:PORT``."""

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Peer:
        """ValueError when it is no AET@HOST:PORT."""
        title, _, place = text.rpartition("@")
        host, _, port = place.rpartition(":")
        if not title or len(title) > 16 or not host or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"'{text}' is no AET@HOST:PORT")
        return cls(title, host.strip("[]"), int(port))


@dataclass(slots=True)
class Promise:
    """What storage commitment was answered: UIDs taken and refused."""

    heard: threading.Event = field(default_factory=threading.Event)
    committed: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


class Unit:
    """``pause`` waits between tries and may be anything that takes seconds."""

    def __init__(
        self,
        personality: Personality,
        peer: Peer,
        *,
        title: str | None = None,
        retry: Retry | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.personality = replace(personality, ae_title=title or personality.ae_title)
        self._peer = peer
        self._retry = retry or personality.retry
        self._pause = pause

    def echo(self) -> None:
        """C-ECHO."""
        with self._association([(VERIFICATION, self.personality.worklist)]) as line:
            _expect(line.send_c_echo(), "C-ECHO")

    def worklist(self, query: Dataset) -> list[Dataset]:
        """Every item that matches."""
        with self._association([(WORKLIST, self.personality.worklist)]) as line:
            found = []
            for status, item in line.send_c_find(query, WORKLIST):
                if not status or status.Status not in {*_PENDING, 0}:
                    raise Failed(f"worklist: {_word(status)}")
                if item is not None:
                    found.append(item)
            return found

    def begin_step(self, step: Dataset, uid: str) -> None:
        """MPPS N-CREATE, sent again when it fails."""
        self._tried(lambda: self._step(lambda line: line.send_n_create(step, PERFORMED, uid)))

    def end_step(self, step: Dataset, uid: str) -> None:
        """MPPS N-SET."""
        self._tried(lambda: self._step(lambda line: line.send_n_set(step, PERFORMED, uid)))

    def store(self, images: Sequence[Dataset]) -> None:
        """Sends images in the personality's way; each is retried by itself."""
        if self.personality.sending is Sending.AS_YOU_GO:
            for image in images:
                self.store_together([image])
        else:
            self.store_together(images)

    def store_together(self, images: Sequence[Dataset]) -> None:
        """All on one association; what was not taken goes again on the next one."""
        waiting = list(images)

        def attempt() -> None:
            with self._association(self._contexts()) as line:
                while waiting:
                    _expect(line.send_c_store(_fitting(line, waiting[0])), "C-STORE")
                    waiting.pop(0)

        self._tried(attempt)

    def cut_off(self, image: Dataset) -> None:
        """Sends half of a C-STORE request, then A-ABORT."""
        with self._association(self._contexts()) as line:
            pieces = wire_pieces(line, _fitting(line, image))
            raw = line.dul.socket.socket
            for piece in pieces[: max(1, len(pieces) // 2)]:
                raw.sendall(piece)
            raw.sendall(_ABORT)
            line.join(self._retry.patience)

    def commit(self, request: Dataset, listen: int | None, patience: float) -> Promise:
        """N-ACTION and its report, on this association or on one the peer opens to ``listen``."""
        promise = Promise()
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, _reported, [promise])]
        with self._listening(listen, handlers):
            contexts = [(COMMITMENT, self.personality.worklist)]
            with self._association(contexts, handlers) as line:
                status, _ = line.send_n_action(request, 1, COMMITMENT, COMMITMENT_INSTANCE)
                _expect(status, "commitment request")
                if listen is None:
                    promise.heard.wait(patience)
            if not promise.heard.wait(patience):
                raise Failed("storage commitment: no report")
        return promise

    def _contexts(self) -> list[tuple[str, Sequence[str]]]:
        return [(offer.sop_class, offer.syntaxes) for offer in self.personality.offers]

    def _step(self, send: Callable[[Any], tuple[Any, Any]]) -> None:
        with self._association([(PERFORMED, self.personality.worklist)]) as line:
            _expect(send(line)[0], "performed procedure step")

    def _tried(self, attempt: Callable[[], None]) -> None:
        for number in range(self._retry.tries):
            if number:
                self._pause(self._retry.pause)
            try:
                attempt()
            except Failed:
                if number + 1 == self._retry.tries:
                    raise
            else:
                return

    def _entity(self) -> Any:
        entity = AE(ae_title=self.personality.ae_title)
        entity.maximum_pdu_size = self.personality.max_pdu
        entity.dimse_timeout = entity.acse_timeout = self._retry.patience
        entity.network_timeout = entity.connection_timeout = self._retry.patience
        return entity

    @contextmanager
    def _association(
        self, contexts: Sequence[tuple[str, Sequence[str]]], handlers: Sequence[Any] = ()
    ) -> Iterator[Any]:
        entity = self._entity()
        for sop_class, syntaxes in contexts[:_CONTEXTS]:
            entity.add_requested_context(sop_class, list(syntaxes))
        line = entity.associate(
            self._peer.host,
            self._peer.port,
            ae_title=self._peer.title,
            max_pdu=self.personality.max_pdu,
            evt_handlers=list(handlers),
        )
        if not line.is_established:
            raise Failed("no association" if line.is_aborted else "association refused")
        try:
            yield line
        except ValueError as error:
            raise Failed(f"not accepted: {error}") from None
        finally:
            if line.is_established:
                line.release()

    @contextmanager
    def _listening(self, port: int | None, handlers: Sequence[Any]) -> Iterator[None]:
        if port is None:
            yield
            return
        entity = self._entity()
        entity.add_supported_context(COMMITMENT, scu_role=False, scp_role=True)
        entity.add_supported_context(VERIFICATION)
        server = entity.start_server(("", port), block=False, evt_handlers=list(handlers))
        try:
            yield
        finally:
            server.shutdown()


def wire_pieces(line: Any, image: Dataset) -> list[bytes]:
    """The PDUs of a C-STORE request, without sending them."""
    accepted = [c for c in line.accepted_contexts if c.abstract_syntax == image.SOPClassUID]
    context = next(c for c in accepted if c.transfer_syntax[0] == _syntax(image))
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = image.SOPClassUID
    request.AffectedSOPInstanceUID = image.SOPInstanceUID
    syntax = context.transfer_syntax[0]
    encoded = encode(image, syntax.is_implicit_VR, syntax.is_little_endian)
    request.DataSet = BytesIO(encoded or b"")
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    pieces = []
    for primitive in message.encode_msg(context.context_id, line.acceptor.maximum_length):
        pdu = P_DATA_TF()
        pdu.from_primitive(primitive)
        pieces.append(pdu.encode())
    return pieces


def _fitting(line: Any, image: Dataset) -> Dataset:
    """The image, or it decompressed where the peer took no context with its syntax."""
    taken = {
        str(c.transfer_syntax[0])
        for c in line.accepted_contexts
        if c.abstract_syntax == image.SOPClassUID
    }
    if _syntax(image) in taken or not taken.intersection(PLAIN):
        return image
    plain = copy.deepcopy(image)
    if plain.file_meta.TransferSyntaxUID.is_encapsulated:
        plain.decompress(generate_instance_uid=False)
    if EXPLICIT not in taken:
        plain.file_meta.TransferSyntaxUID = UID(IMPLICIT)
    return plain


def _syntax(image: Dataset) -> str:
    return str(image.file_meta.TransferSyntaxUID)


def _reported(event: Any, promise: Promise) -> tuple[int, None]:
    answer = event.event_information
    promise.committed = _uids(answer.get("ReferencedSOPSequence"))
    promise.refused = _uids(answer.get("FailedSOPSequence"))
    promise.heard.set()
    return 0x0000, None


def _uids(items: Any) -> frozenset[str]:
    return frozenset(str(item.ReferencedSOPInstanceUID) for item in items or ())


def _expect(status: Any, what: str) -> None:
    """Success and warnings (Bxxx) pass."""
    if not status or "Status" not in status:
        raise Failed(f"{what}: no answer")
    if status.Status and status.Status & 0xF000 != 0xB000:
        raise Failed(f"{what}: {_word(status)}")


def _word(status: Any) -> str:
    return f"status {status.Status:04X}" if status and "Status" in status else "no answer"
