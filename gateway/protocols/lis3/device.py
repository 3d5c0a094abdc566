"""The analyzer's end of a LIS3 line, for simulators: announces, and sends what it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.events import MessageDamaged, MessageIncomplete, MessageReceived
from gateway.protocols.lis3.events import Delivered, DeviceEvent, Requested
from gateway.protocols.lis3.message import ACK, Entry, Lis3Framing, decode, encode
from gateway.protocols.text.receiver import Receiver

_KINDS: Final = ("SMP", "QC", "CAL")


class Device:
    """Keeps what it announced until the host acknowledged the data."""

    def __init__(self, model: str = "0500", number: str = "1") -> None:
        self._identity = (Entry("aMOD", model), Entry("iIID", number))
        self._receiver = Receiver(Lis3Framing())
        self._samples: dict[str, tuple[str, tuple[Entry, ...]]] = {}
        self._sent: str | None = None
        self._event: DeviceEvent | None = None

    @property
    def timeout(self) -> float | None:
        return None if self._event is not None else self._receiver.timeout

    @property
    def kept(self) -> tuple[str, ...]:
        """Sequence numbers announced and not yet delivered."""
        return tuple(self._samples)

    def identify(self) -> bytes:
        """Asks who the host is."""
        return encode("ID_REQ")

    def announce(self, sequence: str, entries: Sequence[Entry], kind: str = "SMP") -> bytes:
        """The notice for a new sample (or ``QC``, ``CAL``)."""
        if kind not in _KINDS:
            raise LocalProtocolError("an analyzer announces SMP, QC or CAL")
        self._samples[sequence] = (kind, tuple(entries))
        return encode(f"{kind}_NEW_AV", (*self._identity, Entry("rSEQ", sequence)))

    def receive_data(self, data: bytes) -> None:
        self._receiver.receive_data(data)

    def next_event(self) -> DeviceEvent | None:
        if self._event is not None:
            raise LocalProtocolError("an event still waits for its answer")
        while (event := self._receiver.next_event()) is not None:
            if isinstance(event, MessageReceived) and event.raw == ACK:
                self._receiver.accept()
                if (sequence := self._acknowledged()) is not None:
                    return Delivered(sequence)
            else:
                return self._seen(event)
        return None

    def accept(self) -> bytes:
        """ACK, and the sample that was asked for."""
        event, self._event = self._event, None
        if event is None or isinstance(event, MessageDamaged):
            self._event = event
            raise LocalProtocolError("nothing here may be accepted")
        self._receiver.accept()
        return ACK + (self._data(event.sequence) if isinstance(event, Requested) else b"")

    def refuse(self) -> bytes:
        if self._event is None:
            raise LocalProtocolError("nothing waits for an answer")
        self._event = None
        return self._receiver.refuse()

    def expire(self) -> DeviceEvent | None:
        event = self._receiver.expire()
        return None if event is None else self._seen(event)

    def _acknowledged(self) -> str | None:
        sequence, self._sent = self._sent, None
        if sequence is not None:
            self._samples.pop(sequence, None)
        return sequence

    def _seen(self, event: object) -> DeviceEvent | None:
        match event:
            case MessageReceived(raw):
                message = decode(raw)
                asked = message.name.endswith("_REQ") and message.name != "ID_REQ"
                self._event = Requested(message.at("rSEQ") or "") if asked else event
                return self._event
            case MessageDamaged():
                self._event = event
                return event
            case MessageIncomplete():
                return event
        return None

    def _data(self, sequence: str) -> bytes:
        kind, entries = self._samples.get(sequence, ("SMP", ()))
        number = Entry("rSEQ", sequence)
        if not entries:
            return encode(f"{kind}_NOT_AV", (*self._identity, number))
        self._sent = sequence
        return encode(f"{kind}_NEW_DATA", (*self._identity, number, *entries))
